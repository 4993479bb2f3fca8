"""HTTP/1.1 responses: their ends, their order, and what a server may do early."""

import re

import pytest
from hypothesis import find

from wireproof.protocols import MalformedReplyError, Oracle, WrongReplyError
from wireproof.protocols.built_in.http1 import Http1
from wireproof.protocols.built_in.http_messages import parse_request, parse_response
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code

GET = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nxyz"


def oracle_of(body: str, *requests: bytes) -> Oracle:
    """Return the oracle of a connection with this contract."""
    protocol = Http1()
    protocol.body = body
    oracle = protocol.oracle()
    for request in requests:
        oracle.announce(request)
        oracle.sent(len(request))
    return oracle


def response(body: bytes, *fields: bytes) -> bytes:
    """Return a 200 with a Content-Length."""
    head = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *fields]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def test_pipelined_responses_octet_by_octet():
    """Counted, chunked and interim responses end where they should, however they are cut."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    second = b"HTTP/1.1 100 Continue\r\n\r\n" + chunked + b"8\r\nPOST /b\n\r\n3\r\nxyz\r\n0\r\n\r\n"
    oracle = oracle_of("echo", GET, POST)
    stream = response(b"GET /a\n") + second
    answered = sum(oracle.receive_data(stream[at : at + 1]) for at in range(len(stream)))
    assert answered == 2


def test_responses_out_of_order_are_wrong():
    """Pipelined requests are answered in their order (RFC 9112, section 9.3.2)."""
    with pytest.raises(WrongReplyError):
        oracle_of("target", GET, POST).receive_data(response(b"POST /b\n"))


def test_a_response_may_come_before_the_body():
    """A server may answer once the header section is there, and not before."""
    oracle = Http1().oracle()
    oracle.announce(POST)
    oracle.sent(len(POST) - 3)
    assert oracle.receive_data(response(b"")) in {0, 1}
    oracle.sent(3)
    assert oracle.settled
    oracle = Http1().oracle()
    oracle.announce(POST)
    oracle.sent(20)
    with pytest.raises(WrongReplyError):
        oracle.receive_data(response(b""))


HINT = b"HTTP/1.1 103 Early Hints\r\n\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        response(b"x", b"Connection: close"),
        response(b"x", b"Connection:close"),
        response(b"x", b"Connection: close", b"Connection: x"),
        response(b"x", b"Connection: x", b"Connection: y,\tClose"),
        b"HTTP/1.1 200 OK\r\nCONNECTION: CLOSE\r\ncontent-length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
        HINT + HINT + response(b"x", b"Connection: close"),
        HINT + response(b"x").replace(b"1.1", b"1.0"),
        response(b"x").replace(b"1.1", b"1.0"),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\n\r\nx",
    ],
)
def test_a_response_that_closes_ends_what_is_owed(reply: bytes):
    """Behind `Connection: close`, or a body up to the end, nothing is owed, and nothing comes."""
    oracle = oracle_of("any", GET, GET)
    oracle.receive_data(reply)
    oracle.receive_eof()
    assert oracle.ended


@pytest.mark.parametrize(
    "reply",
    [
        response(b"x", b"Proxy-Connection: close"),
        response(b"x", b"X: connection: close"),
        response(b"x", b"Connection:Keep-Alive").replace(b"1.1", b"1.0"),
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + response(b"x"),
        b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 0\r\n\r\n",
        response(b"x", b"Connection: a", b"X: close"),
    ],
)
def test_a_response_that_does_not_close_leaves_the_next_owed(reply: bytes):
    """What looks like `Connection: close`, and is not, ends nothing."""
    oracle = oracle_of("any", GET, GET)
    oracle.receive_data(reply)
    assert not oracle.ended
    assert oracle.owed == 1
    oracle.receive_data(response(b""))


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/0.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        response(b"0\r\n\r\n", b"Transfer-Encoding: chunked"),
    ],
    ids=["version", "interim version", "status", "chunks in HTTP/1.0", "two lengths"],
)
def test_what_rfc_9112_has_no_server_send(reply: bytes):
    """Another major version, a status beyond 599, and chunks in HTTP/1.0 or with a length."""
    with pytest.raises(WrongReplyError):
        oracle_of("any", GET).receive_data(reply)


def test_a_body_may_end_with_the_stream():
    """A response without a length ends with the stream, and is judged then."""
    for body, right in ((b"GET /a\n", True), (b"GET /b\n", False)):
        oracle = oracle_of("target", GET)
        oracle.receive_data(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        if right:
            oracle.receive_eof()
        else:
            with pytest.raises(WrongReplyError):
                oracle.receive_eof()


def test_what_is_no_http_is_malformed():
    """A broken status line is a finding, with the parser's words."""
    with pytest.raises(WrongReplyError, match="malformed"):
        oracle_of("any", GET).receive_data(b"HTTP?\r\n\r\n")


