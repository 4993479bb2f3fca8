"""Judges one AMQP connection: frames are put together first, as their channels have them.

Strategy: frames of several channels may come between each other, a body may be cut into frames at
will, and one acknowledgement may stand for all before it. So what arrives is brought into one form,
which is judged as any stream of replies is: whole messages, one behind the other, bodies cut as
seldom as the connection lets them be, one acknowledgement for each message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wireproof.protocols.built_in.amqp.frames import (
    HEAD_BYTES,
    MORE_BYTES,
    WITH_CONTENT,
    Frame,
    Method,
    Type,
    frame,
    frame_end,
    method,
    read,
)
from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.protocols.judging.request_reply_oracle import RequestReplyOracle
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.words import MAX_SHOWN_BYTES

_NAMES = {Type.METHOD: "a method", Type.HEADER: "a header", Type.BODY: "a body"}
_TAG_BYTES = 8
_ARGUMENTS_AT = HEAD_BYTES + 4
_COUNTED: dict[int, int] = {Method.BASIC_ACK: 0, Method.BASIC_DELIVER: 1, Method.BASIC_GET_OK: 1}
"""The methods that hold a counter, and which."""


class Numbers:
    """How many messages went either way, and which of the client's are not acknowledged.

    Attributes:
        published: by the client.
        delivered: by the server.

    """

    def __init__(self) -> None:
        """Start with none."""
        self.published = self.delivered = 0
        self._waiting: dict[int, None] = {}

    def publish(self) -> int:
        """Return the number of one more."""
        self.published += 1
        self._waiting[self.published] = None
        return self.published

    def take(self, number: int, *, multiple: bool) -> list[int]:
        """Return which an acknowledgement is about; itself alone where it is about none."""
        if not multiple:
            self._waiting.pop(number, None)
            return [number]
        found = []
        for one in list(self._waiting):
            if number and one > number:
                break
            found.append(one)
            del self._waiting[one]
        return found or [number]


class Assembler:
    """Puts the frames of a stream together to messages."""

    def __init__(self, frame_max: int) -> None:
        """Start a connection whose frames have at most so many bytes; 0 for any."""
        self.part = bytearray()
        self._frame_max = frame_max
        self._open: dict[int, list[Frame]] = {}
        self._left: dict[int, int] = {}

    def take(self, data: bytes) -> Iterator[list[Frame]]:
        """Yield the messages that end in what arrives.

        Raises:
            MalformedReplyError: it is no frame, or not one that may come on its channel now.

        """
        self.part += data
        start = 0
        try:
            while (end := self._end_of_frame(start)) is not None and end <= len(self.part):
                one = next(read(self.part[start:end]))
                start = end
                if (message := self._message(one)) is not None:
                    yield message
        finally:
            del self.part[:start]

    @property
    def is_inside(self) -> bool:
        """Whether a frame or a message has begun and isn't here whole."""
        return bool(self.part or self._open)

    def _end_of_frame(self, start: int) -> int | None:
        end = frame_end(self.part, start)
        if end is not None and self._frame_max and end - start > self._frame_max:
            raise MalformedReplyError(
                f"a frame of {end - start} bytes, more than {self._frame_max}"
            )
        return end

    def _message(self, one: Frame) -> list[Frame] | None:
        """Return the message that ends with a frame, or None."""
        if one.type == Type.HEARTBEAT:
            return [one]
        frames = self._open.setdefault(one.channel, [])
        wanted = Type(min(len(frames) + 1, Type.BODY))
        if one.type != wanted:
            raise MalformedReplyError(
                f"a frame of type {one.type} where {_NAMES[wanted]} is due on its channel"
            )
        frames.append(one)
        if wanted == Type.METHOD:
            is_whole = one.method not in WITH_CONTENT
        else:
            left = self._left.get(one.channel, 0) - len(one.payload)
            left = one.body_bytes if wanted == Type.HEADER else left
            if left < 0:
                raise MalformedReplyError(f"a body that is {-left} bytes longer than said")
            self._left[one.channel], is_whole = left, not left
        return self._open.pop(one.channel) if is_whole else None


class AmqpOracle(RequestReplyOracle):
    """Judges one connection."""

    def __init__(self, session: RequestReplyHooks, numbers: Numbers, frame_max: int) -> None:
        """Judge by `session`.

        Args:
            session: this connection's alone, as is what follows.
            numbers: the client's messages that are owed an acknowledgement.
            frame_max: the most bytes of a frame.

        """
        super().__init__(session)
        self._assembler = Assembler(frame_max)
        self._numbers = numbers
        self._body_bytes = frame_max - MORE_BYTES

    def receive_data(self, data: bytes) -> int:
        """Take what arrived, put together and brought into one form."""
        answered = 0
        try:
            for message in self._assembler.take(data):
                answered += super().receive_data(self._in_one_form(message))
        except MalformedReplyError as error:
            raise self._wrong(f"malformed reply ({error})", "a frame") from None
        return answered

    def receive_eof(self) -> None:
        """Take the end of the stream, which must not come within a message."""
        super().receive_eof()
        if self._assembler.is_inside and not self.ended:
            raise self._wrong("end of stream within a message", "the rest of it")

    @property
    def settled(self) -> bool:
        """Whether every reply owed is here, and none is half received."""
        return super().settled and not self._assembler.is_inside

    @property
    def unfinished(self) -> bytes:
        """The head of the message that is not all here."""
        return bytes(self._assembler.part[:MAX_SHOWN_BYTES])

    @property
    def counters(self) -> tuple[int, ...]:
        """How many messages were published, and how many were delivered."""
        return self._numbers.published, self._numbers.delivered

    def count_from(self, counters: Sequence[int]) -> None:
        """Take so many for published and delivered; all of them are acknowledged."""
        self._numbers.published, self._numbers.delivered = counters

    def counters_in(self, replies: bytes) -> list[tuple[int, int, int]]:
        """Return where the numbers of acknowledgements and of deliveries stand."""
        found: list[tuple[int, int, int]] = []
        start = 0
        while start < len(replies):
            end = frame_end(replies, start) or len(replies)
            if replies[start] == Type.METHOD:
                at = start + _ARGUMENTS_AT
                number = int.from_bytes(replies[at - 4 : at])
                if number == Method.BASIC_DELIVER:
                    at += 1 + replies[at]  # behind the name of the consumer
                # An acknowledgement of number 0 is about all there are.
                if number in _COUNTED and any(replies[at : at + _TAG_BYTES]):
                    found.append((at, _TAG_BYTES, _COUNTED[number]))
            start = end
        return found

    def _in_one_form(self, message: list[Frame]) -> bytes:
        first = message[0]
        if first.method == Method.BASIC_ACK and len(first.arguments) > _TAG_BYTES:
            number = int.from_bytes(first.arguments[:_TAG_BYTES])
            multiple = bool(first.arguments[_TAG_BYTES] & 1)
            numbers = self._numbers.take(number, multiple=multiple)
            return b"".join(acknowledgement(each, first.channel) for each in numbers)
        head = b"".join(frame(each.type, each.channel, each.payload) for each in message[:2])
        body = b"".join(each.payload for each in message[2:])
        pieces = [body[at : at + self._body_bytes] for at in range(0, len(body), self._body_bytes)]
        return head + b"".join(frame(Type.BODY, first.channel, piece) for piece in pieces)


def acknowledgement(number: int, channel: int = 1) -> bytes:
    """Return that the server has taken one message."""
    return method(Method.BASIC_ACK, number.to_bytes(_TAG_BYTES), b"\0", channel=channel)
