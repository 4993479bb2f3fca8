"""What the zoo is made of: the records, and the sound code in overridable steps.

A *fault* is a server with one defect, a *sound variant* is odd but right; *variant* is the base
record of both, and the *zoo* is all of them.

The hot path of `connection.py` is one method, for speed. `SteppedConnection` does the same in
small steps, so that a defect can be the override of one of them.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from reference_server.config import Config
from reference_server.connection import Connection
from reference_server.datagrams import Datagrams
from reference_server.framing import Framer
from reference_server.listener import Listener
from reference_server.prefork import Worker
from reference_server.supervisor import Service

Category = Literal[
    "framing", "borders", "text", "sending", "closing", "sharing", "capacity", "time", "datagrams"
]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a client.

    Attributes:
        act: `open` a connection (the first act on one opens it anyway); `say` the payload in one
            segment and take the reply; `flood` the payload without reading any reply; `last`:
            payload and end of input in one segment; `end` the input; `reset`; `hold`: nothing for
            `seconds`.
        connection: which one; they are numbered from 0.
        payload: what is sent; one datagram over UDP.
        seconds: how long `hold` lasts.

    """

    act: Literal["open", "say", "flood", "last", "end", "reset", "hold"]
    connection: int = 0
    payload: bytes = b""
    seconds: float = 0.0


def open_(connection: int) -> Step:
    """Open a connection."""
    return Step("open", connection)


def say(payload: bytes, connection: int = 0) -> Step:
    """Send in one segment, then take the reply."""
    return Step("say", connection, payload)


def flood(size_bytes: int, connection: int = 0) -> Step:
    """Send much without reading."""
    return Step("flood", connection, bytes(range(48, 58)) * (size_bytes // 10))


def last(payload: bytes, connection: int = 0) -> Step:
    """Send, and end the input in the same segment."""
    return Step("last", connection, payload)


def end(connection: int = 0) -> Step:
    """End the input."""
    return Step("end", connection)


def reset(connection: int = 0) -> Step:
    """Reset the connection."""
    return Step("reset", connection)


def hold(seconds: float) -> Step:
    """Let time pass."""
    return Step("hold", seconds=seconds)


@dataclass(frozen=True, slots=True)
class Variant:
    """A server that differs from the sound one in one thing: a fault or a sound variant.

    Attributes:
        name: what `--fault` takes.
        category: where the defect lies; None for a sound variant.
        difference: the mistake that it stands for, or what is odd about it.
        source: where such a server was met.
        smallest: the shortest conversation known to show it; empty if it takes other means.
        proof: what shows it, where the replies of `smallest` do not, or not always.
        changes: options of the configuration that it overrides.
        service: makes what a worker process runs.

    """

    name: str
    category: Category | None
    difference: str
    source: str
    smallest: tuple[Step, ...] = ()
    proof: str = ""
    changes: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    service: Callable[[Config, Sequence[Listener], int], Service] = Worker


@dataclass(frozen=True, slots=True)
class Fault(Variant):
    """A server with one defect."""

    category: Category


@dataclass(frozen=True, slots=True)
class SoundVariant(Variant):
    """A server that is odd but right."""

    category: None = field(default=None, init=False)


def worker_of(
    *,
    framer: type[Framer] = Framer,
    connection: type[Connection] = Connection,
    datagrams: type[Datagrams] = Datagrams,
    worker: type[Worker] = Worker,
) -> type[Worker]:
    """A worker with some of its parts exchanged."""
    parts = {"framer_type": framer, "connection_type": connection, "datagrams_type": datagrams}
    return type(worker.__name__, (worker,), parts)


class ChunkFramer(Framer):
    """The framer with a step for each chunk."""

    def frames(self, data: bytes) -> bytes:
        """All frames of the data."""
        return b"".join([self.frame(chunk) for chunk in self.cut(data)])

    def cut(self, data: bytes) -> list[bytes]:
        """The chunks."""
        size = self.buffer_bytes
        return [data[start : start + size] for start in range(0, len(data), size)] or [b""]

    def frame(self, chunk: bytes) -> bytes:
        """The frame of one chunk."""
        return self.header + self.payload(chunk)

    def payload(self, chunk: bytes) -> bytes:
        """What follows the header."""
        return chunk


class SteppedConnection(Connection):
    """The connection in steps: `take`, `answer`, `send`; it answers at once."""

    def receive(self) -> None:
        """Read what has arrived and answer it."""
        try:
            data = self.take()
        except BlockingIOError:
            return
        except OSError:
            self.failed()
            return
        if data:
            self.answer(data)
        else:
            self.end_of_input()

    def take(self) -> bytes:
        """Read."""
        return os.read(self.descriptor, self.loop.read_bytes)

    def failed(self) -> None:
        """Reading failed: a reset, above all."""
        self.close()

    def answer(self, data: bytes) -> None:
        """Frame and send."""
        self.send(self._framer.frames(data))
