"""STOMP 1.1 and 1.2: messages that come back to their sender, receipts, transactions.

Each connection subscribes to a destination of its own first. Nothing orders receipts and messages:
a server may acknowledge what it has stored later than what it needn't store. So each request has a
reference, which its receipt and its messages bear. A frame of the server's may have more headers
than it must have, in any order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.framing import find_end
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Expected, Judge, Reply
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import octets, ordinary_values, padded, payloads
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_DESTINATION = b"/topic/" + PLACEHOLDER
_NUMBER = re.compile(rb"(?:(?<=\nreceipt:r)|(?<=\nref:r))[0-9]{8}(?=\n)")
_NAMED = re.compile(rb"\n(?:receipt|ref|receipt-id):(r[0-9]{8})\r?\n")
_ANY_RECEIPT, _ANY_REFERENCE = (b"receipt", b"r00000000"), (b"ref", b"r00000000")
_ESCAPES = {b"\\": b"\\\\", b"\n": b"\\n", b":": b"\\c", b"\r": b"\\r"}
_PLAIN = {escaped: plain for plain, escaped in _ESCAPES.items()}
_SOURCE = "STOMP Protocol Specification, "

Header = tuple[bytes, bytes]


def escaped(value: bytes) -> bytes:
    r"""Return the value of a header as it is written.

    >>> escaped(b"a:b")
    b'a\\cb'
    """
    return re.sub(rb"[\\\n:\r]", lambda found: _ESCAPES[found[0]], value)


def _unescaped(value: bytes) -> bytes:
    def plain(found: re.Match[bytes]) -> bytes:
        if found[0] not in _PLAIN:
            raise MalformedReplyError(f"an undefined escape {found[0]!r} in a header")
        return _PLAIN[found[0]]

    return re.sub(rb"\\.?", plain, value, flags=re.DOTALL)


def frame(command: bytes, *headers: Header, body: bytes = b"", counted: bool = True) -> bytes:
    r"""Return a frame; the body is counted in a header, if there is one.

    >>> frame(b"SEND", (b"destination", b"/a"), body=b"hi")
    b'SEND\ndestination:/a\ncontent-length:2\n\nhi\x00'
    """
    lines = [b"%b:%b\n" % (name, escaped(value)) for name, value in headers]
    if body and counted:
        lines.append(b"content-length:%d\n" % len(body))
    return command + b"\n" + b"".join(lines) + b"\n" + body + b"\0"


def send(body: bytes, *headers: Header) -> bytes:
    """Return a message to the connection's destination, with a receipt."""
    to = (b"destination", _DESTINATION)
    return frame(b"SEND", to, *headers, _ANY_RECEIPT, _ANY_REFERENCE, body=body)


