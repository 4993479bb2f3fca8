"""Latency histograms: HDR buckets from 1 µs to 60 s at 3 digits, added up without loss.

A count stays below 2048 µs exact to the microsecond and above it within one part in 1024, so every
percentile of a merged histogram is the percentile of the concatenated samples to 3 digits. The
buckets are those of HdrHistogram(1, 60_000_000, 3), and so is the encoded form (V2, compressed,
base64): other tools of the family read it.

A recorder in a hot loop keeps a plain list and does the arithmetic itself:

    counts[us if us < EXACT_BELOW_US else index_of(us)] += 1
"""

import base64
import binascii
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Self

from hdrh.histogram import HdrHistogram

from harness.errors import UsageError

LOWEST_US = 1
HIGHEST_US = 60_000_000
DIGITS = 3
EXACT_BELOW_US = 2048
LENGTH = 17 * 1024
"""Entries of a list of counts: one bucket of 2048, and 15 more halves, each twice as wide."""

_HALF_BITS = 10
_SUB_BUCKET_BITS = 11
_MAX_ENCODED_BYTES = 1024 * 1024
_MAX_PAYLOAD_BYTES = 9 * LENGTH + 64


def index_of(us: int) -> int:
    """Return the index at which a latency is counted; what exceeds 60 s counts as 60 s."""
    if us < EXACT_BELOW_US:
        return max(us, LOWEST_US)
    us = min(us, HIGHEST_US)
    shift = us.bit_length() - _SUB_BUCKET_BITS
    return (shift << _HALF_BITS) + (us >> shift)


def highest_at(index: int) -> int:
    """Return the greatest latency, in µs, that is counted at `index`."""
    if index < EXACT_BELOW_US:
        return index
    shift = (index >> _HALF_BITS) - 1
    return (((index & 1023) + 1024 + 1) << shift) - 1


class Histogram:
    """Counts of latencies.

    Attributes:
        counts: how many at each index, `LENGTH` of them.

    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        """Start empty."""
        self.counts = [0] * LENGTH

    @classmethod
    def of(cls, values_us: Iterable[int]) -> Self:
        """Return the histogram of these latencies."""
        found = cls()
        for value in values_us:
            found.record(value)
        return found

    def record(self, us: int, count: int = 1) -> None:
        """Count a latency `count` times."""
        self.counts[index_of(us)] += count

    def merge(self, other: "Histogram") -> None:
        """Add what another has counted."""
        self.counts = [one + two for one, two in zip(self.counts, other.counts, strict=True)]

    def add_sparse(self, pairs: Sequence[int]) -> None:
        """Add what `sparse` returned.

        Raises:
            ValueError: it is no such list.

        """
        indexes, counts = pairs[::2], pairs[1::2]
        if len(indexes) != len(counts) or min(counts, default=0) < 0:
            raise ValueError("not index, count, index, count …")
        if indexes and not 0 <= min(indexes) <= max(indexes) < LENGTH:
            raise ValueError(f"an index outside 0..{LENGTH - 1}")
        for index, count in zip(indexes, counts, strict=True):
            self.counts[index] += count

    def sparse(self) -> list[int]:
        """Return index, count, index, count … of all that is not zero."""
        return sparse(self.counts)

    @property
    def count(self) -> int:
        """How many latencies were counted."""
        return sum(self.counts)

    def percentile_us(self, percent: float) -> float:
        """Return the latency that `percent` of the counted did not exceed; 0 when empty.

        The nearest rank: of 100 latencies the 99th percentile is the 99th.
        """
        total = self.count
        # Rounding first keeps 99.9 % of 1000 at rank 999 in spite of binary fractions.
        rank = max(1, math.ceil(round(total * percent / 100, 6)))
        seen = 0
        for index, count in enumerate(self.counts):
            seen += count
            if count and seen >= rank:
                return float(min(highest_at(index), HIGHEST_US))
        return 0.0

    @property
    def max_us(self) -> float:
        """The greatest latency, to 3 digits; 0 when empty."""
        return self.percentile_us(100)

    @property
    def mean_us(self) -> float:
        """The mean, each bucket taken at its middle; 0 when empty."""
        total = self.count
        if not total:
            return 0.0
        return (
            sum(
                count * ((highest_at(index) + _lowest_at(index)) / 2)
                for index, count in enumerate(self.counts)
                if count
            )
            / total
        )

    def encode(self) -> str:
        """Return the histogram as HdrHistogram V2, compressed, base64."""
        histogram = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)
        for index, count in enumerate(self.counts):
            if count:
                histogram.record_value(min(highest_at(index), HIGHEST_US), count)
        encoded: bytes = histogram.encode()
        return encoded.decode("ascii")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what `encode` returned, or what another tool of the family wrote.

        Raises:
            UsageError: it is no such histogram.

        """
        _refuse_bomb(text)
        try:
            histogram = HdrHistogram.decode(text)
        except Exception as error:  # noqa: BLE001 - the library raises what it likes
            raise UsageError(f"it is not an HDR histogram: {error}") from None
        found = cls()
        for item in histogram.get_recorded_iterator():
            found.record(item.value_iterated_to, item.count_at_value_iterated_to)
        return found


def sparse(counts: Sequence[int]) -> list[int]:
    """Return index, count, index, count … of all counts that are not zero."""
    return [item for index, count in enumerate(counts) if count for item in (index, count)]


def _lowest_at(index: int) -> int:
    if index < EXACT_BELOW_US:
        return index
    return ((index & 1023) + 1024) << ((index >> _HALF_BITS) - 1)


def _refuse_bomb(text: str) -> None:
    """Refuse what would unpack to more than any histogram of ours; the library does not look."""
    try:
        if len(text) > _MAX_ENCODED_BYTES:
            raise UsageError("it is longer than any HDR histogram")
        packed = base64.b64decode(text, validate=True)[8:]  # behind a cookie and a length
        unpacker = zlib.decompressobj()
        unpacker.decompress(packed, _MAX_PAYLOAD_BYTES)
    except (ValueError, binascii.Error, zlib.error) as error:
        raise UsageError(f"it is not an HDR histogram: {error}") from None
    if unpacker.unconsumed_tail:
        raise UsageError("it unpacks to more than any HDR histogram")
