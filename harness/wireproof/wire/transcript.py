"""What happened on the connections of one conversation, in order, with nanosecond times."""

import time
from collections.abc import Iterable
from typing import Literal

import msgspec

from wireproof.words import printable

_EVENT_BYTES = 64  # what an event costs besides its data, so that empty ones are bounded too
_SHOWN_BYTES = 2000

Kind = Literal[
    "open", "send", "receive", "half-close", "close", "reset", "end", "was-reset", "silence", "note"
]


class Event(msgspec.Struct, frozen=True):
    """One thing that happened.

    Attributes:
        at_ns: nanoseconds since the transcript was begun, on the monotonic clock.
        connection: which connection of the conversation.
        kind: `send`, `receive`, `half-close`, `close` and `reset` are ours; `end`, `was-reset`
            and `silence` are what was seen of the peer.
        data: the bytes that moved.
        note: what the kernel said of it.

    """

    at_ns: int
    connection: int
    kind: Kind
    data: bytes = b""
    note: str = ""


def lines_of(events: Iterable[Event]) -> list[str]:
    """Return events for reading, a line each: time, connection, what happened, bytes."""
    lines = []
    for event in events:
        shown = printable(event.data, _SHOWN_BYTES) if event.data else ""
        words = " ".join(part for part in (shown, event.note and f"({event.note})") if part)
        when = f"{event.at_ns / 1e6:12.3f} ms"
        lines.append(f"{when}  #{event.connection:<3} {event.kind:10}  {words}".rstrip())
    return lines


class Transcript:
    """A bounded list of events.

    Attributes:
        events: in the order in which they happened; a note is the last where more was left out.

    """

    def __init__(self, limit_bytes: int = 4 * 1024 * 1024) -> None:
        """Keep at most `limit_bytes` of data."""
        self.events: list[Event] = []
        self._is_full = False
        self._left_bytes = limit_bytes
        self._begun_ns = time.monotonic_ns()

    def add(self, connection: int, kind: Kind, data: bytes = b"", note: str = "") -> None:
        """Append an event that happens now."""
        if self._is_full:
            return
        at_ns = time.monotonic_ns() - self._begun_ns
        kept = data[: max(self._left_bytes, 0)]
        if self._left_bytes > 0:
            self.events.append(Event(at_ns, connection, kind, kept, note))
        if self._left_bytes <= 0 or len(kept) < len(data):
            self._is_full = True
            self.events.append(Event(at_ns, connection, "note", note="the rest is left out"))
        self._left_bytes -= len(kept) + _EVENT_BYTES

    @property
    def seconds(self) -> float:
        """How long ago it was begun."""
        return (time.monotonic_ns() - self._begun_ns) / 1e9
