"""The histogram, against the library of the family and against plain sorting."""

import base64
import math
import zlib

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from wireproof.errors import UsageError
from wireproof.histogram import (
    DIGITS,
    HIGHEST_US,
    LENGTH,
    LOWEST_US,
    Histogram,
    _lowest_at,
    highest_at,
    index_of,
    sparse,
    sum_us,
)

latencies = st.lists(
    st.one_of(st.integers(1, 3000), st.integers(1, HIGHEST_US)), min_size=1, max_size=200
)


@given(latencies)
def test_counts_are_those_of_the_family(values: list[int]):
    """Every latency lands in the bucket in which HdrHistogram counts it."""
    family = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)
    for value in values:
        family.record_value(value)
    assert Histogram.of(values).counts == list(family.counts)
    assert family.counts_len == LENGTH


@given(latencies, latencies)
def test_merging_is_concatenating(one: list[int], other: list[int]):
    """A merged histogram equals that of the concatenated samples, in all its counts."""
    merged = Histogram.of(one)
    merged.merge(Histogram.of(other))
    assert merged.counts == Histogram.of(one + other).counts


@given(latencies, st.sampled_from([50, 90, 99, 99.9, 100]))
def test_percentile_is_the_nearest_rank(values: list[int], percent: float):
    """A percentile is the sample of that rank, as exactly as its bucket is wide."""
    rank = max(1, math.ceil(round(len(values) * percent / 100, 6)))
    sample = sorted(values)[rank - 1]
    found = Histogram.of(values).percentile_us(percent)
    assert sample <= found <= sample * (1 + 1 / 1024)
    if sample < 2048:
        assert found == sample


@settings(max_examples=25)  # encoding visits all 17408 buckets
@given(latencies)
def test_encoded_and_back(values: list[int]):
    """Decoding what was encoded returns every count, and the family's library reads it too."""
    histogram = Histogram.of(values)
    text = histogram.encode()
    assert Histogram.decode(text).counts == histogram.counts
    assert HdrHistogram.decode(text).get_total_count() == len(values)


@given(latencies)
def test_it_is_encoded_as_the_family_encodes_it(values: list[int]):
    """What is written is to the byte what the family's own recorder would write."""
    theirs = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)
    for value in values:
        theirs.record_value(min(max(value, LOWEST_US), HIGHEST_US))
    assert Histogram.of(values).encode() == theirs.encode().decode()


@given(latencies)
def test_sparse_and_back(values: list[int]):
    """The sparse form loses nothing."""
    histogram, copy = Histogram.of(values), Histogram()
    copy.add_sparse(histogram.sparse())
    assert copy.counts == histogram.counts


@given(latencies, latencies)
def test_adding_sparse_is_merging(one: list[int], other: list[int]):
    """Sparse counts are added to those that are there."""
    merged = Histogram.of(one)
    merged.add_sparse(Histogram.of(other).sparse())
    assert merged.counts == Histogram.of(one + other).counts


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([1], "^not index, count"),
        ([1, -1], "^not index, count"),
        ([LENGTH, 1], r"index outside 0\.\.17407$"),
        ([-1, 1], r"index outside 0\.\.17407$"),
    ],
)
def test_sparse_refuses_nonsense(pairs: list[int], said: str):
    """Pairs that no histogram has are refused, whole, with what would be right."""
    histogram = Histogram()
    with pytest.raises(ValueError, match=said):
        histogram.add_sparse(pairs)
    assert histogram.count == 0


def test_other_buckets_are_never_added_in_part():
    """Counts of another length, and an index without its count, are refused."""
    other = Histogram()
    other.counts = [1]
    histogram = Histogram.of([5])
    with pytest.raises(ValueError):
        histogram.merge(other)
    assert histogram.sparse() == [5, 1]
    with pytest.raises(ValueError):
        sum_us([5, 1, 6])


