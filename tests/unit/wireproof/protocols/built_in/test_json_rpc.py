"""JSON-RPC with and without headers."""

import json

import pytest

from wireproof.errors import UsageError
from wireproof.protocols import WrongReplyError
from wireproof.protocols.built_in.json_rpc import JsonRpc
from wireproof.protocols.loading.self_check import check_code

NO_METHOD = {"code": -32601, "message": "no such method"}


def flavoured(flavour: str, **settings: str) -> JsonRpc:
    """A protocol with settings."""
    protocol = JsonRpc()
    protocol.flavour = flavour
    for name, value in settings.items():
        setattr(protocol, name, value)
    return protocol


def framed(message: dict[str, object]) -> bytes:
    """A message with its header, and blanks that nobody forbids."""
    body = json.dumps(message).encode()
    return b"content-length:  %d\r\nContent-Type: x\r\n\r\n%b" % (len(body), body)


def hears(protocol: JsonRpc, *replies: bytes, requests: int = 1) -> int:
    """How many of the replies answer requests with the ids 1000000000 and on."""
    oracle = protocol.oracle()
    for number in range(requests):
        request = protocol.numbered(protocol.example(), number)
        oracle.announce(request)
        oracle.sent(len(request))
    return sum(map(oracle.receive_data, replies))


def reply(number: int = 0, **said: object) -> bytes:
    """A message in answer to a request."""
    return framed({"jsonrpc": "2.0", "id": 1_000_000_000 + number} | said)


def test_the_length_is_of_bytes_not_characters() -> None:
    """A text of any language is framed by what it has in UTF-8."""
    for request in check_code(JsonRpc(), 100):
        header, _, body = request.partition(b"\r\n\r\n")
        assert header == b"Content-Length: %d" % len(body)
        assert json.loads(body)["method"] == "wireproof/unknown"
    assert any(not request.isascii() for request in check_code(JsonRpc(), 100))


@pytest.mark.parametrize("size", [200, 1000, 1025, 65536])
def test_a_sized_request_has_that_size(size: int) -> None:
    """Whatever its header takes of it."""
    request = JsonRpc().sized_request(size)
    assert request is not None
    assert len(request) == size


def test_replies_come_in_any_order_beside_what_nobody_asked() -> None:
    """They name their requests; a notification and a server's own request answer none."""
    log = framed({"jsonrpc": "2.0", "method": "window/logMessage", "params": {}})
    asks = framed({"jsonrpc": "2.0", "id": 7, "method": "workspace/configuration"})
    answers = reply(1, error=NO_METHOD), log, asks, reply(0, error=NO_METHOD)
    assert hears(JsonRpc(), *answers, requests=2) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        reply(1, error=NO_METHOD),
        reply(result={}),
        reply(error={"code": -32603, "message": "broken"}),
        reply(),
        reply(error=NO_METHOD, result=1),
        framed({"id": 1_000_000_000, "error": NO_METHOD}),
        b"Content-Length: 2\r\n\r\n[]",
        b"Content-Length: 2\r\n\r\n{]",
        b"Content-Length: two\r\n\r\n{}",
        b"Content-Type: x\r\n\r\n{}",
        b"nonsense\r\n\r\n{}",
        b"x" * 5000,
    ],
)
def test_what_is_wrong_is_seen(wrong: bytes) -> None:
    """Another id, a result that there can't be, another error, and what is no message."""
    with pytest.raises(WrongReplyError):
        hears(JsonRpc(), wrong)


def test_mcp_has_a_message_a_line() -> None:
    """Its plain request is `ping`, which has a result."""
    protocol = flavoured("mcp")
    assert [json.loads(one)["method"] for one in protocol.opening()] == [
        "initialize",
        "notifications/initialized",
    ]
    line = b'{"jsonrpc":"2.0","id":1000000000,"result":{}}\n'
    assert hears(protocol, line) == 1
    with pytest.raises(WrongReplyError):
        hears(protocol, line.replace(b'"result":{}', b'"error":{"code":-32601,"message":""}'))


def test_a_method_of_ones_own_may_answer_either() -> None:
    """What is right is not known then, but for the form."""
    protocol = flavoured("plain", method="sum", params="[1,2]")
    assert not protocol.opening()
    assert json.loads(protocol.example().partition(b"\r\n\r\n")[2])["params"] == [1, 2]
    assert hears(protocol, reply(result=3)) == 1
    assert hears(protocol, reply(error={"code": 1, "message": "no"})) == 1


@pytest.mark.parametrize("settings", [{"flavour": "soap"}, {"flavour": "lsp", "params": "{"}])
def test_settings_that_mean_nothing_are_told(settings: dict[str, str]) -> None:
    """In words for people."""
    with pytest.raises(UsageError):
        flavoured(**settings).example()