class Stomp(RequestReply):
    """STOMP: messages and their receipts, headers with escapes, transactions."""

    name = "stomp"
    source = "STOMP Protocol Specification, Version 1.2"
    ordered: ClassVar[bool] = False
    half_close: ClassVar[Level] = Level.MAY
    max_request_bytes: int = 1024 * 1024
    version: str = "1.2"
    host: str = "localhost"
    user: str = ""
    password: str = ""

    def __init__(self) -> None:
        """Start with no transaction under way."""
        self._held: list[Reply] = []

    def opening(self) -> list[bytes]:
        """Connect, and subscribe to this connection's destination."""
        login = [(b"login", self.user.encode()), (b"passcode", self.password.encode())]
        wanted = [(b"accept-version", self.version.encode()), (b"host", self.host.encode())]
        connect = frame(b"CONNECT", *wanted, *(login if self.user else ()))
        to = (b"id", b"1"), (b"destination", _DESTINATION), (b"ack", b"auto")
        return [connect, frame(b"SUBSCRIBE", *to, _ANY_RECEIPT)]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into its destination."""
        return with_serial(request, serial)

    def numbered(self, request: bytes, number: int) -> bytes:
        """Give each request a reference of its own."""
        return _NUMBER.sub(b"%08d" % (number % 10**8), request)

    def requests(self) -> SearchStrategy[bytes]:
        """Return a message, or a transaction of some."""
        from hypothesis import strategies as st

        return st.one_of(*(each for name, each in self.kinds().items() if name != "close"))

    def example(self) -> bytes:
        """Return a message."""
        return send(b"hello")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return messages, with headers and without a count, transactions, and the goodbye."""
        from hypothesis import strategies as st

        bodies = payloads(300)
        special = ":\\" + "\n" + ("" if self.version == "1.1" else "\r")
        values = st.text("ab c" + special + "é", min_size=1, max_size=20).map(str.strip)
        uncounted = st.binary(min_size=1, max_size=100).filter(lambda body: b"\0" not in body)
        return {
            "send": bodies.map(send),
            "headers": st.builds(
                lambda value, body: send(body, (b"note", value.encode())), values, bodies
            ),
            "uncounted": uncounted.map(_uncounted),
            "beats": bodies.map(lambda body: b"\n\n" + send(body)),
            "commit": st.lists(bodies, max_size=3).map(lambda some: _transaction(some, b"COMMIT")),
            "abort": st.lists(bodies, max_size=3).map(lambda some: _transaction(some, b"ABORT")),
            "close": st.just(frame(b"DISCONNECT", _ANY_RECEIPT)),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return messages of ordinary sizes."""
        return {"send": (ordinary_values().map(send), 1)}

    def payload_request(self, payload: bytes) -> bytes:
        """Return a message."""
        return send(payload)

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message."""
        return padded(size_bytes, send)

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return a message, which comes back."""
        request = send(octets(size_bytes))
        return [request] if len(request) <= self.max_request_bytes else None

    def malformed(self) -> SearchStrategy[bytes]:
        """Return frames without a command, a colon, or what their command must have."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [
                frame(b"WIREPROOF"),
                b"SEND\nno colon\n\n\0",
                b"SEND\ndestination:/topic/a\ncontent-length:2\n\nabc\0",
                b"SEND\ndestination:/topic/a\ncontent-length:-1\n\n\0",
                b"SEND\ndestination:/topic/\\t\n\n\0",
                b"SEND\n\nnowhere\0",
                b"SUBSCRIBE\ndestination:/topic/a\n\n\0",
                b"COMMIT\ntransaction:none\n\n\0",
                b"\0\0",
            ]
        )

    def rules(self) -> list[Rule]:
        """Return what the specification says of bodies, transactions and line ends."""
        tricky = b"\0\0SEND\ndestination:/topic/a\n\n\0\n\0"
        return [
            Rule(
                "STOMP-001",
                Level.MUST,
                "A body that is counted may hold NUL, and whatever else looks like a frame.",
                _SOURCE + "Body",
                "A server that looks for NUL in it takes the rest for frames.",
                ((send(tricky), send(tricky * 40), send(b"")),),
            ),
            Rule(
                "STOMP-002",
                Level.MUST,
                "What is sent in a transaction arrives when it is committed, and otherwise never.",
                _SOURCE + "Transactions",
                "Messages of an aborted transaction are carried out.",
                ((_transaction([b"a", b"b"], b"ABORT"), _transaction([b"c"], b"COMMIT")),),
            ),
            Rule(
                "STOMP-003",
                Level.MUST,
                "Line ends between frames are not frames.",
                _SOURCE + "Heart-beating",
                "Clients send them to show that they are alive.",
                ((b"\n\n\n" + send(b"a"), b"\n" + send(b"b")),),
            ),
        ]

    def message_id(self, message: bytes) -> bytes | None:
        """Return the reference of a request, a receipt or a message."""
        named = _NAMED.search(message)
        return named[1] if named else None

    def is_last(self, request: bytes) -> bool:
        """Say whether it is the goodbye."""
        return request.startswith(b"DISCONNECT")

    def parts(self, request: bytes) -> list[bytes]:
        """Return the frames of a request; line ends go with the frame behind them."""
        found, start = [], 0
        while start < len(request):
            frame_start = start + len(request[start:]) - len(request[start:].lstrip(b"\n"))
            end = frame_start + (_frame_length(request[frame_start:]) or 0)
            found.append(request[start:end])
            start = end
        return found

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return where the frame ends, or a line end between frames."""
        if buffer[:1] == b"\n":
            return 1
        if buffer[:1] == b"\r":
            return 2 if len(buffer) > 1 else None
        return _frame_length(buffer)

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it is a line end."""
        return message in {b"\n", b"\r\n"}

    def refused(self, reply: bytes) -> bool:
        """Say whether it is an error."""
        return reply.startswith(b"ERROR")

    def closes(self, reply: bytes) -> bool:
        """Say whether it is an error: the server must close behind it."""
        return self.refused(reply)

    def in_words(self, reply: bytes) -> str:
        """Return the command, and the message of an error."""
        command = first_line(reply)
        said = re.search(rb"\nmessage:([^\r\n]*)", reply) if self.refused(reply) else None
        return f"{command}: {first_line(said[1])}" if said else command

    def expected(self, request: bytes) -> Expected:
        """Return the receipt of a frame, and what comes back of messages."""
        command, headers, body = _parsed(request.lstrip(b"\n"))
        if command == b"CONNECT":
            return _judge(b"CONNECTED", {b"version": self.version.encode()})
        receipt = headers.get(b"receipt")
        said = []
        if receipt is not None:
            said = [Reply(_judge(b"RECEIPT", {b"receipt-id": receipt}))]
        if command == b"SEND":
            shown = {b"destination": headers[b"destination"], b"subscription": b"1"}
            shown |= {name: headers[name] for name in (b"ref", b"note") if name in headers}
            message = Reply(_judge(b"MESSAGE", shown, body))
            if b"transaction" not in headers:
                return [*said, message]
            self._held.append(message)
        elif command in {b"COMMIT", b"ABORT"}:
            said += self._held if command == b"COMMIT" else []
            self._held = []
        return said


