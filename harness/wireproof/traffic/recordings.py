"""Our own recordings: what a relay saw pass, as lines of JSON that are appended as it happens.

The first line says what it is a recording of; each further line is one event. A file that ends in
the middle of a line was being written when its writer was killed: what stands before that counts.
"""

import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final, Literal

import msgspec

from wireproof.conversation import Conversation, End, Turn
from wireproof.errors import CannotRunError, UsageError

RECORDING_FORMAT: Final = 1
_FLUSH_BYTES: Final = 64 * 1024
_FLUSH_S: Final = 0.2
_MAGIC: Final = b'{"wireproof":"recording"'

What = Literal[
    "open",
    "client",
    "server",
    "client-end",
    "server-end",
    "client-reset",
    "server-reset",
    "refused",
    "full",
]


class Head(msgspec.Struct, frozen=True, tag_field="wireproof", tag="recording"):
    """The first line.

    Attributes:
        format: `RECORDING_FORMAT`; another is refused.
        target: where the server listened.
        begun_at_s: when, in seconds of the epoch.
        datagrams: whether each event of data is one datagram.

    """

    format: int
    target: str
    begun_at_s: float
    datagrams: bool = False


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that passed.

    Attributes:
        at_us: microseconds since the recording was begun, on a monotonic clock.
        connection: which, from 0.
        what: `client` and `server` are bytes that this side sent; then its end or its reset;
            `refused` is a connection that the server did not take; `full` is the end of the
            recording, not of the traffic.
        data: the bytes.
        note: who connected; why the server refused; what no longer fitted.

    """

    at_us: int
    connection: int
    what: What
    data: bytes = b""
    note: str = ""


class RecordingWriter:
    """Appends events to a file.

    Attributes:
        path: of the file.
        is_full: whether events are no longer written, because the file has reached its limit.

    """

    def __init__(self, path: Path, head: Head, most_bytes: int) -> None:
        """Begin a file.

        Raises:
            UsageError: there is one of that name.
            CannotRunError: it can't be written.

        """
        self.path = path
        self.is_full = False
        self._most_bytes = most_bytes
        self._written_bytes = 0
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._encoder = msgspec.json.Encoder()
        self._begun_ns = self._flushed_ns = time.monotonic_ns()
        try:
            self._file = FileIO(path, "xb")
        except FileExistsError:
            raise UsageError(
                f"{path} already exists", "remove it, or name another file with --out"
            ) from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise CannotRunError(f"cannot write {path}: {reason}") from None
        self._append(self._encoder.encode(head))
        self.flush()

    def add(self, connection: int, what: What, data: bytes = b"", note: str = "") -> None:
        """Append an event that happens now; it is written soon."""
        if self.is_full:
            return
        at_us = (time.monotonic_ns() - self._begun_ns) // 1000
        line = self._encoder.encode(Event(at_us, connection, what, data, note))
        if self._written_bytes + self._waiting_bytes + len(line) > self._most_bytes:
            self.is_full = True
            line = self._encoder.encode(Event(at_us, connection, "full", note=what))
        self._append(line)
        if self._waiting_bytes >= _FLUSH_BYTES:
            self.flush()

    def flush_if_due(self) -> float | None:
        """Write what has waited long enough; return how many seconds the rest may wait, or None.

        Raises:
            CannotRunError: it can't be written.

        """
        if not self._lines:
            return None
        left_s = _FLUSH_S - (time.monotonic_ns() - self._flushed_ns) / 1e9
        if left_s > 0:
            return left_s
        self.flush()
        return None

    def flush(self) -> None:
        """Write what there is: from then on it survives our own end, however sudden.

        Raises:
            CannotRunError: it can't be written.

        """
        data = memoryview(b"".join(self._lines))
        self._written_bytes += len(data)
        self._lines.clear()
        self._waiting_bytes = 0
        try:
            while data:
                data = data[self._file.write(data) or 0 :]
        except OSError as error:
            self.is_full = True
            raise CannotRunError(f"cannot write {self.path}: {error.strerror}") from None
        self._flushed_ns = time.monotonic_ns()

    def close(self) -> None:
        """Write what there is, and close the file."""
        try:
            self.flush()
        finally:
            self._file.close()

    def _append(self, line: bytes) -> None:
        self._lines += (line, b"\n")
        self._waiting_bytes += len(line) + 1


def is_recording(head: bytes) -> bool:
    """Say whether a file that begins like this is a recording."""
    return head.startswith(_MAGIC)


def read_recording(data: bytes, name: str) -> tuple[Conversation, ...]:
    """Return the conversations of a recording, in the order in which they were begun.

    Args:
        data: the whole file.
        name: of the file, for messages.

    Raises:
        UsageError: it is none, another version's, damaged, or nothing passed.

    """
    lines = _lines(data)
    head = _head(next(lines, b""), name)
    decoder = msgspec.json.Decoder(Event)
    found: dict[int, _Recorded] = {}
    for number, line in enumerate(lines, 2):
        try:
            event = decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise UsageError(f"{name} is damaged in line {number}") from None
        if event.what == "full":
            for other, recorded in found.items():
                if other != event.connection or event.note != "client":
                    recorded.break_off()  # its reply may have gone on
            break
        found.setdefault(event.connection, _Recorded(head)).add(event)
    conversations = [one.conversation(f"connection {number}") for number, one in found.items()]
    heard = tuple(one for one in conversations if one.turns)
    if not heard:
        raise UsageError(f"{name} holds no traffic", "let a client speak through wireproof record")
    return heard


class _Recorded:
    """One connection, while its events are read."""

    def __init__(self, head: Head) -> None:
        self._datagrams = head.datagrams
        self._recorded_at_s = head.begun_at_s
        self._turns: list[tuple[int, list[bytes], list[bytes]]] = []
        self._begun_us: int | None = None
        self._end = End.OPEN

    def add(self, event: Event) -> None:
        """Take an event."""
        if self._begun_us is None:
            self._begun_us = event.at_us
        is_data = event.what in {"client", "server"}
        if is_data and not event.data and not self._datagrams:
            return
        if event.what == "client":
            fresh = not self._turns or self._turns[-1][2] or self._datagrams
            if fresh:
                self._turns.append((event.at_us - self._begun_us, [], []))
            self._turns[-1][1].append(event.data)
        elif event.what == "server":
            if not self._turns:
                self._turns.append((event.at_us - self._begun_us, [], []))
            self._turns[-1][2].append(event.data)
            if self._end is End.CLIENT:
                self._end = End.HALF_CLOSE
        elif self._end is End.OPEN:
            self._end = _ENDS.get(event.what, self._end)

    def break_off(self) -> None:
        """Forget the last turn of a connection that is still open."""
        if self._end is End.OPEN and self._turns:
            self._turns.pop()

    def conversation(self, name: str) -> Conversation:
        """Return what passed."""
        turns = tuple(
            Turn(
                b"".join(requests),
                b"".join(replies),
                at_us / 1e6,
                tuple(map(len, replies)) if self._datagrams else (),
            )
            for at_us, requests, replies in self._turns
        )
        begun_at_s = self._recorded_at_s + (self._begun_us or 0) / 1e6
        return Conversation(name, turns, self._end, begun_at_s, datagrams=self._datagrams)


_ENDS: Final[dict[What, End]] = {
    "client-end": End.CLIENT,
    "server-end": End.SERVER,
    "client-reset": End.CLIENT_RESET,
    "server-reset": End.SERVER_RESET,
}


def _lines(data: bytes) -> Iterator[bytes]:
    """Yield whole lines; what stands behind the last line's end was never finished."""
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        yield data[at:end]
        at = end + 1


def _head(line: bytes, name: str) -> Head:
    try:
        found = msgspec.json.decode(line, type=dict[str, object]).get("format")
        if is_recording(line) and found != RECORDING_FORMAT:
            raise UsageError(
                f"{name} is a recording of format {found!r:.20};"
                f" this version reads {RECORDING_FORMAT}"
            )
        return msgspec.json.decode(line, type=Head)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise UsageError(f"{name} is not a recording of wireproof record") from None
