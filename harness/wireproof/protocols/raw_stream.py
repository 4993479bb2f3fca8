"""Raw byte streams: each byte that is sent owes one byte, and nothing has a border."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.oracle import Oracle, SentRequests, WrongReplyError
from wireproof.protocols.sizes import BORDER_SIZES
from wireproof.protocols.user_code import call_user_code, code_error
from wireproof.words import MAX_SHOWN_BYTES, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy


class RawStream(Protocol):
    """A protocol that answers byte for byte, such as an echo."""

    def requests(self) -> SearchStrategy[bytes]:
        """Return any bytes, one or more."""
        from hypothesis import strategies as st

        return st.one_of(
            st.binary(min_size=1, max_size=4096),
            st.sampled_from(BORDER_SIZES).map(self.sized_request),
        )

    def sized_request(self, size_bytes: int) -> bytes:
        """Return all 256 octets over and over."""
        return (bytes(range(256)) * (size_bytes // 256 + 1))[:size_bytes]

    def payload_request(self, payload: bytes) -> bytes:
        """Return the payload itself."""
        return payload

    def convert(self, data: bytes) -> bytes:
        """Return what `data` comes back as: as many bytes, each decided by its own byte alone."""
        return data

    def oracle(self) -> Oracle:
        """Return a judge that compares the two streams."""
        plain = not overrides(self, RawStream, "convert")
        return RawStreamOracle(None if plain else self.convert)


class RawStreamOracle(Oracle):
    """Compares what comes back with what was sent, byte for byte."""

    def __init__(self, convert: Callable[[bytes], bytes] | None = None) -> None:
        """Start with empty streams; `convert` turns what is sent into what is owed."""
        self._convert = convert
        self._requests = SentRequests()
        self._answered = SentRequests()
        self._outstanding = bytearray()  # owed; its head is dropped lazily
        self._unsent = bytearray()
        self._incomplete = 0
        self._received_bytes = 0
        self._latest = b""  # received

    def announce(self, request: bytes) -> None:
        """Append a request."""
        self._requests.announce(len(request))
        self._answered.announce(len(request))
        self._unsent += request

    def sent(self, count: int) -> None:
        """Owe each byte as soon as it is sent: a stream needs no complete request."""
        self._incomplete += self._requests.sent(count)
        data = bytes(self._unsent[:count])
        if self._convert is not None:
            converted = call_user_code(self._convert, data)
            if len(converted) != len(data):
                raise code_error(
                    self._convert,
                    f"returned {len(converted)} bytes for {len(data)}",
                    "return one byte for each",
                )
            data = converted
        self._outstanding += data
        del self._unsent[:count]

    def receive_data(self, data: bytes) -> int:
        """Compare; a byte that was never sent is surplus."""
        size = len(data)
        if not self._outstanding.startswith(data):
            raise self._wrong(data)
        del self._outstanding[:size]
        self._received_bytes += size
        self._latest = data[-MAX_SHOWN_BYTES:]
        answered = self._answered.sent(size)
        self._incomplete -= answered
        return answered

    def receive_eof(self) -> None:
        """Take the end of the stream: every byte must have come back."""
        if self._outstanding:
            raise WrongReplyError(
                f"end of stream with {len(self._outstanding)} bytes not answered",
                expected=printable(self._outstanding),
                actual="nothing",
                offset_bytes=self._received_bytes,
            )

    @property
    def owed(self) -> int:
        """Completely sent requests that are not completely answered."""
        return self._incomplete

    @property
    def settled(self) -> bool:
        """Whether every byte that was sent is answered."""
        return not self._outstanding

    @property
    def due(self) -> str:
        """The bytes that have not come back."""
        return printable(self._outstanding) if self._outstanding else ""

    @property
    def knows_each_byte(self) -> bool:
        """All of them: what isn't owed is refused as it comes."""
        return True

    @property
    def unfinished(self) -> bytes:
        """The end of what has come back of a request whose last byte has not."""
        answered = self._answered
        partly = answered.sent_bytes - answered.completed_bytes
        return self._latest[-partly:] if partly else b""

    def _wrong(self, data: bytes) -> WrongReplyError:
        outstanding = self._outstanding
        same = 0
        for ours, theirs in zip(outstanding, data, strict=False):
            if ours != theirs:
                break
            same += 1
        surplus = same == len(outstanding)
        return WrongReplyError(
            "bytes that were never sent" if surplus else "wrong byte in the stream",
            expected="nothing more" if surplus else printable(outstanding[same:]),
            actual=printable(data[same:]),
            offset_bytes=self._received_bytes + same,
            is_surplus=surplus,
        )
