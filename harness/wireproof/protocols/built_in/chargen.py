"""The character generator protocol (RFC 864)."""

from __future__ import annotations

import re

from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.oracle import Oracle, SentRequests, WrongReplyError
from wireproof.protocols.raw_stream import RawStream
from wireproof.words import printable

RING = bytes(range(0x20, 0x7F))
LINE_CHARACTERS = 72
_LINE_BYTES = LINE_CHARACTERS + 2


class Chargen(RawStream, Datagrams):
    """The server sends characters until the client closes.

    The RFC recommends a pattern and requires none: `--set pattern=any` accepts every byte.
    """

    name = "chargen"
    source = "RFC 864"
    transports = frozenset({"tcp", "tls", "unix", "exec", "udp"})
    exchange = Exchange.ENDLESS
    pattern: str = "rotating"
    """`rotating` for the RFC's lines of 72 characters, each one on from the last; `any`."""

    def expected_datagram(self, datagram: bytes) -> re.Pattern[bytes]:
        """Return 0 to 512 characters, whatever was sent."""
        del datagram
        return re.compile(rb"[\x20-\x7e\r\n]{0,512}")

    def oracle(self) -> Oracle:
        """Return a judge that follows the pattern from its first character on."""
        return ChargenOracle(rotating=self.pattern != "any")


class ChargenOracle(Oracle):
    """Judges an endless stream: no request has a reply, but another line always comes."""

    def __init__(self, *, rotating: bool = True) -> None:
        """Follow the rotating pattern, or nothing."""
        self._requests = SentRequests()
        self._rotating = rotating
        self._first = -1  # where in the ring the stream began
        self._received_bytes = 0
        self._due_bytes = _LINE_BYTES

    def announce(self, request: bytes) -> None:
        """Append what will be thrown away."""
        self._requests.announce(len(request))

    def sent(self, count: int) -> None:
        """Owe nothing, but what is sent must not stop the stream."""
        self._requests.sent(count)
        if count:
            self._due_bytes = self._received_bytes + _LINE_BYTES

    def receive_data(self, data: bytes) -> int:
        """Compare with the pattern."""
        if self._rotating and data:
            if self._first < 0:
                self._first = max(RING.find(data[:1]), 0)
            right = self._pattern(self._received_bytes, len(data))
            if data != right:
                at = next(i for i, byte in enumerate(data) if byte != right[i])
                raise WrongReplyError(
                    "the pattern is broken",
                    expected=printable(right[at:], 80),
                    actual=printable(data[at:], 80),
                    offset_bytes=self._received_bytes + at,
                )
        self._received_bytes += len(data)
        return 0

    def receive_eof(self) -> None:
        """Refuse the end of the stream: only the client ends it."""
        raise WrongReplyError(
            "the server ended an endless stream",
            expected="characters until the client closes",
            actual="end of stream",
            offset_bytes=self._received_bytes,
        )

    @property
    def owed(self) -> int:
        """Nothing, ever."""
        return 0

    @property
    def settled(self) -> bool:
        """Whether the stream has begun, and has gone on by a line since the last byte sent."""
        return self._received_bytes >= self._due_bytes

    def _pattern(self, start: int, size: int) -> bytes:
        line, column = divmod(start, _LINE_BYTES)
        lines = bytearray()
        while len(lines) < column + size:
            at = (self._first + line) % len(RING)
            lines += (RING[at:] + RING)[:LINE_CHARACTERS] + b"\r\n"
            line += 1
        return bytes(lines[column : column + size])
