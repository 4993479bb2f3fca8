r"""Ready-made framings. A protocol on top of one says what to ask and what is right, no more.

class Reverse(LengthPrefixed):
    '''Each frame comes back with its payload reversed.'''

    name = "reverse"
    length_bytes = 2

    def requests(self):
        return st.binary(max_size=1000).map(self.frame)

    def expected(self, request):
        return self.frame(self.payload(request)[::-1])
"""

from __future__ import annotations

from typing import ClassVar, Literal

from wireproof.protocols.framing import delimited, header_with_length, length_prefixed
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.request_reply import RequestReply


class Delimited(RequestReply):
    """Messages that end with a delimiter."""

    delimiter: ClassVar[bytes] = b"\n"

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return the length up to and with the first delimiter."""
        return delimited(buffer, self.delimiter)


class FixedSize(RequestReply):
    """Replies of one size."""

    reply_bytes: ClassVar[int] = 1

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return that size."""
        del buffer
        return self.reply_bytes


class LengthPrefixed(RequestReply):
    """Frames that start with their length."""

    length_bytes: ClassVar[Literal[1, 2, 4, 8]] = 4
    little_endian: ClassVar[bool] = False
    length_counts_itself: ClassVar[bool] = False

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return what the length field says."""
        length = length_prefixed(
            buffer,
            self.length_bytes,
            little_endian=self.little_endian,
            inclusive=self.length_counts_itself,
        )
        if length is not None and length < self.length_bytes:
            raise MalformedReplyError(f"the length field says {length}, less than its own size")
        return length

    def frame(self, payload: bytes) -> bytes:
        """Return `payload` behind its length."""
        length = len(payload) + (self.length_bytes if self.length_counts_itself else 0)
        order: Literal["little", "big"] = "little" if self.little_endian else "big"
        return length.to_bytes(self.length_bytes, order) + payload

    def payload(self, frame: bytes) -> bytes:
        """Return what stands behind the length."""
        return frame[self.length_bytes :]


class HeaderWithLength(RequestReply):
    """Frames with a header of fixed size that holds, among other things, a length."""

    header_bytes: ClassVar[int]
    length_at: ClassVar[int]
    """Where in the header the length field begins."""
    length_bytes: ClassVar[Literal[1, 2, 4, 8]] = 4
    little_endian: ClassVar[bool] = False
    length_adjust: ClassVar[int] = 0
    """Added to the field's value to get the bytes behind the header; minus `header_bytes` where
    the field counts the header too."""

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return the header's size and what its length field says."""
        length = header_with_length(
            buffer,
            self.header_bytes,
            self.length_at,
            self.length_bytes,
            little_endian=self.little_endian,
            adjust=self.length_adjust,
        )
        if length is not None and length < self.header_bytes:
            raise MalformedReplyError(f"the length field makes a frame of {length} bytes")
        return length
