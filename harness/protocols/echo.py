"""The echo protocol (RFC 862): whatever is sent comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.protocols.base import Protocol
from harness.protocols.oracle import Oracle, SentRequests, WrongReplyError, printable

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class Echo(Protocol):
    """Whatever is sent comes back (RFC 862)."""

    name = "echo"
    source = "RFC 862"

    def requests(self) -> SearchStrategy[bytes]:
        """Return any bytes, one or more."""
        from hypothesis import strategies as st

        return st.binary(min_size=1, max_size=4096)

    def sized_request(self, size_bytes: int) -> bytes:
        """Return all 256 octets over and over."""
        return (bytes(range(256)) * (size_bytes // 256 + 1))[:size_bytes]

    def oracle(self) -> Oracle:
        """Return a judge that compares the two streams."""
        return EchoOracle()

    def judge_source(self) -> str:
        """Return a judge for scripts."""
        return "def complete(sent, received):\n    return received == sent\n"


class EchoOracle(Oracle):
    """Compares what comes back with what was sent, byte for byte."""

    def __init__(self) -> None:
        """Start with empty streams."""
        self._requests = SentRequests()
        self._echoed = SentRequests()
        self._outstanding = bytearray()  # sent, not yet echoed; its head is dropped lazily
        self._unsent = bytearray()
        self._incomplete = 0
        self._received_bytes = 0

    def announce(self, request: bytes) -> None:
        """Append a request."""
        self._requests.announce(len(request))
        self._echoed.announce(len(request))
        self._unsent += request

    def sent(self, count: int) -> None:
        """Owe each byte as soon as it is sent: an echo needs no complete request."""
        self._incomplete += self._requests.sent(count)
        self._outstanding += self._unsent[:count]
        del self._unsent[:count]

    def receive_data(self, data: bytes) -> int:
        """Compare; a byte that was never sent is surplus."""
        size = len(data)
        if not self._outstanding.startswith(data):
            raise self._wrong(data)
        del self._outstanding[:size]
        self._received_bytes += size
        answered = self._echoed.sent(size)
        self._incomplete -= answered
        return answered

    def receive_eof(self) -> None:
        """Take the end of the stream: every byte must have come back."""
        if self._outstanding:
            raise WrongReplyError(
                f"end of stream with {len(self._outstanding)} bytes not echoed",
                expected=printable(self._outstanding),
                actual="nothing",
                offset_bytes=self._received_bytes,
            )

    @property
    def owed(self) -> int:
        """Completely sent requests that are not completely echoed."""
        return self._incomplete

    @property
    def settled(self) -> bool:
        """Whether every byte that was sent is back."""
        return not self._outstanding

    def _wrong(self, data: bytes) -> WrongReplyError:
        outstanding = self._outstanding
        same = 0
        for ours, theirs in zip(outstanding, data, strict=False):
            if ours != theirs:
                break
            same += 1
        surplus = same == len(outstanding)
        return WrongReplyError(
            "bytes that were never sent" if surplus else "wrong byte in the echo",
            expected="nothing more" if surplus else printable(outstanding[same:]),
            actual=printable(data[same:]),
            offset_bytes=self._received_bytes + same,
        )
