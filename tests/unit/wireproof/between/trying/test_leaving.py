"""How a client leaves, from streams that are made up."""

from tests.support.runs_of_commands import PLAYED, played
from wireproof.between.runs.schedules import Cut, Direction
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


def test_the_first_byte_of_the_last_reply_is_sent_alone() -> None:
    """Where there is more of it, and the client reset the connection behind it."""
    schedule = withholding(played(str(RESET)))
    assert schedule is not None
    assert schedule.cuts == (Cut(Direction.REPLY, 1, 1),)
    assert schedule.hold_s > 0
    assert withholding(played(str(RESET), reply_bytes=1)) is None
    assert withholding(played(str(END_OF_STREAM))) is None
