"""HTTP/1.1 (RFC 9112): pipelined GET and POST, with Content-Length and with chunks.

What a body should hold only the server's author knows; three contracts can be asked for:

    body=any      any response but 400, one a request, in order
    body=target   200, and the body is `METHOD TARGET` and a newline
    body=echo     the same, and behind it the request's body
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.sizes import padded
from wireproof.protocols.oracle import MalformedReplyError, printable
from wireproof.protocols.replies import Judge, Matcher
from wireproof.protocols.request_reply import RequestReply
from wireproof.results import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    import h11
    from hypothesis.strategies import SearchStrategy

_FILLER = b"abcdefghijklmnopqrstuvwxyz"
_MOST_HEADER_BYTES = 4096
_FEED_BYTES = 512
_CLOSE = b"\r\nconnection: close"
_HEAD_STATUS = {200, 405, 501}
"""To HEAD; a server need not have the method (RFC 9110, section 9.1)."""
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_INTERIM = re.compile(rb"HTTP/[0-9.]+ 1")


class Http1(RequestReply):
    """HTTP/1.1: GET and POST, whole and in chunks, several on one connection."""

    name = "http1"
    source = "RFC 9110; RFC 9112"
    modules: ClassVar[tuple[str, ...]] = ("h11",)
    half_close: ClassVar[Level] = Level.MAY
    eof_ends_reply: ClassVar[bool] = True
    max_request_bytes: int = 512 * 1024
    """Servers bound the size of a body, nginx at a megabyte."""
    host: str = "localhost"
    paths: str = "/,/a,/b,/c"
    """What is asked for, separated by commas."""
    methods: str = "GET,POST"
    chunked: bool = True
    """Whether bodies are sent in chunks too."""
    body: str = "any"
    """The contract: `any`, `target` or `echo`."""

    def __init__(self) -> None:
        """Start with no reply under way."""
        self._parser: Any = None
        self._fed_bytes = 0

    def requests(self) -> SearchStrategy[bytes]:
        """Return one request, by one of the methods, for one of the paths."""
        from hypothesis import strategies as st

        targets = st.sampled_from([path.encode() for path in self.paths.split(",")])
        bodies = st.binary(max_size=300)
        kinds = []
        if "GET" in self.methods.split(","):
            kinds.append(targets.map(lambda target: self._request(b"GET", target)))
        if "POST" in self.methods.split(","):
            kinds.append(st.builds(self.post, targets, bodies))
        if "POST" in self.methods.split(",") and self.chunked:
            kinds.append(st.builds(self._post_chunks, targets, st.lists(bodies, max_size=3)))
        return st.one_of(*kinds)

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a POST, or a GET with a long header where there is no POST."""
        path = self.paths.split(",")[0].encode()
        if "POST" in self.methods.split(","):
            return padded(size_bytes, lambda body: self.post(path, body))
        if size_bytes > _MOST_HEADER_BYTES:
            return None
        return padded(
            size_bytes, lambda text: self._request(b"GET", path, b"X-Filler: f" + text), _FILLER
        )

    def malformed(self) -> SearchStrategy[bytes]:
        """Return messages that RFC 9112 has a server refuse with 400."""
        from hypothesis import strategies as st

        start = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
        return st.sampled_from(
            [
                b"WIREPROOF\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
                start + b"Content-Length: -1\r\n\r\n",
                start + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                start + b"Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n0\r\n\r\n",
            ]
        )

    def rules(self) -> list[Rule]:
        """Return what RFC 9112 has every recipient accept."""
        path = self.paths.split(",")[0].encode()
        plain = self._request(b"GET", path)
        rules = [
            Rule(
                "HTTP1-001",
                Level.SHOULD,
                "An empty line before the request line is ignored.",
                "RFC 9112 section 2.2",
                "Old clients send one behind the body of a POST.",
                ((b"\r\n" + plain, plain),),
            ),
            Rule(
                "HTTP1-002",
                Level.MUST,
                "Space before and after a field's value is no part of it.",
                "RFC 9112 section 5.1",
                "The grammar of a field allows it.",
                ((self._request(b"GET", path, b"X-Space:\t  x \t"), plain),),
            ),
        ]
        if "POST" in self.methods.split(",") and self.chunked:
            head = self._request(b"POST", path, b"Transfer-Encoding: Chunked")
            chunks = b'3;name="value"\r\nabc\r\n0;last\r\nX-Trailer: x\r\n\r\n'
            rules.append(
                Rule(
                    "HTTP1-003",
                    Level.MUST,
                    "Chunk extensions that are not known are ignored, and so are trailers.",
                    "RFC 9112 sections 7.1.1 and 7.1.2",
                    "A server that takes them for content, or stops at them, loses its place.",
                    ((head + chunks, plain),),
                )
            )
        return rules

    def reply_length(self, buffer: bytearray, request: bytes = b"") -> int | None:
        """Return where the response ends; only bytes that are new are parsed."""
        import h11

        if self._parser is None:
            self._parser = _new_parser(method_of(request))
        while self._fed_bytes < len(buffer):
            # Many responses may wait behind this one: about as much of them is fed as it is long.
            start, end = self._fed_bytes, max(_FEED_BYTES, 2 * self._fed_bytes)
            self._parser.receive_data(bytes(buffer[start:end]))
            self._fed_bytes = min(end, len(buffer))
            if isinstance(_read(self._parser)[-1], h11.EndOfMessage):
                length = self._fed_bytes - len(self._parser.trailing_data[0])
                self._parser, self._fed_bytes = None, 0
                return length
        return None

    def expected(self, request: bytes) -> Matcher:
        """Return a judge of the response."""
        method, target, body = parse_request(request)
        if self.body == "any":
            return Judge(
                lambda reply: 400 != parse_response(reply, method)[0] < 600, "a response, not 400"
            )
        if method == b"HEAD":
            return Judge(
                lambda reply: parse_response(reply, method)[0] in _HEAD_STATUS, "200 and no body"
            )
        right = b"%b %b\n" % (method, target) + (body if self.body == "echo" else b"")
        return Judge(
            lambda reply: parse_response(reply) == (200, right), f"200 and {printable(right)}"
        )

    def answerable_at(self, message: bytes) -> int:
        """Return where the header section ends: the body may still be under way."""
        return message.index(b"\r\n\r\n") + 4

    def is_last(self, request: bytes) -> bool:
        """Say whether it asks for the end of the connection (RFC 9112, section 9.6)."""
        return _CLOSE in request.partition(b"\r\n\r\n")[0].lower()

    def closes(self, reply: bytes, request: bytes = b"") -> bool:
        """Say whether the response ends the connection (RFC 9112, sections 6.3, 9.3 and 9.6)."""
        if self.is_last(request):
            return True
        lines = next(head for head in _heads(reply) if not _INTERIM.match(head)).splitlines()
        fields: dict[bytes, bytes] = {}
        for name, _, value in (line.partition(b":") for line in lines[1:]):
            fields[name.lower()] = fields.get(name.lower(), b"") + b"," + value.lower()
        options = {each.strip() for each in fields.get(b"connection", b"").split(b",")}
        ends_with_stream = (
            method_of(request) != b"HEAD"
            and b"content-length" not in fields
            and b"transfer-encoding" not in fields
            and lines[0][9:12] not in {b"204", b"304"}
        )
        is_old = lines[0].startswith(b"HTTP/1.0")
        return ends_with_stream or b"close" in options or (is_old and b"keep-alive" not in options)

    def _request(self, method: bytes, target: bytes, *fields: bytes) -> bytes:
        lines = [method + b" " + target + b" HTTP/1.1", b"Host: " + self.host.encode(), *fields]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def post(self, target: bytes, body: bytes) -> bytes:
        """Return a POST with a Content-Length."""
        return self._request(b"POST", target, b"Content-Length: %d" % len(body)) + body

    def _post_chunks(self, target: bytes, bodies: list[bytes]) -> bytes:
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies if body)
        head = self._request(b"POST", target, b"Transfer-Encoding: chunked")
        return head + chunks + b"0\r\n\r\n"


