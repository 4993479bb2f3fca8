"""HTTP/1.1 responses: their ends, their order, and what a server may do early."""

import pytest

from harness.protocols import Oracle, WrongReplyError
from harness.protocols.http1 import Http1

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
        response(b"x", b"Connection: x", b"Connection: y,\tClose"),
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