def _uncounted(body: bytes) -> bytes:
    """Return a message whose body ends with the first NUL."""
    to = (b"destination", _DESTINATION)
    return frame(b"SEND", to, _ANY_RECEIPT, _ANY_REFERENCE, body=body, counted=False)


def _transaction(bodies: list[bytes], end: bytes) -> bytes:
    """Return messages of a transaction, which is committed or aborted."""
    name, to = (b"transaction", b"t"), (b"destination", _DESTINATION)
    messages = [frame(b"SEND", to, name, _ANY_REFERENCE, body=body) for body in bodies]
    return b"".join([frame(b"BEGIN", name), *messages, frame(end, name, _ANY_RECEIPT)])


def _parsed(data: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Return command, headers (the first of each name) and body of a whole frame."""
    head_end = _END_OF_HEAD.search(data)
    if head_end is None:
        raise MalformedReplyError("a frame without an empty line after its headers")
    command, *lines = re.split(rb"\r?\n", data[: head_end.start()])
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise MalformedReplyError("a header without a colon")
        raw = command == b"CONNECTED"  # which escapes nothing, as CONNECT doesn't
        headers.setdefault(name if raw else _unescaped(name), value if raw else _unescaped(value))
    return command, headers, data[head_end.end() : -1]


def _frame_length(buffer: bytes | bytearray) -> int | None:
    """Return where the frame at the start ends, or None while that is unknown."""
    head_end = _END_OF_HEAD.search(buffer)
    if head_end is None:
        if b"\0" in buffer:
            raise MalformedReplyError("NUL before the end of the headers")
        return None
    counted = re.search(rb"\ncontent-length:([^\r\n]*)", buffer[: head_end.end()])
    if counted is None:
        return find_end(bytearray(buffer) if isinstance(buffer, bytes) else buffer, b"\0")
    if not re.fullmatch(rb"[0-9]{1,10}", counted[1]):
        raise MalformedReplyError("a content-length that is not a number")
    end = head_end.end() + int(counted[1]) + 1
    if end <= len(buffer) and buffer[end - 1]:
        raise MalformedReplyError("no NUL after as many octets as content-length says")
    return end


@dataclass(frozen=True, slots=True)
class FrameJudge(Judge):
    """A judge of frames.

    Attributes:
        sample: a frame that it accepts.

    """

    sample: bytes


def _judge(command: bytes, headers: dict[bytes, bytes], body: bytes = b"") -> FrameJudge:
    """Return what accepts a frame with these headers, and others, and this body."""

    def accepts(reply: bytes) -> bool:
        if not reply.startswith(command):
            return False
        got, found, content = _parsed(reply)
        if got != command or content != body:
            return False
        return all(found.get(name) == value for name, value in headers.items())

    def described() -> str:
        shown = b", ".join(b"%b:%b" % (name, escaped(value)) for name, value in headers.items())
        return f"{command.decode()} with {first_line(shown)} and a body of {len(body)} bytes"

    return FrameJudge(accepts, described, frame(command, *headers.items(), body=body))
