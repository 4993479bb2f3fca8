"""reference_server.framing."""

import itertools
import time

import pytest

from reference_server.framing import HEADER_BYTES, CountingFramer, Framer, starts_with_header


def at(second: float, buffer_bytes: int = 1024) -> Framer:
    """A framer whose clock stands."""
    framer = Framer(buffer_bytes)
    framer.set_time(second)
    return framer


def test_a_frame_is_ctime_in_brackets_and_the_chunk() -> None:
    """The header is C's ctime of the second; the chunk follows unchanged."""
    chunk = bytes(range(256))
    assert at(1_000_000_000.9).frames(chunk) == (
        b"[" + time.ctime(1_000_000_000).encode() + b"] " + chunk
    )


def test_header_follows_the_clock_in_both_directions() -> None:
    """A clock that is set back is followed: a stale time would be wrong for as long."""
    framer = at(1_000_000_000)
    early = framer.header
    framer.set_time(1_000_000_001)
    late = framer.header
    framer.set_time(1_000_000_000)
    assert early != late
    assert framer.header == early


@pytest.mark.parametrize(
    ("size", "chunks"), [(0, [0]), (1, [1]), (8, [8]), (9, [8, 1]), (16, [8, 8]), (17, [8, 8, 1])]
)
def test_data_is_cut_into_full_chunks_and_a_rest(size: int, chunks: list[int]) -> None:
    """Each chunk is as long as the buffer save the last; no data make one bare header."""
    framer = at(0, buffer_bytes=8)
    data = bytes(range(size))
    cuts = [sum(chunks[:i]) for i in range(len(chunks) + 1)]
    expected = b"".join(framer.header + data[start:end] for start, end in itertools.pairwise(cuts))
    assert framer.frames(data) == expected


def test_counting_framer_counts_chunks_and_bytes() -> None:
    """What is counted is what was framed."""
    framer = CountingFramer(8)
    framer.frames(b"123456789")
    framer.frames(b"1")
    assert (framer.chunks, framer.payload_bytes) == (3, 10)
    assert "4 connections, 3 chunks, 10 bytes" in framer.statistics(4)


@pytest.mark.parametrize(
    ("datagram", "is_reply"),
    [
        (b"[Sat Jan  1 00:00:00 2000] ", True),
        (b"[Sat Jan  1 00:00:00 2000] and more", True),
        (b"[Sat Jan 31 23:59:59 2000] ", True),
        (b"[Sat Jan  1 00:00:00 2000]", False),
        (b"[Sat Foo  1 00:00:00 2000] ", False),
        (b" [Sat Jan  1 00:00:00 2000] ", False),
        (b"", False),
    ],
)
def test_header_is_recognised(datagram: bytes, is_reply: bool) -> None:
    """Only a whole header at the start makes a datagram a reply."""
    assert starts_with_header(datagram) is is_reply


def test_own_frames_are_recognised_all_year() -> None:
    """Whatever the date, a frame of ours is seen to be one."""
    for day in range(366):
        frame = at(day * 86_400.0).frames(b"x")
        assert len(frame) == HEADER_BYTES + 1
        assert starts_with_header(frame)
