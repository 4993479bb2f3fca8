"""How a client leaves, from streams that are made up, and clients that read so much."""

from collections.abc import Callable

import pytest

from tests.support.runs_of_commands import PLAYED, played
from wireproof.between.runs.schedules import Cut, Direction, Schedule
from wireproof.between.trying.leaving import Left, left, read_all, withholding
from wireproof.wire.observations import END_OF_STREAM, RESET


def test_all_was_read_where_the_client_ended_behind_the_reply() -> None:
    """Not where the reply came later, or the client reset."""
    assert read_all(played(str(END_OF_STREAM)))
    assert not read_all(played(str(END_OF_STREAM), is_late=True))
    assert not read_all(played(str(RESET)))
    assert not read_all(PLAYED)


def test_who_leaves_early_ends_the_connection_while_a_part_is_held() -> None:
    """With an end of stream, since nothing lies unread; a reset does not say why it came."""
    assert left(played(str(END_OF_STREAM), not_awaited_bytes=1)) is Left.EARLY
    assert left(played(str(RESET), not_awaited_bytes=1)) is Left.BY_RESET
    assert left(played(str(RESET))) is Left.AFTER_ALL


def _one_recv(size: int) -> Callable[[int], Left]:
    return lambda part: Left.EARLY if part <= size else Left.BY_RESET


def _until(size: int) -> Callable[[int], Left]:
    def leaves(part: int) -> Left:
        if part < size:
            return Left.AFTER_ALL
        return Left.EARLY if part == size else Left.BY_RESET

    return leaves


@pytest.mark.parametrize(
    ("leaves", "size", "found"),
    [
        (_one_recv(1024), 1025, 1024),
        (_one_recv(1024), 5000, 624),
        (_until(1024), 5000, 1024),
        (_until(1), 3, 1),
        (lambda _: Left.BY_RESET, 5000, None),
        (lambda _: Left.AFTER_ALL, 5000, None),
        (_one_recv(1), 1, None),
    ],
)
def test_the_part_after_which_a_client_leaves_is_found(
    leaves: Callable[[int], Left], size: int, found: int | None
) -> None:
    """In few runs; of one that always resets, or waits for the rest, there is none."""
    search = withholding(played(str(RESET), reply_bytes=size))
    seen: list[int] = []
    result: Schedule | None = None
    try:
        tried = next(search)
        while True:
            seen.append(tried.cuts[0].offset)
            tried = search.send(leaves(seen[-1]))
    except StopIteration as done:
        result = done.value
    assert len(seen) <= 1 + size.bit_length()
    if found is None:
        assert result is None
    else:
        assert result is not None
        assert result.cuts == (Cut(Direction.REPLY, 1, found),)
