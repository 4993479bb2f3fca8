"""How a client leaves: with a reply read to its end, or without.

A client that closes before it has read all that has come resets the connection (RFC 2525 2.17,
tcp(7)). So does one that has read all and set SO_LINGER to 0 (socket(7)), and one that has seen in
the first of a reply that the rest is of no use to it. What tells them apart is the first byte
alone, the rest withheld: only who takes what one recv returns for the whole ends the connection
then, and as one ends it who leaves nothing unread.
"""

from collections.abc import Mapping, Sequence
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


def withholding(uncut: Played) -> Schedule | None:
    """Return what has the first byte of the reply that seems to be left unread come alone."""
    for streams, last in zip(uncut.streams, uncut.last, strict=True):
        replies = streams[Direction.REPLY].sizes_bytes
        if _is_reset_behind_reply(streams, last) and replies[-1] > 1:
            return Schedule(cuts=(Cut(Direction.REPLY, len(replies), 1),), hold_s=HOLD_S)
    return None
