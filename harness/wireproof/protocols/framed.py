r"""Ready-made framings. A protocol on top of one says what to ask and what is right, no more.

    base                  attributes                    default   frame(payload) returns
    Delimited             delimiter                     b"\n"     payload, delimiter
    FixedSize             reply_bytes                   1
    LengthPrefixed        length_bytes                  4         length, payload
                          little_endian                 False
                          length_counts_itself          False
    VarintLengthPrefixed  header_bytes before it        0         header, length, payload
                          most_length_bytes             5
    HeaderWithLength      header_bytes                  -         header with length, payload
                          length_at, within the header  -
                          length_bytes                  4
                          little_endian                 False
                          length_adjust                 0

`payload(frame)` returns the payload again. `length_adjust` is added to what the length field says,
to get the bytes after the header: minus `header_bytes` where the field counts the header too.

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

from wireproof.protocols.framing import (
    delimited,
    header_with_length,
    length_prefixed,
    read_varint,
    varint,
)
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.request_reply import RequestReply


class Delimited(RequestReply):
    """Messages that end with a delimiter."""

    delimiter: ClassVar[bytes] = b"\n"

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return the length up to and with the first delimiter."""
        return delimited(buffer, self.delimiter)

    def frame(self, payload: bytes) -> bytes:
        """Return `payload` and the delimiter, which must not be within it."""
        return payload + self.delimiter

    def payload(self, frame: bytes) -> bytes:
        """Return what stands before the delimiter."""
        return frame.removesuffix(self.delimiter)


class FixedSize(RequestReply):
    """Replies of one size."""

    reply_bytes: ClassVar[int] = 1

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return that size."""
        del buffer
        return self.reply_bytes


class LengthPrefixed(RequestReply):
    """Frames that start with their length."""

    length_bytes: ClassVar[int] = 4
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
        return length.to_bytes(self.length_bytes, _order(self.little_endian)) + payload

    def payload(self, frame: bytes) -> bytes:
        """Return what stands behind the length."""
        return frame[self.length_bytes :]


class VarintLengthPrefixed(RequestReply):
    """Frames that start with their length in seven bits a byte, the lowest first.

    As in Protocol Buffers and MQTT, which has a byte before it.
    """

    header_bytes: ClassVar[int] = 0
    """How many bytes stand before the length."""
    most_length_bytes: ClassVar[int] = 5
    """How many bytes the length may have; more is malformed."""

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return what the length field says."""
        found = read_varint(buffer, self.header_bytes, self.most_length_bytes)
        return None if found is None else found[1] + found[0]

    def frame(self, payload: bytes, header: bytes = b"") -> bytes:
        """Return `payload` behind the header, zeros where it is short of its size, and its length.

        Raises:
            ValueError: the header is longer than headers are.

        """
        return _filled(header, self.header_bytes) + varint(len(payload)) + payload

    def payload(self, frame: bytes) -> bytes:
        """Return what stands behind the length of a whole frame."""
        found = read_varint(frame, self.header_bytes, self.most_length_bytes)
        return b"" if found is None else frame[found[1] :]


class HeaderWithLength(RequestReply):
    """Frames with a header of fixed size that holds, among other things, a length."""

    header_bytes: ClassVar[int]
    length_at: ClassVar[int]
    """Where in the header the length field begins."""
    length_bytes: ClassVar[int] = 4
    little_endian: ClassVar[bool] = False
    length_adjust: ClassVar[int] = 0
    """Added to the field's value to get the bytes after the header; minus `header_bytes` where
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

    def frame(self, payload: bytes, header: bytes = b"") -> bytes:
        """Return `payload` behind a header: zeros where it is short of its size, and the length.

        Raises:
            ValueError: the header is longer than headers are.

        """
        head = bytearray(_filled(header, self.header_bytes))
        length = len(payload) - self.length_adjust
        field = length.to_bytes(self.length_bytes, _order(self.little_endian))
        head[self.length_at : self.length_at + self.length_bytes] = field
        return bytes(head) + payload

    def payload(self, frame: bytes) -> bytes:
        """Return what stands behind the header."""
        return frame[self.header_bytes :]


def _order(little_endian: bool) -> Literal["little", "big"]:
    return "little" if little_endian else "big"


def _filled(header: bytes, size_bytes: int) -> bytes:
    if len(header) > size_bytes:
        raise ValueError(f"a header of {len(header)} bytes, more than {size_bytes}")
    return header.ljust(size_bytes, b"\0")
