"""What uncut runs say, from streams that are made up."""

from tests.support.runs_of_commands import played
from wireproof.between.runs.schedules import Direction
from wireproof.between.trying.baseline import Baseline
from wireproof.wire.observations import END_OF_STREAM, RESET


def test_a_reply_is_left_unread_where_the_client_resets_behind_it() -> None:
    """Each time, with later replies too: one that does not wait for them ends before they come."""
    reset, ended = played(str(RESET)), played(str(END_OF_STREAM), is_late=True)
    unread = Baseline(runs=[reset] * 3, late=[reset] * 3).unread
    assert "a request of 998 bytes answered by a reply of 1,025 bytes" in unread
    assert not Baseline(runs=[reset, reset, ended]).unread
    assert not Baseline(runs=[reset] * 3, late=[reset, reset, ended]).unread
    early = played(str(END_OF_STREAM), not_awaited_bytes=1)
    assert Baseline(runs=[reset] * 3, withheld=[early] * 3).unread
    assert not Baseline(runs=[reset] * 3, withheld=[early, reset, early]).unread
    assert not Baseline(runs=[played(str(RESET), last=Direction.REQUEST)] * 3).unread
