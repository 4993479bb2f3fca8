"""A transcript as two lanes, what we sent above, what we received below. Pure.

Time runs to the right, one column an event, so that microseconds and half-second holds both stay
readable; the gap between two columns grows with the logarithm of the time between them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wireproof.reporting.figures import duration
from wireproof.reporting.text import escaped, preview
from wireproof.wire.transcript import Event

MAX_EVENTS = 240
_HEAD = 80
"""Events shown from the beginning of a long transcript; the rest of the room goes to its end."""
_LONG_US = 1000
"""Gap from which on it is written out."""
SEGMENT_BYTES = 1024
"""Bytes of one segment that the page carries."""
_OURS = frozenset({"open", "send", "half-close", "close", "reset"})
_OF_PEER = frozenset({"receive", "end", "was-reset", "silence"})
_WORDS = {
    "open": "open",
    "half-close": "half-close (FIN)",
    "close": "close",
    "reset": "reset (RST)",
    "end": "end of stream (FIN)",
    "was-reset": "reset by the server (RST)",
    "silence": "silence",
    "note": "note",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One event in its lane.

    Attributes:
        lane: `sent`, `received` or `note`.
        kind: of the event.
        label: a few words, or the first bytes; harmless.
        told: one sentence for hover and screen readers; harmless.
        hexadecimal: the first `SEGMENT_BYTES` bytes.
        size_bytes: of the whole segment.
        gap: 0 to 8, how long the time since the event before was, on a logarithmic scale; at
            least 4 where `gap_words` needs the room.
        gap_words: that time in words, empty when it is too short to matter.
        is_cut: a segment border that we put into what was sent: the next segment follows.
        went_wrong: what the peer did last, where the conversation failed.

    """

    lane: str
    kind: str
    label: str
    told: str
    hexadecimal: str
    size_bytes: int
    gap: int
    gap_words: str
    is_cut: bool
    went_wrong: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """One connection of a conversation.

    Attributes:
        connection: its number in the conversation.
        cells: in the order in which they happened.
        left_out: events in the middle that are not shown, and after which cell they are missing.

    """

    connection: int
    cells: list[Cell]
    left_out: int
    left_out_after: int


def timelines(events: Sequence[Event], failed_on: int, *, by_absence: bool) -> list[Timeline]:
    """Return one timeline a connection, the one that failed first.

    Args:
        events: of all connections, in order.
        failed_on: the connection that failed.
        by_absence: it failed by what the peer did not do. Then the place where it went wrong is
            the note of that; else it is what the peer did last.

    """
    own = [index for index, event in enumerate(events) if event.connection == failed_on]
    done = [index for index in own if events[index].kind in _OF_PEER]
    noted = [index for index in own if events[index].kind == "note"]
    candidates = (noted or done) if by_absence else (done or noted)
    wrong = candidates[-1] if candidates else None
    lines = []
    for connection in sorted({event.connection for event in events}):
        of_it = [
            (event, index == wrong)
            for index, event in enumerate(events)
            if event.connection == connection
        ]
        lines.append(_timeline(connection, of_it))
    lines.sort(key=lambda line: line.connection != failed_on)
    return lines


def _timeline(connection: int, events: list[tuple[Event, bool]]) -> Timeline:
    cells = []
    before_ns: int | None = None
    for index, (event, went_wrong) in enumerate(events):
        following = events[index + 1][0].kind if index + 1 < len(events) else ""
        gap_us = 0.0 if before_ns is None else max(0, event.at_ns - before_ns) / 1e3
        before_ns = event.at_ns
        cells.append(_cell(event, gap_us, following, went_wrong=went_wrong))
    left_out = max(0, len(cells) - MAX_EVENTS)
    if left_out:
        cells = cells[:_HEAD] + cells[_HEAD + left_out :]
    return Timeline(connection, cells, left_out, _HEAD if left_out else -1)


def _cell(event: Event, gap_us: float, following: str, *, went_wrong: bool) -> Cell:
    kind = event.kind
    lane = "sent" if kind in _OURS else "received" if kind in _OF_PEER or went_wrong else "note"
    at = duration(event.at_ns / 1e3)
    note = escaped(event.note, limit=300)
    if kind in {"send", "receive"}:
        verb = "sent" if kind == "send" else "received"
        label = preview(event.data, 24)
        told = f"{at}: {verb} {len(event.data):,} bytes: {preview(event.data)}"
    else:
        label = note if kind == "note" else _WORDS.get(kind, escaped(str(kind), limit=40))
        told = f"{at}: {label}"
    if note and kind != "note":
        told += f" ({note})"
    return Cell(
        lane=lane,
        kind=kind if kind in _WORDS or kind in {"send", "receive"} else "note",
        label=label,
        told=told,
        hexadecimal=event.data[:SEGMENT_BYTES].hex(),
        size_bytes=len(event.data),
        gap=max(min(8, round(math.log10(1 + gap_us / 10) * 8 / 6)), 4 if gap_us >= _LONG_US else 0),
        gap_words=f"+{duration(gap_us)}" if gap_us >= _LONG_US else "",
        is_cut=kind == "send" and following == "send",
        went_wrong=went_wrong,
    )