def chunks_of(body: bytes) -> list[bytes]:
    """Return what each chunk holds."""
    found: list[bytes] = []
    while body != b"0\r\n\r\n":
        size, _, body = body.partition(b"\r\n")
        assert re.fullmatch(b"[1-9a-f][0-9a-f]*", size)
        found.append(body[: int(size, 16)])
        body = body[int(size, 16) :]
        assert body.startswith(b"\r\n")
        body = body[2:]
    return found


HEAD = re.compile(
    rb"(GET|HEAD|POST) (/[^ ]*) HTTP/1[.]1\r\nHost: ([^\r]+)\r\n"
    rb"(?:Content-Length: ([0-9]+)\r\n|(Transfer-Encoding: chunked)\r\n)?"
    rb"((?:(?:Expect: 100-continue|X-Filler: [a-z]+|X-Field-[0-9]+: [0-9]+)\r\n)*)\r\n"
)


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({}, {"GET", "HEAD", "POST", "chunks", "Expect", "X-Filler", "X-Field-0"}),
        ({"methods": "GET"}, {"GET", "X-Filler", "X-Field-0"}),
        ({"methods": "POST"}, {"POST", "chunks", "Expect"}),
        (
            {"methods": "GET,POST", "chunked": "no"},
            {"GET", "POST", "Expect", "X-Filler", "X-Field-0"},
        ),
        ({"methods": "POST", "chunked": "no"}, {"POST", "Expect"}),
    ],
)
def test_what_is_asked_for_is_what_is_set(settings: dict[str, str], kinds: set[str]):
    """Each method, path and way to send a body is drawn exactly if the settings name it."""
    protocol = find_protocol("http1", {"paths": "/x,/y", "host": "example.com", **settings})
    seen: set[str] = set()
    targets: set[bytes] = set()
    bodies: set[bytes] = set()
    counts: set[int] = set()
    for request in check_code(protocol, 150):
        head = HEAD.match(request)
        assert head, request
        body = request[head.end() :]
        assert head[3] == b"example.com"
        if head[5]:
            chunks = chunks_of(body)
            counts.add(len(chunks))
            body = b"".join(chunks)
        elif head[4]:
            assert len(body) == int(head[4])
        else:
            assert not body
        assert (head[1] != b"POST") == (not head[4] and not head[5])
        rare = head[6].partition(b":")[0].decode()
        assert (rare == "Expect") <= bool(body)  # RFC 9110, section 10.1.1
        seen.add(rare or ("chunks" if head[5] else head[1].decode()))
        targets.add(head[2])
        bodies.add(body)
        assert parse_request(request) == (head[1], head[2], body)
    assert seen == kinds
    assert targets == {b"/x", b"/y"}
    assert (len(bodies) > 1) == ("POST" in kinds)
    assert (counts >= {0, 1, 2}) == ("chunks" in kinds)


def test_a_sized_request_is_a_post_or_else_a_get_with_a_long_field():
    """A body or a field fills the size; a head has at most 4096 bytes."""
    protocol = find_protocol("http1", {"paths": "/x,/y"})
    head = b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
    assert protocol.sized_request(len(head) + 10) == head + bytes(range(10))
    assert protocol.sized_request(4097) is not None
    protocol = find_protocol("http1", {"paths": "/x,/y", "methods": "GET"})
    head = b"GET /x HTTP/1.1\r\nHost: localhost\r\nX-Filler: f"
    right = head + b"abcdefghijklmnopqrstuvwxyzab\r\n\r\n"
    assert protocol.sized_request(len(right)) == right
    assert len(protocol.sized_request(4096) or b"") == 4096
    assert protocol.sized_request(4097) is None


@pytest.mark.parametrize(
    ("beginning", "end"),
    [
        (b"WIREPROOF", b"\r\n"),
        (b"GET / HTTP/1.1\r\nHost :", b"\r\n\r\n"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n", b"\r\n\r\n"),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
            b"\r\n\r\nab",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            b"\r\n0\r\n\r\n",
        ),
    ],
)
def test_what_is_malformed_has_one_fault(beginning: bytes, end: bytes):
    """What is sent as malformed is a whole message, with the one fault that RFC 9112 names."""
    found = find(Http1().malformed(), lambda each: each.startswith(beginning))
    assert found.endswith(end)


def test_rules_send_what_their_titles_say():
    """Each rule has its odd message, and a plain one behind it that shows the place was kept."""
    plain = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
    odd = {
        "HTTP1-001": b"\r\n" + plain,
        "HTTP1-002": plain[:-2] + b"X-Space:\t  x \t\r\n\r\n",
        "HTTP1-003": b"POST" + plain[3:-2] + b"Transfer-Encoding: Chunked\r\n\r\n"
        b'3;name="value"\r\nabc\r\n0;last\r\nX-Trailer: x\r\n\r\n',
    }
    paths = {"paths": "/x,/y"}
    protocol = find_protocol("http1", paths)
    found = {rule.id: rule.conversations for rule in protocol.rules()}
    (((hidden,),),) = (found.pop("HTTP1-004"),)
    assert found == {name: ((request, plain),) for name, request in odd.items()}
    head, _, rest = hidden.partition(b"\r\n\r\n")
    assert b"Content-Length: 4\r\nTransfer-Encoding: gzip, chunked" in head
    assert rest[4:].startswith(plain)


