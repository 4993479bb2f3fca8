"""HTTP/1.1 (RFC 9112): pipelined GET and POST, with Content-Length and with chunks.

What a body should hold only the server's author knows; three contracts can be asked for:

    body=any      any response but 400, one a request, in order
    body=target   200, and the body is `METHOD TARGET` and a newline
    body=echo     the same, and behind it the request's body
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.http_messages import (
    final_head,
    method_of,
    parse_request,
    parse_response,
    read_events,
    response_parser,
)
from wireproof.protocols.oracle import first_line
from wireproof.protocols.replies import Judge, Matcher
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import (
    BORDER_SIZES,
    LETTERS,
    octets,
    ordinary_values,
    padded,
    payloads,
)
from wireproof.results import Level
from wireproof.words import printable

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_FEED_BYTES = 512
_CLOSE = b"\r\nconnection: close"
_NOT_IN_TARGETS = {*range(33), 127}
_CODED = b"Transfer-Encoding: gzip, chunked"
_HEAD_STATUS = {200, 405, 501}
"""To HEAD; a server need not have the method (RFC 9110, section 9.1)."""


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
    methods: str = "GET,HEAD,POST"
    longest_field: int = 4096
    """The most bytes of one field of the header section; servers bound it, many at 8,192."""
    most_fields: int = 64
    """The most fields that a request has; servers bound it, many at 100."""
    chunked: bool = True
    """Whether bodies are sent in chunks too."""
    body: str = "any"
    """The contract: `any`, `target` or `echo`."""

    def __init__(self) -> None:
        """Start with no reply under way."""
        self._parser: Any = None
        self._fed_bytes = 0
        self._last = b"", b""  # method and whole response

    def requests(self) -> SearchStrategy[bytes]:
        """Return one request, by one of the methods, for one of the paths."""
        from hypothesis import strategies as st

        return st.one_of(*(kind for name, kind in self.kinds().items() if name != "close"))

    def example(self) -> bytes:
        """Return a GET of the first path; a POST where there is no GET."""
        path = self._targets[0]
        return self._request(b"GET", path) if "GET" in self._methods else self.post(path, b"a=1")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return each method, and what is rare: a wait for 100, long and many fields, a close."""
        from hypothesis import strategies as st

        targets, bodies = st.sampled_from(self._targets), payloads(300)
        found: dict[str, SearchStrategy[bytes]] = {}
        if "GET" in self._methods:
            found["get"] = targets.map(lambda target: self._request(b"GET", target))
            sizes = [size for size in (*BORDER_SIZES, 4096) if size <= self.longest_field]
            found["long-field"] = st.builds(
                lambda target, size: self._request(b"GET", target, _field(size)),
                targets,
                st.sampled_from([*sizes, self.longest_field]),
            )
            found["many-fields"] = st.builds(
                lambda target, count: self._request(
                    b"GET", target, *(b"X-Field-%d: %d" % (at, at) for at in range(count - 1))
                ),
                targets,
                st.sampled_from([self.most_fields, self.most_fields // 2]),
            )
            found["close"] = targets.map(
                lambda target: self._request(b"GET", target, b"Connection: close")
            )
        if "HEAD" in self._methods:
            found["head"] = targets.map(lambda target: self._request(b"HEAD", target))
        if "POST" in self._methods:
            found["post"] = st.builds(self.post, targets, bodies)
            found["expect"] = st.builds(
                lambda target, body: self.post(target, body, b"Expect: 100-continue"),
                targets,
                bodies.filter(bool),
            )
            if self.chunked:
                found["post-chunks"] = st.builds(
                    self._post_chunks, targets, st.lists(bodies, max_size=3)
                )
        return found

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return 80 GET to 20 POST with letters of ordinary sizes; what `methods` has of both."""
        from hypothesis import strategies as st

        targets = st.sampled_from(self._targets)
        found: dict[str, tuple[SearchStrategy[bytes], float]] = {}
        if "GET" in self._methods:
            found["get"] = targets.map(lambda target: self._request(b"GET", target)), 80
        if "POST" in self._methods:
            found["post"] = st.builds(self.post, targets, ordinary_values()), 20
        return found or dict(super().workload())

    def fed(self, value: bytes) -> dict[str, tuple[bytes, float]]:
        """Return a GET of a path; none where a request line cannot hold it."""
        is_path = value[:1] == b"/" and value.isascii() and not set(value) & _NOT_IN_TARGETS
        return {"get": (self._request(b"GET", value), 1)} if is_path else {}

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return a POST, where its response holds what was sent."""
        if self.body != "echo" or "POST" not in self._methods:
            return None
        post = self.post(self._targets[0], octets(size_bytes))
        return [post] if len(post) <= self.max_request_bytes else None

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a POST, or a GET with a long header where there is no POST."""
        path = self._targets[0]
        if "POST" in self._methods:
            return padded(size_bytes, lambda body: self.post(path, body))
        if size_bytes > self.longest_field:
            return None
        return padded(
            size_bytes, lambda text: self._request(b"GET", path, b"X-Filler: f" + text), LETTERS
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
        path = self._targets[0]
        plain = self._request(b"GET", path)
        rules = [
            Rule(
                "HTTP1-001",
                Level.SHOULD,
                "An empty line before the request line is ignored.",
                "RFC 9112 section 2.2",
                "Old clients send one after the body of a POST.",
                ((b"\r\n" + plain, plain),),
            ),
            Rule(
                "HTTP1-002",
                Level.MUST,
                "Space before and after a field's value is not part of it.",
                "RFC 9112 section 5.1",
                "The grammar of a field allows it.",
                ((self._request(b"GET", path, b"X-Space:\t  x \t"), plain),),
            ),
        ]
        if "POST" in self._methods and self.chunked:
            head = self._request(b"POST", path, b"Transfer-Encoding: Chunked")
            chunks = b'3;name="value"\r\nabc\r\n0;last\r\nX-Trailer: x\r\n\r\n'
            rules.append(
                Rule(
                    "HTTP1-003",
                    Level.MUST,
                    "Unknown chunk extensions are ignored, and so are trailers.",
                    "RFC 9112 sections 7.1.1 and 7.1.2",
                    "A server that takes them for content, or stops at them, loses its place.",
                    ((head + chunks, plain),),
                )
            )
            rules.append(
                Rule(
                    "HTTP1-004",
                    Level.MUST,
                    "With a Transfer-Encoding, a Content-Length does not say where a"
                    " request ends; the request is refused, or answered once.",
                    "RFC 9112 sections 6.1 and 6.3",
                    "What one server takes for content another runs as a request: CVE-2019-16786.",
                    ((self._coded(plain),),),
                )
            )
        return rules

    def _coded(self, hidden: bytes) -> bytes:
        """Return a POST in one chunk, whose Content-Length ends before the chunk's data."""
        size = b"%x\r\n" % len(hidden)
        length = b"Content-Length: %d" % len(size)
        head = self._request(b"POST", self._targets[0], length, _CODED)
        return head + size + hidden + b"\r\n0\r\n\r\n"

    def reply_length(self, buffer: bytearray, request: bytes = b"") -> int | None:
        """Return where the response ends; only bytes that are new are parsed.

        Where the last whole response stands again, no other parse of it is possible.
        """
        import h11

        method = method_of(request)
        if self._parser is None:
            last_method, last = self._last
            if last and last_method == method and buffer.startswith(last):
                return len(last)
            self._parser = response_parser(method)
        while self._fed_bytes < len(buffer):
            # Many responses may wait behind this one: about as much of them is fed as it is long.
            start, end = self._fed_bytes, max(_FEED_BYTES, 2 * self._fed_bytes)
            self._parser.receive_data(bytes(buffer[start:end]))
            self._fed_bytes = min(end, len(buffer))
            if isinstance(read_events(self._parser)[-1], h11.EndOfMessage):
                length = self._fed_bytes - len(self._parser.trailing_data[0])
                self._parser, self._fed_bytes = None, 0
                self._last = method, bytes(buffer[:length])
                return length
        return None

    def expected(self, request: bytes) -> Matcher:
        """Return a judge of the response."""
        if _CODED in request:
            return Judge(lambda reply: parse_response(reply)[0] >= 200, "one response")
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

    def refused(self, reply: bytes) -> bool:
        """Say whether its status is one of an error."""
        return self.in_words(reply)[:1] in {"4", "5"}

    def in_words(self, reply: bytes) -> str:
        """Return status and reason, those of interim responses left out."""
        head = final_head(reply + b"\r\n\r\n")  # which may be no more than a status line yet
        return first_line(head.partition(b" ")[2]) if head.startswith(b"HTTP/") else ""

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
        lines = final_head(reply).splitlines()
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

    @property
    def _methods(self) -> list[str]:
        return self.methods.split(",")

    @property
    def _targets(self) -> list[bytes]:
        return [path.encode() for path in self.paths.split(",")]

    def post(self, target: bytes, body: bytes, *fields: bytes) -> bytes:
        """Return a POST with a Content-Length."""
        return self._request(b"POST", target, b"Content-Length: %d" % len(body), *fields) + body

    def _post_chunks(self, target: bytes, bodies: list[bytes]) -> bytes:
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies if body)
        head = self._request(b"POST", target, b"Transfer-Encoding: chunked")
        return head + chunks + b"0\r\n\r\n"


def _field(size_bytes: int) -> bytes:
    """Return a field of exactly so many bytes, its line end not counted."""
    name = b"X-Filler: "
    return name + octets(size_bytes - len(name), LETTERS)
