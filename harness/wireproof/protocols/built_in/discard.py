"""The discard protocol (RFC 863)."""

from __future__ import annotations

from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.oracle import Oracle, SentRequests, WrongReplyError
from wireproof.protocols.raw_stream import RawStream
from wireproof.words import printable


class Discard(RawStream, Datagrams):
    """Whatever is sent is thrown away; nothing is ever answered."""

    name = "discard"
    source = "RFC 863"
    transports = frozenset({"tcp", "tls", "unix", "exec", "udp"})
    exchange = Exchange.SILENT

    def expected_datagram(self, datagram: bytes) -> None:
        """Return None: no datagram is answered."""
        del datagram

    def oracle(self) -> Oracle:
        """Return a judge to which every byte is one too many."""
        return SilentOracle()


class SilentOracle(Oracle):
    """Judges a server that must never say a word."""

    def __init__(self) -> None:
        """Start with nothing announced."""
        self._requests = SentRequests()

    def announce(self, request: bytes) -> None:
        """Append a request."""
        self._requests.announce(len(request))

    def sent(self, count: int) -> None:
        """Owe nothing."""
        self._requests.sent(count)

    def receive_data(self, data: bytes) -> int:
        """Refuse any byte."""
        if not data:
            return 0
        raise WrongReplyError(
            "a reply where none is due",
            expected="nothing",
            actual=printable(data),
            offset_bytes=0,
        )

    def receive_eof(self) -> None:
        """Take the end of the stream, which is always right."""

    @property
    def owed(self) -> int:
        """Nothing, ever."""
        return 0
