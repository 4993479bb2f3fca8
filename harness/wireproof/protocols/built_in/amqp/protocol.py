"""AMQP 0-9-1: messages that come back, confirmed; queues, a topic exchange, channels.

Each connection has a queue of its own, whose messages it is sent. What is sent back on one channel
keeps the order of its methods; deliveries and acknowledgements have an order of their own, or none.
An acknowledgement of what a client publishes is RabbitMQ's extension (`confirm`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.amqp import drawing
from wireproof.protocols.built_in.amqp.broker import Broker, Reader
from wireproof.protocols.built_in.amqp.cursor import ContentCursor
from wireproof.protocols.built_in.amqp.frames import (
    HEADER,
    LEAST_FRAME_BYTES,
    WITH_CONTENT,
    Frame,
    Method,
    Type,
    frame,
    frame_end,
    long,
    method,
    read,
    short,
)
from wireproof.protocols.built_in.amqp.oracle import AmqpOracle, Numbers
from wireproof.protocols.built_in.private_keys import with_serial
from wireproof.protocols.framing import ends
from wireproof.protocols.oracle import MalformedReplyError, Oracle
from wireproof.protocols.replies import Expected, Judge, Reply
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import octets, ordinary_values, padded, together
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_SOURCE = "AMQP 0-9-1 specification, "
_REFUSALS = frozenset({Method.CONNECTION_CLOSE, Method.CHANNEL_CLOSE, Method.BASIC_NACK})
_UNANSWERED = frozenset({Method.CONNECTION_TUNE_OK, Method.BASIC_ACK, Method.BASIC_NACK})
_CONSUMERS_AT = 4


class Amqp(RequestReply):
    """AMQP 0-9-1: publish, deliver, confirm, get; queues, a topic exchange, two channels."""

    name = "amqp-0-9-1"
    source = "AMQP 0-9-1, Protocol Specification, and RabbitMQ's extensions of it"
    half_close: ClassVar[Level] = Level.MAY
    max_request_bytes: int = 1024 * 1024
    user: str = "guest"
    password: str = "guest"  # noqa: S105 - that of a broker nobody has configured
    vhost: str = "/"
    frame_max: int = 8192
    """The most bytes of a frame, which the client tells the server."""
    confirm: bool = True
    """Whether the server acknowledges what it is sent."""

    def __init__(self) -> None:
        """Start with no queue, and no message."""
        self._numbers = Numbers()
        self._broker = Broker(self._numbers)
        self._cursor = ContentCursor()
        self._open: dict[int, list[Frame]] = {}  # messages that are not sent whole, by channel
        self._left: dict[int, int] = {}

    def as_oracle(self) -> Oracle:
        """Return a judge that puts frames together."""
        return AmqpOracle(self, self._numbers, max(LEAST_FRAME_BYTES, self.frame_max))

    def opening(self) -> list[bytes]:
        """Log in, open a channel and a queue of this connection's own, and wish its messages."""
        login = b"\0" + self.user.encode() + b"\0" + self.password.encode()
        start = long(b"") + short(b"PLAIN") + long(login) + short(b"en_US")
        tune = b"\0\x02" + max(LEAST_FRAME_BYTES, self.frame_max).to_bytes(4) + b"\0\0"
        opened = short(self.vhost.encode()) + short(b"") + b"\0"
        confirm = method(Method.CONFIRM_SELECT, b"\0")
        return [
            HEADER,
            method(Method.CONNECTION_START_OK, start, channel=0),
            method(Method.CONNECTION_TUNE_OK, tune, channel=0)
            + method(Method.CONNECTION_OPEN, opened, channel=0),
            method(Method.CHANNEL_OPEN, short(b"")),
            drawing.declare(drawing.QUEUE),
            drawing.consume(drawing.QUEUE),
            *([confirm] if self.confirm else []),
        ]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the names of queues and exchanges."""
        return with_serial(request, serial)

    def requests(self) -> SearchStrategy[bytes]:
        """Return a message as a rule; now and then an exchange of several methods."""
        from hypothesis import strategies as st

        drawn = self.kinds()
        plain = ("publish", "publish-long", "properties", "mandatory", "unrouted", "declare")
        several = [drawn[name] for name in drawn if name not in {*plain, "close"}]
        return st.one_of(*(drawn[name] for name in plain if name in drawn), together(several))

    def example(self) -> bytes:
        """Return a message."""
        return drawing.publish(b"hello")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return messages of each form, what is done with queues and channels, and the goodbye."""
        return drawing.kinds(self.confirm)

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return messages of ordinary sizes."""
        return {"publish": (ordinary_values().map(drawing.publish), 1)}

    def payload_request(self, payload: bytes) -> bytes:
        """Return a message."""
        return drawing.publish(payload)

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message."""
        return padded(size_bytes, drawing.publish)

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return a message, which comes back."""
        request = drawing.publish(octets(size_bytes))
        return [request] if len(request) <= self.max_request_bytes else None

    def malformed(self) -> SearchStrategy[bytes]:
        """Return frames that there are none of, that may not come now, or that do not end."""
        from hypothesis import strategies as st

        return st.sampled_from(drawing.malformed())

    def rules(self) -> list[Rule]:
        """Return what the specification says of frames, channels, properties, queues, routing."""
        said = [
            (
                "A body may hold any octets, even those that end or begin a frame.",
                "Content Framing",
                "A server that looks for the end of a frame runs the content of a message.",
            ),
            (
                "Frames of one channel may come between those of another channel's message.",
                "Content Framing",
                "A client with several channels has its messages mixed up.",
            ),
            (
                "The properties of a message reach its consumer unchanged.",
                "The Basic Class",
                "Whoever must answer does not know whom to answer.",
            ),
            (
                "A queue delivers its messages in order, each once, and counts them.",
                "Message Queues",
                "Work is done twice, or in the wrong order.",
            ),
            (
                "To a topic exchange a star is one word, and a hash sign any number of them.",
                "The Topic Exchange Type",
                "Messages go where nobody waits for them.",
            ),
        ]
        shown = drawing.conversations_of_rules().items()
        return [
            Rule(f"AMQP-{number}", Level.MUST, title, _SOURCE + place, why, conversations)
            for (number, conversations), (title, place, why) in zip(shown, said, strict=True)
        ]

    def is_last(self, request: bytes) -> bool:
        """Say whether it closes the connection."""
        return request[:1] == b"\x01" and next(read(request)).method == Method.CONNECTION_CLOSE

    def parts(self, request: bytes) -> list[bytes]:
        """Return the methods of a request, each with its content.

        Where one of another channel is within that, it and what is before it are a part.
        """
        if request.startswith(HEADER):
            return [request]
        found, begin, start = [], 0, 0
        left: dict[int, int] = {}
        while start < len(request):
            end = frame_end(request, start) or len(request)
            one = next(read(request[start:end]))
            start = end
            if _ends_message(left, one):
                found.append(request[begin:end])
                begin = end
        return found

    def pauses(self, request: bytes) -> list[int]:
        """Return where each method of an exchange but the last ends that is answered."""
        parts = self.parts(request)[:-1]
        return [
            end
            for part, end in zip(parts, ends(parts), strict=True)
            if part == HEADER or next(read(part)).method not in _UNANSWERED
        ]

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return where a method ends, with its content."""
        return self._cursor.end(buffer)

    def mask(self, message: bytes) -> bytes:
        """Return a message without words, and without the count of a queue that is being read."""
        first = next(read(message[: frame_end(message, 0)]))
        arguments = first.arguments
        if first.method == Method.BASIC_RETURN:
            words_end = 3 + arguments[2]
            masked = method(first.method, arguments[:2], b"\0", arguments[words_end:])
            return masked + message[len(frame(*_plain(first))) :]
        if first.method == Method.QUEUE_DECLARE_OK and any(arguments[-_CONSUMERS_AT:]):
            counted = arguments[:-8] + bytes(4) + arguments[-_CONSUMERS_AT:]
            return method(first.method, counted, channel=first.channel)
        return message

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it is a heartbeat."""
        return message[0] == Type.HEARTBEAT

    def closes(self, reply: bytes) -> bool:
        """Say whether the server closes the connection."""
        return self._first(reply) == Method.CONNECTION_CLOSE

    def refused(self, reply: bytes) -> bool:
        """Say whether it closes a connection or a channel, or refuses a message."""
        return self._first(reply) in _REFUSALS

    def in_words(self, reply: bytes) -> str:
        """Return the method, and why something is closed."""
        number = self._first(reply)
        if number not in set(Method):
            return ""
        name = Method(number).name.lower().replace("_", ".", 1).replace("_", "-")
        if number not in {Method.CONNECTION_CLOSE, Method.CHANNEL_CLOSE}:
            return name
        reader = Reader(reply[11:])
        code = reader.number(2)
        return f"{name} {code} {reader.short().decode('latin-1')}"

    def expected(self, request: bytes) -> Expected:
        """Return what a method is answered with, and what comes of it."""
        if request == HEADER:
            return _START
        found: list[Reply] = []
        for one in read(request):
            self._open.setdefault(one.channel, []).append(one)
            if _ends_message(self._left, one):
                found += self._answer(self._open.pop(one.channel))
        return found

    def _answer(self, frames: list[Frame]) -> list[Reply]:
        match frames[0].method:
            case Method.CONNECTION_START_OK:
                return [Reply(_tune(self.frame_max))]
            case Method.CONNECTION_TUNE_OK:
                return []
            case Method.CONNECTION_OPEN:
                return [Reply(method(Method.CONNECTION_OPEN_OK, short(b""), channel=0))]
        return self._broker.answer(frames, max(LEAST_FRAME_BYTES, self.frame_max))

    def _first(self, reply: bytes) -> int:
        return int.from_bytes(reply[7:11]) if reply[:1] == b"\x01" else 0


def _plain(one: Frame) -> tuple[int, int, bytes]:
    return one.type, one.channel, one.payload


def _ends_message(left: dict[int, int], one: Frame) -> bool:
    """Take note of a frame; returns whether a method, with its content, ends with it.

    Args:
        left: how many bytes of a body are due, by channel; -1 where a header is.
        one: what comes next.

    """
    if one.type == Type.METHOD and one.method in WITH_CONTENT:
        left[one.channel] = -1
    elif one.type == Type.HEADER:
        left[one.channel] = one.body_bytes
    elif one.type == Type.BODY:
        left[one.channel] -= len(one.payload)
    if left.get(one.channel, 0):
        return False
    left.pop(one.channel, None)
    return True


@dataclass(frozen=True, slots=True)
class MethodJudge(Judge):
    """A judge of methods.

    Attributes:
        sample: a method that it accepts.

    """

    sample: bytes


def _starts(reply: bytes) -> bool:
    first = next(read(reply))
    if first.method != Method.CONNECTION_START or first.channel:
        return False
    reader = Reader(first.arguments)
    version = reader.number(2)
    reader.skip(reader.number(4))
    mechanisms = reader.long().split()
    if b"PLAIN" not in mechanisms:
        raise MalformedReplyError("a server that does not take PLAIN")
    return version == 9


_START = MethodJudge(
    _starts,
    "connection.start of version 0-9, with PLAIN among its mechanisms",
    method(
        Method.CONNECTION_START, b"\0\x09", long(b""), long(b"PLAIN"), long(b"en_US"), channel=0
    ),
)


@dataclass(frozen=True, slots=True)
class _Tunes:
    """Whether a server lets frames be as long as the client wants them to be."""

    frame_max: int

    def __call__(self, reply: bytes) -> bool:
        first = next(read(reply))
        is_one = first.method == Method.CONNECTION_TUNE and not first.channel
        if not is_one or len(first.arguments) != 8:
            return False
        most = int.from_bytes(first.arguments[2:6])
        if 0 < most < self.frame_max:
            raise MalformedReplyError(f"frames of {most} bytes at most; --set frame_max={most}")
        return True


def _tune(frame_max: int) -> MethodJudge:
    limits = b"\0\0" + max(LEAST_FRAME_BYTES, frame_max).to_bytes(4) + b"\0\0"
    words = f"connection.tune with frames of {frame_max} bytes or more"
    return MethodJudge(_Tunes(frame_max), words, method(Method.CONNECTION_TUNE, limits, channel=0))
