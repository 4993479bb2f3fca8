"""HTTP/1.1 messages, read with h11: requests, and the responses to a method."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wireproof.protocols.judging.remembered import remembered
from wireproof.protocols.oracle import MalformedReplyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import h11

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_INTERIM = re.compile(rb"HTTP/[0-9.]+ 1")


def method_of(request: bytes) -> bytes:
    """Return the method of a request; GET where it is none."""
    return request.lstrip(b"\r\n").partition(b" ")[0] or b"GET"


def response_parser(method: bytes) -> h11.Connection:
    """Return what reads the response to one request; the one to HEAD has no body."""
    import h11

    parser = h11.Connection(h11.CLIENT)
    method = b"HEAD" if method == b"HEAD" else b"GET"
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "any")]))
    parser.send(h11.EndOfMessage())
    return parser


def read_events(parser: h11.Connection) -> list[Any]:
    """Return the events that are there; the last one is an EndOfMessage or NEED_DATA."""
    import h11

    events: list[Any] = []
    try:
        while not events or not (
            isinstance(events[-1], h11.EndOfMessage) or events[-1] is h11.NEED_DATA
        ):
            events.append(parser.next_event())
    except h11.RemoteProtocolError as error:
        raise MalformedReplyError(str(error)) from None
    return events


def final_head(reply: bytes) -> bytes:
    """Return the header section of the response that is no interim one; empty without one."""
    for head in _heads(reply):
        if not _INTERIM.match(head):
            return head
    return b""


def _heads(reply: bytes) -> Iterator[bytes]:
    start = 0
    while end := _END_OF_HEAD.search(reply, start):
        yield reply[start : end.start()]
        start = end.end()


@remembered
def parse_response(reply: bytes, method: bytes = b"GET") -> tuple[int, bytes]:
    """Return status and body of a whole response to `method`, interim responses left out.

    Raises:
        MalformedReplyError: it is none, or has no framing that RFC 9112 allows.

    """
    import h11

    parser = response_parser(method)
    parser.receive_data(reply)
    events = read_events(parser)
    if events[-1] is h11.NEED_DATA:  # it ends with the stream
        parser.receive_data(b"")
        events += read_events(parser)
    *interim, head = [
        each for each in events if isinstance(each, h11.InformationalResponse | h11.Response)
    ]
    for each in (*interim, head):
        if not each.http_version.startswith(b"1."):
            raise MalformedReplyError(f"HTTP/{each.http_version.decode()}")
    names = {name for name, _ in head.headers}
    if b"transfer-encoding" in names and (
        b"content-length" in names or head.http_version == b"1.0"
    ):
        raise MalformedReplyError("Transfer-Encoding with Content-Length, or in HTTP/1.0")
    return head.status_code, b"".join(
        bytes(each.data) for each in events if isinstance(each, h11.Data)
    )


@remembered
def parse_request(request: bytes) -> tuple[bytes, bytes, bytes]:
    """Return method, target and body."""
    import h11

    parser = h11.Connection(h11.SERVER)
    parser.receive_data(request.lstrip(b"\r\n"))  # RFC 9112, section 2.2
    events = read_events(parser)
    head = next(each for each in events if isinstance(each, h11.Request))
    body = b"".join(bytes(each.data) for each in events if isinstance(each, h11.Data))
    return bytes(head.method), bytes(head.target), body