@pytest.mark.parametrize("status", [b"200 OK", b"501 Not Implemented"])
def test_a_hidden_request_is_not_answered(status: bytes):
    """One response is right, whatever it says; a second one has answered what the chunk holds."""
    protocol = find_protocol("http1", {"body": "target"})
    (hidden,) = next(rule for rule in protocol.rules() if rule.id == "HTTP1-004").conversations[0]
    one = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status
    oracle = oracle_of("target", hidden)
    assert oracle.receive_data(one) == 1
    with pytest.raises(WrongReplyError):
        oracle.receive_data(one)


def test_rules_belong_to_methods_and_chunks():
    """Without POST, or without chunks, there is nothing to say of them."""
    paths = {"paths": "/x,/y"}
    for settings in ({"methods": "GET"}, {"chunked": "no"}):
        rules = find_protocol("http1", {**paths, **settings}).rules()
        assert [rule.id for rule in rules] == ["HTTP1-001", "HTTP1-002"]


@pytest.mark.parametrize(
    ("body", "request_bytes", "reply", "right"),
    [
        ("any", GET, b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", False),
        ("any", GET, b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", True),
        ("any", GET, b"HTTP/1.1 599 No\r\nContent-Length: 0\r\n\r\n", True),
        ("any", GET, response(b"anything"), True),
        ("target", GET, response(b"GET /a\n"), True),
        ("target", POST, response(b"POST /b\n"), True),
        ("target", POST, response(b"POST /b\nxyz"), False),
        ("target", GET, response(b"GET /a\n").replace(b"200", b"201"), False),
        ("echo", POST, response(b"POST /b\nxyz"), True),
        ("echo", POST, response(b"POST /b\n"), False),
        ("echo", GET, response(b"GET /a\n"), True),
    ],
)
def test_each_contract_has_its_right_responses(
    body: str, request_bytes: bytes, reply: bytes, right: bool
):
    """`any` asks for a status, `target` for the target, `echo` for the body behind it as well."""
    if right:
        assert oracle_of(body, request_bytes).receive_data(reply) == 1
        return
    with pytest.raises(WrongReplyError) as wrong:
        oracle_of(body, request_bytes).receive_data(reply)
    says = {
        "any": "a response, not 400",
        "target": "200 and b'GET /a\\n'" if request_bytes == GET else "200 and b'POST /b\\n'",
        "echo": "200 and b'POST /b\\nxyz'",
    }
    assert wrong.value.expected == says[body]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (response(b"").replace(b"1.1", b"2.0"), "^HTTP/2.0$"),
        (
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "^Transfer-Encoding with Content-Length, or in HTTP/1.0$",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "^Transfer-Encoding with Content-Length, or in HTTP/1.0$",
        ),
        (b"HTTP?\r\n\r\n", "illegal status line"),
    ],
)
def test_what_is_wrong_with_a_response_is_said(reply: bytes, says: str):
    """The error has the version, the framing, or the parser's words."""
    with pytest.raises(MalformedReplyError, match=says):
        parse_response(reply)


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        (HINT + response(b"ab"), (200, b"ab")),
        (b"HTTP/1.1 404 No\r\n\r\nab", (404, b"ab")),
        (b"HTTP/1.0 200 OK\r\n\r\n", (200, b"")),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", (200, b"a")),
        (
            b"HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            (201, b"ab"),
        ),
    ],
)
def test_status_and_body_are_read(reply: bytes, right: tuple[int, bytes]):
    """Interim responses are left out; chunks are joined; a body may end with the stream."""
    assert parse_response(reply) == right


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_responses_end_where_they_end(step: int):
    """However a stream grows, each response is cut off where it ends, and the next one begins."""
    replies = [
        response(b"ab"),
        HINT + response(b"c"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No\r\n\r\n",
    ]
    protocol, buffer, found = Http1(), bytearray(), list[bytes]()
    stream = b"".join(replies)
    for at in range(0, len(stream), step):
        buffer += stream[at : at + step]
        while buffer and (length := protocol.reply_length(buffer)) is not None:
            found.append(bytes(buffer[:length]))
            del buffer[:length]
    assert found == replies


def test_a_request_can_be_answered_once_its_head_is_there():
    """The first empty line ends the head, whatever the body holds."""
    post = Http1().post(b"/b", b"\r\n\r\n")
    assert post == b"POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n\r\n\r\n"
    assert Http1().answerable_at(post) == len(post) - 4
