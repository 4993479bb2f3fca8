"""Where a message of AMQP ends: behind its last body frame, however it is cut into frames."""

from __future__ import annotations

from wireproof.protocols.built_in.amqp.frames import (
    HEAD_BYTES,
    MORE_BYTES,
    WITH_CONTENT,
    Type,
    frame_end,
)
from wireproof.protocols.oracle import MalformedReplyError

_NAMES = {Type.METHOD: "a method", Type.HEADER: "a header", Type.BODY: "a body"}


class ContentCursor:
    """How far a message is read while it grows, so that no frame is looked at twice.

    A method without content ends with its frame, and so does a heartbeat.
    """

    def __init__(self) -> None:
        """Stand at the start of a message."""
        self._at = self._left = 0
        self._channel = b""
        self._wants: Type | None = None

    def end(self, buffer: bytes | bytearray) -> int | None:
        """Return where the message at the start of a buffer ends; None while that isn't known.

        Raises:
            MalformedReplyError: its frames are no message.

        """
        while True:
            end = frame_end(buffer, self._at)
            if end is None or end > len(buffer):
                return None
            is_last = self._take(buffer, self._at, end)
            self._at = end
            if is_last:
                self._at, self._wants = 0, None
                return end

    def _take(self, buffer: bytes | bytearray, start: int, end: int) -> bool:
        """Take a whole frame; returns whether the message ends with it."""
        kind, channel = buffer[start], buffer[start + 1 : start + 3]
        payload = start + HEAD_BYTES
        if self._wants is None:
            if kind == Type.HEARTBEAT:
                return True
            self._check(kind, Type.METHOD)
            self._channel = bytes(channel)
            if int.from_bytes(buffer[payload : payload + 4]) not in WITH_CONTENT:
                return True
            self._wants = Type.HEADER
            return False
        self._check(kind, self._wants)
        if channel != self._channel:
            raise MalformedReplyError("a frame of another channel within a message")
        if kind == Type.HEADER:
            self._left = int.from_bytes(buffer[payload + 4 : payload + 12])
            self._wants = Type.BODY
            return not self._left
        self._left -= end - start - MORE_BYTES
        if self._left < 0:
            raise MalformedReplyError(f"a body that is {-self._left} bytes longer than said")
        return not self._left

    def _check(self, kind: int, wanted: Type) -> None:
        if kind != wanted:
            problem = f"a frame of type {kind} where {_NAMES[wanted]} is due"
            raise MalformedReplyError(problem)
