"""How a client leaves: with a reply read to its end, or without.

A client that closes before it has read all that has come resets the connection (RFC 2525 2.17,
tcp(7)); so does one that has read all and set SO_LINGER to 0 (socket(7)). What tells them apart is
a part of the reply alone, the rest withheld: who reads so much and no more ends the connection then
as one ends it who leaves nothing unread.
"""

from collections.abc import Generator, Mapping, Sequence
from enum import Enum, auto
from typing import Final

from wireproof.between.runs.course import Stream
from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import HOLD_S, Cut, Direction, Schedule
from wireproof.wire.observations import END_OF_STREAM, RESET
from wireproof.words import counted

_FEW: Final = 4


class Left(Enum):
    """When a client left, of a reply that came in two parts."""

    AFTER_ALL = auto()
    """It waited for the second part."""
    EARLY = auto()
    """It ended the connection before, and had read the first."""
    BY_RESET = auto()
    """It reset the connection before: it had not read the first, or always does so."""


def read_all(played: Played) -> bool:
    """Say whether the client ended each connection itself, with nothing of a reply left unread."""
    return bool(played.streams) and all(
        streams[Direction.REQUEST].end == str(END_OF_STREAM)
        and not streams[Direction.REPLY].is_late
        and last is Direction.REPLY
        for streams, last in zip(played.streams, played.last, strict=True)
    )


def unread_in(played: Played) -> str:
    """Return in words which reply of a run seems to be left unread, empty for none."""
    for streams, last in zip(played.streams, played.last, strict=True):
        requests, replies = streams[Direction.REQUEST], streams[Direction.REPLY]
        if _is_reset_behind_reply(streams, last):
            return (
                f"{_told('request', requests.sizes_bytes)} answered by"
                f" {_told('reply', replies.sizes_bytes, 'replies')}; the client closed before it"
                f" had read reply {len(replies.sizes_bytes)} to its end"
            )
    return ""


def _is_reset_behind_reply(streams: Mapping[Direction, Stream], last: Direction | None) -> bool:
    """Say whether a client reset its connection, and the last that it was sent was a reply."""
    requests, replies = streams[Direction.REQUEST], streams[Direction.REPLY]
    is_whole = bool(requests.sizes_bytes) and last is Direction.REPLY
    return is_whole and requests.end == str(RESET) and replies.end != str(RESET)


def _told(what: str, sizes: Sequence[int], plural: str = "") -> str:
    """Return `a request of 998 bytes`, or `2 requests of 998 and 5 bytes`."""
    if len(sizes) == 1:
        return f"a {what} of {counted(sizes[0], 'byte')}"
    shown = [f"{one:,}" for one in sizes[:_FEW]]
    rest = [f"{len(sizes) - _FEW:,} more sizes"] if len(sizes) > _FEW else []
    *first, last = shown + rest
    unit = "" if rest else " bytes"
    return f"{counted(len(sizes), what, plural)} of {', '.join(first)} and {last}{unit}"


def left(played: Played) -> Left:
    """Say when the client left, in a run in which the second part of a reply was held."""
    early = [one[Direction.REQUEST] for one in played.streams]
    ends = {one.end for one in early if one.not_awaited_bytes}
    if not ends:
        return Left.AFTER_ALL
    return Left.EARLY if ends == {str(END_OF_STREAM)} else Left.BY_RESET


def withholding(uncut: Played) -> Generator[Schedule, Left, Schedule | None]:
    """Look for the part of a reply that a client reads before it leaves.

    Args:
        uncut: a run in which one seems to be left unread.

    Yields:
        What to run; it is sent how the client left.

    Returns:
        What the client ends the connection early in, if that was found.

    """
    for streams, last in zip(uncut.streams, uncut.last, strict=True):
        if not _is_reset_behind_reply(streams, last):
            continue
        replies = streams[Direction.REPLY].sizes_bytes
        low, high = 1, replies[-1] - 1
        part = high  # a buffer is most often one byte too small for him who tries
        while low <= high:
            cut = Cut(Direction.REPLY, len(replies), part)
            schedule = Schedule(cuts=(cut,), hold_s=HOLD_S)
            seen = yield schedule
            if seen is Left.EARLY:
                return schedule
            if seen is Left.BY_RESET:
                high = part - 1
            else:
                low = part + 1
            part = (low + high) // 2
    return None
