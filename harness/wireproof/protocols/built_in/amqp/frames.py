"""AMQP's frames and methods (section 4.2 of the specification), written and read.

A message is a method with a header frame and as many body frames as its size needs behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from wireproof.protocols.oracle import MalformedReplyError

HEADER = b"AMQP\0\0\x09\x01"
"""What a client sends first (section 4.2.2)."""
END = b"\xce"
HEAD_BYTES = 7
LEAST_FRAME_BYTES = 4096
"""The greatest frame that every peer must take (section 4.2.3)."""
MORE_BYTES = HEAD_BYTES + len(END)
_BASIC = 60


class Type(IntEnum):
    """The types of frames (section 4.2.3)."""

    METHOD = 1
    HEADER = 2
    BODY = 3
    HEARTBEAT = 8


class Method(IntEnum):
    """Methods, each as its class and its number in that; what answers one has the next number."""

    CONNECTION_START = 10 << 16 | 10
    CONNECTION_START_OK = 10 << 16 | 11
    CONNECTION_TUNE = 10 << 16 | 30
    CONNECTION_TUNE_OK = 10 << 16 | 31
    CONNECTION_OPEN = 10 << 16 | 40
    CONNECTION_OPEN_OK = 10 << 16 | 41
    CONNECTION_CLOSE = 10 << 16 | 50
    CHANNEL_OPEN = 20 << 16 | 10
    CHANNEL_OPEN_OK = 20 << 16 | 11
    CHANNEL_CLOSE = 20 << 16 | 40
    EXCHANGE_DECLARE = 40 << 16 | 10
    QUEUE_DECLARE = 50 << 16 | 10
    QUEUE_DECLARE_OK = 50 << 16 | 11
    QUEUE_BIND = 50 << 16 | 20
    QUEUE_PURGE = 50 << 16 | 30
    QUEUE_DELETE = 50 << 16 | 40
    BASIC_CONSUME = _BASIC << 16 | 20
    BASIC_CONSUME_OK = _BASIC << 16 | 21
    BASIC_PUBLISH = _BASIC << 16 | 40
    BASIC_RETURN = _BASIC << 16 | 50
    BASIC_DELIVER = _BASIC << 16 | 60
    BASIC_GET = _BASIC << 16 | 70
    BASIC_GET_OK = _BASIC << 16 | 71
    BASIC_GET_EMPTY = _BASIC << 16 | 72
    BASIC_ACK = _BASIC << 16 | 80
    BASIC_NACK = _BASIC << 16 | 120
    CONFIRM_SELECT = 85 << 16 | 10


WITH_CONTENT = frozenset(
    {Method.BASIC_PUBLISH, Method.BASIC_RETURN, Method.BASIC_DELIVER, Method.BASIC_GET_OK}
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        type: see `Type`.
        channel: its number; 0 is the connection's own.
        payload: without head and end.

    """

    type: int
    channel: int
    payload: bytes

    @property
    def method(self) -> int:
        """The method, of a method frame that holds one; 0 of others."""
        is_one = self.type == Type.METHOD and len(self.payload) > 3
        return int.from_bytes(self.payload[:4]) if is_one else 0

    @property
    def arguments(self) -> bytes:
        """What stands behind the method."""
        return self.payload[4:]

    @property
    def body_bytes(self) -> int:
        """How long the body is, as a header frame says."""
        return int.from_bytes(self.payload[4:12])


def short(text: bytes) -> bytes:
    """Return a short string: its length in one octet, and itself."""
    return bytes((len(text),)) + text


def long(text: bytes) -> bytes:
    """Return a long string: its length in four octets, and itself."""
    return len(text).to_bytes(4) + text


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Return a frame."""
    head = bytes((kind,)) + channel.to_bytes(2) + len(payload).to_bytes(4)
    return head + payload + END


def method(name: int, *arguments: bytes, channel: int = 1) -> bytes:
    """Return a method frame."""
    return frame(Type.METHOD, channel, name.to_bytes(4) + b"".join(arguments))


def content(
    body: bytes, properties: bytes = b"\0\0", channel: int = 1, frame_max: int = LEAST_FRAME_BYTES
) -> bytes:
    """Return the header and body frames of a message.

    Args:
        body: cut into frames.
        properties: flags of those that there are, and their values.
        channel: on which the method was.
        frame_max: how long a frame may be.

    """
    head = _BASIC.to_bytes(2) + b"\0\0" + len(body).to_bytes(8) + properties
    most = frame_max - MORE_BYTES
    pieces = [body[at : at + most] for at in range(0, len(body), most)]
    bodies = b"".join(frame(Type.BODY, channel, piece) for piece in pieces)
    return frame(Type.HEADER, channel, head) + bodies


def frame_end(buffer: bytes | bytearray, start: int) -> int | None:
    """Return where the frame at an offset ends; None while its head is not there.

    Raises:
        MalformedReplyError: it is there, and does not end as it must.

    """
    if len(buffer) < start + HEAD_BYTES:
        return None
    end = start + MORE_BYTES + int.from_bytes(buffer[start + 3 : start + HEAD_BYTES])
    if len(buffer) >= end and buffer[end - 1] != END[0]:
        raise MalformedReplyError("a frame that does not end with CE")
    return end


def read(data: bytes | bytearray) -> Iterator[Frame]:
    """Yield the frames of a stream that ends with one."""
    start = 0
    while start < len(data):
        end = frame_end(data, start)
        assert end is not None
        channel = int.from_bytes(data[start + 1 : start + 3])
        yield Frame(data[start], channel, bytes(data[start + HEAD_BYTES : end - 1]))
        start = end
