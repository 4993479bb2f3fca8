"""What holds for every built-in protocol."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.right_replies import right_replies
from wireproof.protocols.base import NUMBER_BORDERS, Protocol, as_sent
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.exchange import Exchange, SecondLogin
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol
from wireproof.protocols.loading.self_check import check_code
from wireproof.protocols.oracle import WrongReplyError
from wireproof.protocols.request_reply import RequestReply
from wireproof.results import Level

each = pytest.mark.parametrize("name", BUILT_IN)


@each
def test_agrees_with_itself(name: str):
    """Each class frames its own right replies, keeps sizes, and draws what it should."""
    assert check_code(find_protocol(name))


@each
def test_says_what_it_is(name: str):
    """Each has its name, a summary, a source, and UDP exactly where it judges datagrams."""
    protocol = find_protocol(name)
    assert protocol.name == name
    assert protocol.summary().endswith(".")
    assert protocol.source
    assert ("udp" in protocol.transports) == isinstance(protocol, Datagrams)


@each
def test_rules_can_be_judged(name: str):
    """The conversations of each rule are valid to its protocol's oracle; its id names it."""
    protocol = find_protocol(name)
    prefix = name.upper().split("-")[0]
    for rule in protocol.rules():
        assert re.fullmatch(rf"{prefix}-[0-9]{{3}}", rule.id)
        assert isinstance(rule.level, Level)
        for conversation in rule.conversations:
            oracle = protocol.oracle()
            for request in [*protocol.opening(), *conversation]:
                oracle.announce(protocol.personalise(request, 7))
                oracle.sent(len(request))
            assert oracle.owed


SOURCE = re.compile(
    r"RFC [0-9]{3,4} sections? [0-9. and]+(?:; CVE-[0-9]{4}-[0-9]+)?"
    r"|(?:PostgreSQL|Graphite) documentation, [A-Z][A-Za-z ]+"
    r"|AMQP 0-9-1 specification, [A-Z][A-Za-z ]+"
    r"|MQTT Version [0-9.]+ section [0-9.]+"
    r"|STOMP Protocol Specification, [A-Z][a-z-]+"
    r"|NATS client protocol, [A-Z][A-Za-z ]+"
    r"|RESP specification, [A-Z][a-z ]+|memcached, doc/protocol[.]txt, [A-Z][a-z ]+"
)


@each
def test_rules_say_what_where_and_why(name: str):
    """The title and the reason of each rule are a sentence; its source has a place in it."""
    for rule in find_protocol(name).rules():
        for sentence in (rule.title, rule.reason):
            assert re.fullmatch(r"[A-Z].*[A-Za-z0-9][.]", sentence)
            assert not sentence.isupper()
        assert SOURCE.fullmatch(rule.source)


@each
@settings(max_examples=20)
@given(data=st.data())
def test_personal_requests_stay_valid(name: str, data: st.DataObject):
    """A request made private to a connection has its length, and differs between connections."""
    protocol = find_protocol(name)
    request = data.draw(protocol.requests())
    one, other = (protocol.personalise(request, serial) for serial in (1, 2))
    assert len(one) == len(other) == len(request)
    assert (one == other) == (protocol.personalise(request, 5) == one)


IDENTIFIERS = [
    (
        "dns",
        2,
        b"\x00\x1d\x00\x09\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x03com\x00\x00\x01\x00\x01",
    ),
    ("modbus-tcp", 0, b"\x00\x09\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01"),
    ("mqtt", 2, b"\x82\x06\x00\x09\x00\x01a\x00"),
    ("mqtt", 5, b"\x32\x06\x00\x01a\x00\x09X"),
    ("mqtt", None, b"\x30\x04\x00\x01aX"),
    ("mqtt", None, b"\xc0\x00"),
]


@pytest.mark.parametrize(("name", "at", "request_bytes"), IDENTIFIERS)
def test_no_identifier_is_under_way_twice(name: str, at: int | None, request_bytes: bytes):
    """Equal requests of one connection leave with an identifier each, and are else the same."""
    sent = as_sent(find_protocol(name), [request_bytes] * 3, 0, first=65534)
    if at is None:
        assert sent == [request_bytes] * 3
        return
    assert len({each[at : at + 2] for each in sent}) == 3
    assert {each[:at] + each[at + 2 :] for each in sent} == {
        request_bytes[:at] + request_bytes[at + 2 :]
    }
    assert name != "mqtt" or all(each[at : at + 2] != b"\0\0" for each in sent)


def test_sized_requests_reach_the_borders():
    """Protocols with a payload of any size have requests around the usual buffer sizes."""
    for name in (
        *("echo", "line-echo", "redis", "memcached", "mllp", "mqtt", "http1", "smtp"),
        "websocket",
    ):
        protocol = find_protocol(name)
        sizes = range(1000, 1100)
        found = [size for size in sizes if protocol.sized_request(size) is not None]
        assert len(found) >= 98, name  # a length that gains a digit leaves a size out


