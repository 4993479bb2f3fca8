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
import functools
import math
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, compress
from typing import Self

from hdrh.histogram import HdrHistogram

from wireproof.errors import UsageError

LOWEST_US = 1
HIGHEST_US = 60_000_000
DIGITS = 3
EXACT_BELOW_US = 2048
LENGTH = 17 * 1024
"""Entries of a list of counts: one bucket of 2048, and 15 more halves, each twice as wide."""

_INDEXES = tuple(range(LENGTH))
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
        return self.percentiles_us(percent)[0]

    def percentiles_us(self, *percents: float) -> list[float]:
        """Return several percentiles at the cost of one."""
        reached = list(accumulate(self.counts))
        total = reached[-1]
        if not total:
            return [0.0] * len(percents)
        # Rounding first keeps 99.9 % of 1000 at rank 999 in spite of binary fractions.
        ranks = (max(1, math.ceil(round(total * percent / 100, 6))) for percent in percents)
        indexes = (bisect_left(reached, rank) for rank in ranks)
        return [float(min(highest_at(index), HIGHEST_US)) for index in indexes]

    @property
    def max_us(self) -> float:
        """The greatest latency, to 3 digits; 0 when empty."""
        return self.percentile_us(100)

    @property
    def mean_us(self) -> float:
        """The mean, each bucket taken at its middle; 0 when empty."""
        total = self.count
        return sum_us(self.sparse()) / total if total else 0.0

    def encode(self) -> str:
        """Return the histogram as HdrHistogram V2, compressed, base64."""
        histogram = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)
        recorded = list(compress(_INDEXES, self.counts))
        for index in recorded[1:-1]:  # its counts lie as ours do; its own way is ten times as long
            histogram.counts[index] = self.counts[index]
            histogram.total_count += self.counts[index]
        for index in {*recorded[:1], *recorded[-1:]}:  # these set its least and greatest, too
            histogram.record_value(min(highest_at(index), HIGHEST_US), self.counts[index])
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
    return [item for index in compress(_INDEXES, counts) for item in (index, counts[index])]


def sum_us(pairs: Sequence[int]) -> float:
    """Return the sum of the latencies that `sparse` returned, each taken at its bucket's middle."""
    middles_us = _middles_us()
    return sum(
        count * middles_us[index] for index, count in zip(pairs[::2], pairs[1::2], strict=True)
    )


def _lowest_at(index: int) -> int:
    if index < EXACT_BELOW_US:
        return index
    return ((index & 1023) + 1024) << ((index >> _HALF_BITS) - 1)


@functools.cache  # not at import: every command would wait for it
def _middles_us() -> tuple[float, ...]:
    return tuple((highest_at(index) + _lowest_at(index)) / 2 for index in _INDEXES)


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
