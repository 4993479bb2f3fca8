from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wireproof.between.runs.course import MOST_OCTETS, HostileCourse
from wireproof.between.runs.schedules import LATE_S, MOMENT_S, Cut, Direction, Schedule
from wireproof.traffic.forwarding import Break, Finish, Hold, Send, Settle, Side
from wireproof.wire.observations import END_OF_STREAM, RESET, Data


def _drained(course: HostileCourse, to: Side, now_s: float = 0.0) -> list[object]:
    """All steps towards a side, at one moment; a hold ends it."""
    steps: list[object] = []
    while (step := course.next_step(to, now_s)) is not None:
        steps.append(step)
        if isinstance(step, Hold):
            break
    return steps


def _segments(steps: list[object]) -> list[bytes]:
    """The bytes that leave before each wait for the reader."""
    segments = [b""]
    for step in steps:
        if isinstance(step, Send):
            segments[-1] += step.data
        elif isinstance(step, Settle):
            segments.append(b"")
    return segments


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1), st.sets(st.integers(1, 60)))
def test_cuts_lie_where_they_should_however_the_bytes_came(
    writes: list[bytes], offsets: set[int]
) -> None:
    """The place counts from the beginning of the message, not of the write."""
    cuts = tuple(Cut(Direction.REPLY, 1, offset) for offset in sorted(offsets))
    course = HostileCourse(Schedule(cuts=cuts))
    steps: list[object] = []
    for write in writes:
        course.take(Side.SERVER, Data(write), 0.0)
        steps += _drained(course, Side.CLIENT)
    whole = b"".join(writes)
    inside = sorted(offset for offset in offsets if offset < len(whole))
    borders = [0, *inside, len(whole)]
    expected = [whole[begin:end] for begin, end in pairwise(borders)]
    assert _segments(steps) == expected
    assert {cut.offset for cut in course.applied} == set(inside)
    assert course.held_bytes(Side.CLIENT) == 0


def test_octets_are_read_one_by_one_and_only_so_many() -> None:
    """The rest of a long stream passes as it came."""
    course = HostileCourse(Schedule(octets=(Direction.REQUEST,)))
    course.take(Side.CLIENT, Data(b"x" * MOST_OCTETS), 0.0)
    course.take(Side.CLIENT, Data(b"y" * 1000), 0.0)
    segments = _segments(_drained(course, Side.SERVER))
    assert len(segments) == MOST_OCTETS
    assert segments[-1] == b"x" + b"y" * 1000


def test_a_message_ends_where_the_other_side_speaks() -> None:
    """Messages are counted for each direction by itself."""
    course = HostileCourse(Schedule(cuts=(Cut(Direction.REPLY, 2, 1),)))
    for source, data in (
        (Side.CLIENT, b"a"),
        (Side.SERVER, b"one"),
        (Side.SERVER, b"more"),
        (Side.CLIENT, b"b"),
        (Side.SERVER, b"two"),
    ):
        course.take(source, Data(data), 0.0)
    assert _segments(_drained(course, Side.CLIENT)) == [b"onemoret", b"wo"]
    assert course.streams[Direction.REPLY].sizes_bytes == [7, 3]
    assert course.streams[Direction.REQUEST].sizes_bytes == [1, 1]


def test_what_comes_within_a_moment_leaves_as_one_with_the_end() -> None:
    """The end leaves in the segment of the last byte."""
    course = HostileCourse(Schedule(gather=(Direction.REPLY,)))
    course.take(Side.SERVER, Data(b"a"), 0.0)
    assert _drained(course, Side.CLIENT) == [Hold(MOMENT_S)]
    course.take(Side.SERVER, Data(b"b"), 0.01)
    assert _drained(course, Side.CLIENT, 0.02) == [Hold(0.01 + MOMENT_S)]
    course.take(Side.SERVER, END_OF_STREAM, 0.02)
    assert _drained(course, Side.CLIENT, 0.02) == [Send(b"ab", more_follows=True), Finish()]


def test_a_late_reply_waits_for_the_next_request() -> None:
    """Or for a while, where there is none."""
    course = HostileCourse(Schedule(is_late=True))
    course.take(Side.CLIENT, Data(b"?"), 0.0)
    course.take(Side.SERVER, Data(b"!"), 0.0)
    assert _drained(course, Side.CLIENT, 0.0) == [Hold(LATE_S)]
    course.take(Side.CLIENT, Data(b"?"), 0.1)
    assert _drained(course, Side.CLIENT, 0.1) == [Send(b"!")]
    course.take(Side.SERVER, Data(b"!"), 0.1)
    assert _drained(course, Side.CLIENT, 0.1 + LATE_S) == [Send(b"!")]


def test_a_held_cut_is_held() -> None:
    """From when its first part has been read."""
    course = HostileCourse(Schedule(cuts=(Cut(Direction.REPLY, 1, 1),), hold_s=0.5))
    course.take(Side.SERVER, Data(b"ab"), 0.0)
    steps = _drained(course, Side.CLIENT, 1.0)
    assert isinstance(steps[1], Settle)
    assert [steps[0], steps[2]] == [Send(b"a"), Hold(1.5)]
    assert _drained(course, Side.CLIENT, 1.5) == [Send(b"b")]


def test_a_stream_breaks_off_at_its_place() -> None:
    """What comes behind it is dropped, the server's own end too."""
    for how, end in (("end", Finish()), ("reset", Break())):
        cut = Cut(Direction.REPLY, 1, 2)
        course = HostileCourse(Schedule(cuts=(cut,), broken=how))  # type: ignore[arg-type]
        course.take(Side.SERVER, Data(b"abcd"), 0.0)
        course.take(Side.SERVER, END_OF_STREAM, 0.0)
        steps = _drained(course, Side.CLIENT)
        assert [steps[0], steps[-1]] == [Send(b"ab"), end]
        assert len(steps) == 3


def test_an_end_comes_apart_and_a_reset_at_once() -> None:
    """The end waits until the last byte was read, and a while longer."""
    course = HostileCourse(Schedule(end_apart=True))
    course.take(Side.SERVER, Data(b"a"), 0.0)
    course.take(Side.SERVER, END_OF_STREAM, 0.0)
    first, settle, hold = _drained(course, Side.CLIENT, 0.0)
    assert first == Send(b"a")
    assert isinstance(settle, Settle)
    assert isinstance(hold, Hold)
    assert _drained(course, Side.CLIENT, hold.until_s) == [Finish()]
    course = HostileCourse(Schedule())
    course.take(Side.SERVER, RESET, 0.0)
    assert _drained(course, Side.CLIENT) == [Break()]


@given(st.binary(min_size=30, max_size=200), st.integers(1, 60), st.integers(0, 9))
def test_drawn_cuts_are_the_same_however_the_bytes_came(data: bytes, size: int, seed: int) -> None:
    """And another seed draws others."""
    found = []
    for step in (size, len(data)):
        course = HostileCourse(Schedule(seed=seed))
        for begin in range(0, len(data), step):
            course.take(Side.SERVER, Data(data[begin : begin + step]), 0.0)
        found.append(_segments(_drained(course, Side.CLIENT)))
    assert found[0] == found[1]
    assert b"".join(found[0]) == data
