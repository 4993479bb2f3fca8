"""Frames of the WebSocket protocol (RFC 6455, section 5), made and read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from wireproof.protocols.oracle import MalformedReplyError

FIN = 0x80
_RESERVED = 0x70
_MASKED = 0x80
MOST_CONTROL_BYTES = 125
"""Of the payload of a control frame (section 5.5), and of a length in one byte (section 5.2)."""
KEY = b"\x37\xfa\x21\x3d"
"""The masking key of the examples in section 5.7."""


class Opcode(IntEnum):
    """What a frame is (section 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10

    @property
    def is_control(self) -> bool:
        """Whether it may come between the fragments of a message, and is never in fragments."""
        return self >= Opcode.CLOSE


@dataclass(frozen=True, slots=True)
class Message:
    """What an application sends or gets.

    Attributes:
        opcode: `Opcode.TEXT` or `Opcode.BINARY`.
        payload: all of it; of a text, in UTF-8.

    """

    TEXT: ClassVar = Opcode.TEXT
    BINARY: ClassVar = Opcode.BINARY

    opcode: Opcode
    payload: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the payload of a frame.

    Attributes:
        is_final: whether the message ends with this frame.
        opcode: what it is.
        key: the masking key; empty where the payload is not masked.
        start: where the payload begins, in bytes from the start of the frame.
        end: where it ends.

    """

    is_final: bool
    opcode: Opcode
    key: bytes
    start: int
    end: int

    def payload(self, frame: bytes | bytearray) -> bytes:
        """Return the payload of a whole frame, unmasked."""
        return masked(bytes(frame[self.start : self.end]), self.key)


def masked(payload: bytes, key: bytes) -> bytes:
    """Return `payload` masked, or unmasked, with a key of four bytes, or of none (section 5.3)."""
    if not key:
        return payload
    size = len(payload)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)


def frame(opcode: int, payload: bytes, *, final: bool = True, key: bytes = b"") -> bytes:
    r"""Return a frame with a length in as few bytes as there can be.

    >>> frame(Opcode.TEXT, b"Hello", key=KEY)
    b'\x81\x857\xfa!=\x7f\x9fMQX'
    """
    size, mask = len(payload), _MASKED if key else 0
    if size <= MOST_CONTROL_BYTES:
        length = bytes((mask | size,))
    elif size < 2**16:
        length = bytes((mask | 126,)) + size.to_bytes(2)
    else:
        length = bytes((mask | 127,)) + size.to_bytes(8)
    return bytes((FIN * final | opcode,)) + length + key + masked(payload, key)


def read_head(buffer: bytes | bytearray) -> Head | None:
    """Return the head of the frame at the start of `buffer`, or None while it is not all there.

    Raises:
        MalformedReplyError: no frame begins so where no extension was agreed on.

    """
    if not buffer:
        return None
    if buffer[0] & _RESERVED:
        raise MalformedReplyError("a frame with reserved bits set (RFC 6455 section 5.2)")
    is_final, number = bool(buffer[0] & FIN), buffer[0] & 0x0F
    if number not in Opcode.__members__.values():
        raise MalformedReplyError(f"a frame with the reserved opcode {number}")
    if len(buffer) < 2:
        return None
    opcode, size = Opcode(number), buffer[1] & 0x7F
    if opcode.is_control and (size > MOST_CONTROL_BYTES or not is_final):
        raise MalformedReplyError(
            f"a {opcode.name} in fragments, or of more than 125 bytes (RFC 6455 section 5.5)"
        )
    more = {126: 2, 127: 8}.get(size, 0)
    start = 2 + more + (4 if buffer[1] & _MASKED else 0)
    if len(buffer) < start:
        return None
    if more:
        size = int.from_bytes(buffer[2 : 2 + more])
    return Head(is_final, opcode, bytes(buffer[2 + more : start]), start, start + size)
