"""What uncut runs say, from streams that are made up."""

from dataclasses import replace

from wireproof.between.runs.course import Stream
from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import UNCUT, Direction
from wireproof.between.trying.baseline import Baseline, read_all
from wireproof.wire.observations import END_OF_STREAM, RESET

PLAYED = Played(UNCUT, 1, b"", b"", 1.0, 0.0)


def played(end: str, *, last: Direction = Direction.REPLY, is_late: bool = False) -> Played:
    """A run that failed; the client's stream ended so."""
    streams = {
        Direction.REQUEST: Stream([998], end=end),
        Direction.REPLY: Stream([1025], is_late=is_late),
    }
    return replace(PLAYED, streams=(streams,), last=(last,))


def test_a_reply_is_left_unread_where_the_client_resets_behind_it() -> None:
    """Each time, with later replies too: one that does not wait for them ends before they come."""
    reset, ended = played(str(RESET)), played(str(END_OF_STREAM), is_late=True)
    unread = Baseline(runs=[reset] * 3, late=[reset] * 3).unread
    assert "a request of 998 bytes answered by a reply of 1,025 bytes" in unread
    assert not Baseline(runs=[reset, reset, ended]).unread
    assert not Baseline(runs=[reset] * 3, late=[reset, reset, ended]).unread
    assert not Baseline(runs=[played(str(RESET), last=Direction.REQUEST)] * 3).unread


def test_all_was_read_where_the_client_ended_behind_the_reply() -> None:
    """Not where the reply came later, or the client reset."""
    assert read_all(played(str(END_OF_STREAM)))
    assert not read_all(played(str(END_OF_STREAM), is_late=True))
    assert not read_all(played(str(RESET)))
    assert not read_all(PLAYED)