def test_percentiles_of_a_thousand():
    """Of 1, 2, … 1000 µs each percentile is the latency of its rank, whatever is asked with it."""
    histogram = Histogram.of(range(1, 1001))
    found = histogram.percentiles_us(0, 0.1, 50, 90, 99, 99.9, 100)
    assert found == [1, 1, 500, 900, 990, 999, 1000]


def test_binary_fractions_move_no_rank():
    """The 99.9th percentile of very many is that of exactly rank 99.9 %, not of the one behind."""
    total, rank = 1_342_968_000, 1_341_625_032
    assert total * 99.9 / 100 > rank
    histogram = Histogram()
    histogram.record(1, rank)
    histogram.record(2, total - rank)
    assert histogram.percentile_us(99.9) == 1


@given(st.integers(1, HIGHEST_US))
def test_bucket_is_narrow(value: int):
    """A bucket's greatest latency is its own and within one part in 1024 of all others in it."""
    index = index_of(value)
    assert index_of(min(highest_at(index), HIGHEST_US)) == index
    assert value <= highest_at(index) <= value * (1 + 1 / 1024)


def test_out_of_range_is_counted_at_the_ends():
    """Nothing is lost: 0 counts as 1 µs, and what exceeds a minute as a minute."""
    histogram = Histogram.of([0, 10 * HIGHEST_US])
    assert (histogram.percentile_us(50), histogram.max_us) == (1, HIGHEST_US)


def test_empty():
    """An empty histogram has no latencies, and says 0 instead of failing."""
    empty = Histogram()
    assert (empty.count, empty.percentile_us(99), empty.max_us, empty.mean_us) == (0, 0, 0, 0)
    assert sparse(empty.counts) == []


def test_mean_is_exact_below_two_milliseconds():
    """Where buckets are a microsecond wide, so is the mean's error."""
    assert Histogram.of([100, 200, 600]).mean_us == 300


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "^it is not an HDR histogram: "),
        ("no", "^it is not an HDR histogram: "),
        ("HISTFAAA", "^it is not an HDR histogram: "),
        ("é", "^it is not an HDR histogram: "),
        (Histogram.of([5]).encode() + "!", "^it is not an HDR histogram: "),
        ("A" * 2_000_000, "^it is longer than any HDR histogram$"),
    ],
)
def test_decode_refuses_what_is_none(text: str, said: str):
    """Text that is no histogram, or has anything else in it, is refused in words."""
    with pytest.raises(UsageError, match=said):
        Histogram.decode(text)


def test_decode_refuses_a_bomb():
    """A few bytes that unpack to very many are refused before they are unpacked."""
    bomb = base64.b64encode(b"\x1c\x84\x93\x14" + bytes(4) + zlib.compress(bytes(50_000_000)))
    with pytest.raises(UsageError, match=r"^it unpacks to more than any HDR histogram$"):
        Histogram.decode(bomb.decode())


def test_buckets_leave_no_gap():
    """Each bucket begins one microsecond above the greatest latency of the one before."""
    assert [_lowest_at(index) for index in range(1, LENGTH)] == [
        highest_at(index) + 1 for index in range(LENGTH - 1)
    ]
    assert _lowest_at(0) == 0


@given(st.integers(1, HIGHEST_US))
def test_mean_takes_a_bucket_at_its_middle(value: int):
    """The mean of one latency lies halfway between the least and the greatest of its bucket."""
    index = index_of(value)
    width = 1 << max(0, value.bit_length() - 11)
    assert Histogram.of([value]).mean_us == highest_at(index) - (width - 1) / 2


def test_nothing_sparse_adds_nothing():
    """An empty list of pairs is sound, and so are a count of 0 and the last index."""
    histogram = Histogram()
    histogram.add_sparse([])
    assert histogram.count == 0
    histogram.add_sparse([0, 0, LENGTH - 1, 2])
    assert (histogram.count, histogram.counts[-1]) == (2, 2)
    assert histogram.max_us == HIGHEST_US
