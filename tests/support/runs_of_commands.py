"""Runs of a command with streams that are made up."""

from wireproof.between.runs.course import Stream
from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import UNCUT, Direction

PLAYED = Played(UNCUT, 1, b"", b"", 1.0, 0.0)


def played(
    end: str,
    *,
    last: Direction = Direction.REPLY,
    is_late: bool = False,
    not_awaited_bytes: int = 0,
    reply_bytes: int = 1025,
) -> Played:
    """A run that failed; the client's stream ended so."""
    streams = {
        Direction.REQUEST: Stream([998], end=end, not_awaited_bytes=not_awaited_bytes),
        Direction.REPLY: Stream([reply_bytes], is_late=is_late),
    }
    return Played(UNCUT, 1, b"", b"", 1.0, 0.0, streams=(streams,), last=(last,))