def method_of(request: bytes) -> bytes:
    """Return the method of a request; GET where it is none."""
    return request.lstrip(b"\r\n").partition(b" ")[0] or b"GET"


def _new_parser(method: bytes) -> h11.Connection:
    """Return what reads the response to one request; the one to HEAD has no body."""
    import h11

    parser = h11.Connection(h11.CLIENT)
    method = b"HEAD" if method == b"HEAD" else b"GET"
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "any")]))
    parser.send(h11.EndOfMessage())
    return parser


def _read(parser: h11.Connection) -> list[Any]:
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


def _heads(reply: bytes) -> Iterator[bytes]:
    """Yield the header section of each interim response, and of the last."""
    start = 0
    while end := _END_OF_HEAD.search(reply, start):
        yield reply[start : end.start()]
        start = end.end()


def parse_response(reply: bytes, method: bytes = b"GET") -> tuple[int, bytes]:
    """Return status and body of a whole response to `method`, interim responses left out.

    Raises:
        MalformedReplyError: it is none, or has no framing that RFC 9112 allows.

    """
    import h11

    parser = _new_parser(method)
    parser.receive_data(reply)
    events = _read(parser)
    if events[-1] is h11.NEED_DATA:  # it ends with the stream
        parser.receive_data(b"")
        events += _read(parser)
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


def parse_request(request: bytes) -> tuple[bytes, bytes, bytes]:
    """Return method, target and body."""
    import h11

    parser = h11.Connection(h11.SERVER)
    parser.receive_data(request.lstrip(b"\r\n"))  # RFC 9112, section 2.2
    events = _read(parser)
    head = next(each for each in events if isinstance(each, h11.Request))
    body = b"".join(bytes(each.data) for each in events if isinstance(each, h11.Data))
    return bytes(head.method), bytes(head.target), body