@pytest.mark.parametrize("border", NUMBER_BORDERS)
@pytest.mark.parametrize(("name", "at", "request_bytes"), IDENTIFIERS[:4])
def test_identifiers_cross_borders(name: str, at: int, request_bytes: bytes, border: int):
    """A connection whose numbers begin below a border has an identifier of its own behind it."""
    sent = as_sent(find_protocol(name), [request_bytes] * 6, 0, first=border - 3)
    ids = [int.from_bytes(each[at : at + 2]) for each in sent]
    assert len(set(ids)) == 6
    if border < 2**16:  # mqtt has no 0, and begins at 1
        assert ids == [border + step + (name == "mqtt") for step in range(-3, 3)]


def settled(protocol: Protocol, requests: list[bytes]) -> bool:
    """Say whether right replies to all of these, in turn, leave nothing owed."""
    personal = as_sent(protocol, [*protocol.opening(), *requests], 7)
    *_, reply = replies = right_replies(protocol, personal)
    oracle = protocol.oracle()
    for request in personal:
        oracle.announce(request)
        oracle.sent(len(request))
    oracle.receive_data(b"".join(replies))
    return bool(reply) and oracle.settled


REPLYING = [name for name in BUILT_IN if find_protocol(name).exchange is Exchange.REQUEST_REPLY]


@pytest.mark.parametrize("name", REPLYING)
def test_each_has_a_plain_request(name: str):
    """A plain request is the same each time, short, and a right server answers it."""
    protocol = find_protocol(name)
    example = protocol.example()
    assert example
    assert 1 < len(example) < 200
    assert example == find_protocol(name).example()
    assert settled(protocol, [example])
    if isinstance(protocol, Datagrams):
        datagram = protocol.datagram_example()
        assert datagram
        assert protocol.expected_datagram(datagram) is not None


@each
def test_kinds_are_what_is_drawn(name: str):
    """Each kind has requests of its own; those that nothing may follow are not drawn."""
    protocol = find_protocol(name)
    for kind, strategy in protocol.kinds().items():
        assert re.fullmatch("[a-z][a-z0-9-]*", kind)
        drawn = drawn_from(strategy)
        assert all(protocol.is_last(request) == (kind == "close") for request in drawn)
        if name in REPLYING and kind != "close":
            assert settled(protocol, drawn) or name == "memcached"  # where the last has no reply
    assert not any(protocol.is_last(request) for request in check_code(protocol))


WORKLOADS = {
    "redis": {"get": 80, "set": 20},
    "memcached": {"get": 80, "set": 20},
    "http1": {"get": 80, "post": 20},
    "dns": {"a": 1},
    "mqtt": {"publish-qos0": 50, "publish-qos1": 45, "ping": 5},
    "modbus-tcp": {"read": 80, "write-one": 10, "write-several": 10},
    "smtp": {"mail": 1},
    "websocket": {"text": 80, "binary": 20},
    "postgres": {"simple": 50, "extended": 50},
    "nats": {"publish": 95, "ping": 5},
    "socks5": {"line": 1},
    "stomp": {"send": 1},
    "amqp-0-9-1": {"publish": 1},
    "imap": {"noop": 30, "list": 10, "fetch": 60},
    "ftp": {"noop": 20, "type": 30, "pwd": 20, "cwd": 30},
    "pop3": {"stat": 30, "list": 30, "retr": 40},
}


@each
def test_the_usual_load(name: str):
    """Ordinary clients ask few kinds of things, of ordinary sizes, and each is answered."""
    protocol = find_protocol(name)
    workload = protocol.workload()
    assert {kind: weight for kind, (_, weight) in workload.items()} == WORKLOADS.get(
        name, {name: 1}
    )
    if name not in WORKLOADS:
        return
    for strategy, _ in workload.values():
        drawn = drawn_from(strategy)
        assert max(map(len, drawn)) < 5000
        assert settled(protocol, drawn)
    if isinstance(protocol, Datagrams):
        (strategy, weight), *_ = protocol.datagram_workload().values()
        assert weight == 1
        assert all(protocol.expected_datagram(each) for each in drawn_from(strategy))


def drawn_from(strategy: st.SearchStrategy[bytes]) -> list[bytes]:
    """Return some examples, the same each time."""
    drawn: list[bytes] = []

    @settings(max_examples=20, database=None, derandomize=True)
    @given(strategy)
    def draw(request: bytes) -> None:
        drawn.append(request)

    draw()
    return drawn


SIZED = {
    "redis": {},
    "memcached": {},
    "mqtt": {},
    "modbus-tcp": {},
    "http1": {"body": "echo"},
    "websocket": {},
    "postgres": {},
    "nats": {},
    "stomp": {},
    "amqp-0-9-1": {"frame_max": "131072", "confirm": "no"},  # the body in one frame, and last
}


@pytest.mark.parametrize("size", [1, 2, 126, 127, 128, 129, 246, 255, 256, 257, 4096, 65536])
@pytest.mark.parametrize("name", SIZED)
def test_a_value_that_is_written_is_read(name: str, size: int):
    """What is written has the size asked for; read back with a wrong byte, it is wrong."""
    protocol = find_protocol(name, SIZED[name])
    conversation = protocol.sized_conversation(size)
    if conversation is None:
        assert name == "modbus-tcp"
        assert size % 2 or size > 246
        return
    personal = as_sent(protocol, [*protocol.opening(), *conversation], 7)
    greeting, *before, last = right_replies(protocol, personal)
    at = last.rindex(value_of(name, size))
    for spoilt in (-1, *sorted({0, size // 2, size - 1})):
        oracle = protocol.oracle()
        oracle.receive_data(greeting)
        for request, reply in zip(personal, [*before, b""], strict=True):
            oracle.announce(request)
            oracle.sent(len(request))
            oracle.receive_data(reply)
        if spoilt < 0:
            oracle.receive_data(last)
            assert oracle.settled
            continue
        received = bytearray(last)
        received[at + spoilt] ^= 1
        with pytest.raises(WrongReplyError):
            oracle.receive_data(bytes(received))


def value_of(name: str, size: int) -> bytes:
    """Return the value that is written."""
    if name == "modbus-tcp":
        return b"".join((at * 257 + 1).to_bytes(2) for at in range(size // 2))
    if name == "postgres":
        return (bytes(range(97, 123)) * (size // 26 + 1))[:size]
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def test_sizes_beyond_what_a_request_may_have_have_no_value():
    """A value that makes a request too long is none; nor has a protocol one that shows none."""
    for name, settings_ in SIZED.items():
        protocol = find_protocol(name, {**settings_, "max_request_bytes": "260"})
        if name != "redis":
            assert protocol.sized_conversation(300) is None
    for name in {*BUILT_IN} - {*SIZED} | {"http1"}:
        assert find_protocol(name).sized_conversation(64) is None


def test_a_message_that_is_not_retained_comes_back_by_itself():
    """Where a broker retains nothing, what is published shows on the opening's subscription."""
    protocol = find_protocol("mqtt", {"retain": "no"})
    assert [request[0] for request in protocol.sized_conversation(100) or []] == [0x32]


def test_who_may_log_in_twice():
    """MQTT has a client's second connection take over; no other opening names anybody."""
    named = {name: find_protocol(name).same_identity() for name in BUILT_IN}
    assert {name for name, second in named.items() if second} == {"mqtt"}
    assert named["mqtt"] is SecondLogin.TAKES_OVER


REFUSALS = [
    ("redis", b"-ERR unknown command 'x'\r\n+OK", "ERR unknown command 'x'"),
    ("memcached", b"CLIENT_ERROR bad data chunk\r\n", "CLIENT_ERROR bad data chunk"),
    ("memcached", b"ERROR\r\n", "ERROR"),
    ("memcached", b"SERVER_ERROR out of memory\r\n", "SERVER_ERROR out of memory"),
    ("smtp", b"550-5.7.1 no\r\n550 relay\r\n", "550-5.7.1 no"),
    ("smtp", b"421 bye\r\n", "421 bye"),
    ("http1", b"HTTP/1.1 503 Service Unavailable\r\nContent-Le", "503 Service Unavailable"),
    ("http1", b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 417 No\r\n\r\n", "417 No"),
    ("dns", b"\0\x0c\0\7\x81\x05\0\1\0\0\0\0\0\0", "REFUSED, 0 answers"),
    ("modbus-tcp", b"\0\1\0\0\0\3\1\x83\2", "exception 2, illegal data address"),
    ("modbus-tcp", b"\0\1\0\0\0\3\1\x83\x63", "exception 99, which has no name"),
    ("mqtt", b"\x20\2\0\5", "CONNACK with code 5, not authorized"),
    ("mqtt", b"\x90\4\0\1\0\x80", "SUBACK with code 128, failure"),
    ("websocket", b"\x88\x06\x03\xeaoops", "a close frame with 1002 oops"),
    ("websocket", b"HTTP/1.1 403 No\r\n\r\n", "HTTP/1.1 403 No"),
    ("postgres", b"E\0\0\0\x15SERROR\0C42601\0Mno\0\0", "ERROR 42601 no"),
    ("socks5", b"\5\2\0\1\0\0\0\0\0\0", "not allowed"),
    ("stomp", b"ERROR\nmessage:no\n\n\0", "ERROR: no"),
    ("imap", b"* 1 EXISTS\r\nw1 NO no such box\r\n", "w1 NO no such box"),
    ("ftp", b"550-no\r\n550 none\r\n", "550-no"),
    ("pop3", b"-ERR no\r\n+OK", "-ERR no"),
    ("nats", b"-ERR 'Stale Connection'\r\n", "ERR 'Stale Connection'"),
    ("mllp", b"\x0bMSH|^~\\&|\rMSA|AE|7|no such patient\r\x1c\r", "AE 7 no such patient"),
]
SERVICES = [
    ("redis", b"+OK\r\n", ""),
    ("redis", b"$3\r\n-ER\r\n", ""),
    ("memcached", b"END\r\n", ""),
    ("memcached", b"VALUE ERROR 0 0\r\n\r\nEND\r\n", ""),
    ("smtp", b"250 fine\r\n", "250 fine"),
    ("smtp", b"354 go\r\n", "354 go"),
    ("http1", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK"),
    ("http1", b"HTTP/1.1 301 There\r\n\r\n", "301 There"),
    ("http1", b"HTT", ""),
    ("http1", b"503 no", ""),
    ("dns", b"\0\x0c\0\7\x81\x80\0\1\0\2\0\0\0\0", "NOERROR, 2 answers"),
    ("dns", b"\0\x0c\0\7\x01\x00\0\1\0\0\0\0\0\0", "a query"),
    ("dns", b"\0\2\0\7", ""),
    ("modbus-tcp", b"\0\1\0\0\0\5\1\3\2\0\x83", ""),
    ("modbus-tcp", b"\0\1\0\0\0\3\1", ""),
    ("mqtt", b"\x20\2\0\0", "CONNACK"),
    ("mqtt", b"\x90\3\0\x80\1", "SUBACK"),
    ("mqtt", b"\x30\4\0\1\x80\x80", "PUBLISH"),
    ("mqtt", b"\xf0\0", "a packet of no known kind"),
    ("websocket", b"\x81\x02hi", "a text frame"),
    ("postgres", b"C\0\0\0\x0dSELECT 1\0", ""),
    ("socks5", b"\5\0", ""),
    ("stomp", b"RECEIPT\nreceipt-id:1\n\n\0", "RECEIPT"),
    ("imap", b"* LIST () NIL NO\r\nw1 OK done\r\n", "w1 OK done"),
    ("ftp", b"200 fine\r\n", "200 fine"),
    ("pop3", b"+OK 1 -ERR\r\n", "+OK 1 -ERR"),
    ("nats", b"PONG\r\n", ""),
    ("mllp", b"\x0bMSH|^~\\&|\rMSA|AA|7\r\x1c\r", "AA 7"),
    ("mllp", b"\x0b", ""),
]


@pytest.mark.parametrize(("name", "reply", "words"), REFUSALS)
def test_what_is_a_refusal(name: str, reply: bytes, words: str):
    """An error is told from a service, and in the protocol's own words."""
    protocol = find_protocol(name)
    assert isinstance(protocol, RequestReply)
    assert protocol.refused(reply)
    assert protocol.in_words(reply) == words


@pytest.mark.parametrize(("name", "reply", "words"), SERVICES)
def test_what_is_none(name: str, reply: bytes, words: str):
    """What serves, or is not all there, is no refusal."""
    protocol = find_protocol(name)
    assert isinstance(protocol, RequestReply)
    assert not protocol.refused(reply)
    assert protocol.in_words(reply) == words


@each
@given(
    reply=st.binary(max_size=40), head=st.sampled_from([b"", *(reply for _, reply, _ in REFUSALS)])
)
def test_any_bytes_can_be_told(name: str, reply: bytes, head: bytes):
    """Whatever a server sends, words are found for it, or none."""
    protocol = find_protocol(name)
    if isinstance(protocol, RequestReply) and name != "mqtt":  # whose framing refuses some
        assert isinstance(protocol.in_words(head + reply), str)
        assert protocol.refused(head + reply) in {True, False}
    if isinstance(protocol, Datagrams):
        assert isinstance(protocol.datagram_in_words(head + reply), str)


def test_a_refusal_over_udp_is_told_with_its_code():
    """A response to our query that refuses it is a wrong reply, and named REFUSED."""
    protocol = find_protocol("dns", {"address": "192.0.2.1"})
    assert isinstance(protocol, Datagrams)
    query = protocol.datagram_example()
    assert query
    oracle = protocol.datagram_oracle()
    oracle.sent(query)
    refused = query[:2] + b"\x81\x05" + query[4:]
    with pytest.raises(WrongReplyError, match=r"^wrong reply \(REFUSED, 0 answers\) at"):
        oracle.receive(refused)
    with pytest.raises(WrongReplyError, match="answers nothing"):
        oracle.receive(b"??" + refused[2:])
