"""What the processes of a load run tell each other: plain records, JSON or msgpack on the way.

A worker's swarm makes a few `Tally` a second, each of one phase. Workers send theirs to the Locust
master; the master, or the one process of a small run, passes all of them on as lines of JSON to
whoever started it, and these lines are all that the result is computed from.
"""

from enum import StrEnum

import msgspec

from wireproof.causes import Cause


class Phase(StrEnum):
    """What a stage is doing."""

    RAMP = "ramp"
    """Connections are still being opened."""
    WARM_UP = "warm-up"
    STEADY = "steady"
    """What is measured."""
    DRAIN = "drain"
    """Nothing more is due; what is under way may still be answered."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One failure, shown; all text is harmless to print."""

    cause: Cause
    problem: str
    expected: str = ""
    actual: str = ""
    offset_bytes: int = 0
    request: str = ""


class KindTally(msgspec.Struct, frozen=True, kw_only=True):
    """What became of requests of one kind; of those that are under way at the end nothing is told.

    Attributes:
        kind: its name.
        counts: index, count, index, count … of the service latency's histogram.
        unreplied: those that the protocol has no reply for.
        failures: fates of requests, by cause.

    """

    kind: str
    counts: list[int] = []
    unreplied: int = 0
    failures: dict[Cause, int] = {}


class Tally(msgspec.Struct, frozen=True, kw_only=True, tag="tally"):
    """A part of one worker's second, which lies in one phase."""

    worker: str
    second: int
    """Whole seconds since the worker's run began."""
    ends_second: bool = False
    """Whether nothing more of this second will come from this worker."""
    stage: int
    phase: Phase
    length_s: float
    users: int
    """Connections that can carry requests at the end."""
    counts: dict[str, list[int]] = {}
    """By kind of latency: index, count, index, count … of its histogram."""
    sent: int = 0
    """Requests that left; each is later counted once more, by its fate."""
    unreplied: int = 0
    """Of them, those that the protocol has no reply for: right once they have left."""
    turned_away: int = 0
    """Of them, those sent behind a reply that said that it ends the connection: not served."""
    failures: dict[Cause, int] = {}
    """What went wrong, by cause: the fates of requests, and incidents."""
    incidents: dict[Cause, int] = {}
    """Of the failures, those that befell no request that was sent."""
    samples: list[Sample] = []
    cpu_s: float = 0.0
    """CPU that the worker's process used."""
    waiting_for_cpu_s: float = 0.0
    """How long the worker was ready to run and had no CPU (`/proc/thread-self/schedstat`)."""
    server_cpu_s: float | None = None
    """CPU that the server's processes used; None where they are not to be seen from here."""
    server_ready_s: float = 0.0
    """That, and how long their threads were ready to run and had no CPU."""
    cpus: int = 0
    """CPUs that worker and server may run on, both together; 0 where they share none, or the server
    is not to be seen."""
    polling_s: float = 0.0
    """How long it was in the call that waits for the connections."""
    stamped: int = 0
    """Replies that have a kernel timestamp."""
    service_us: float = 0.0
    """Sum of their service latency."""
    lag_us: float = 0.0
    """Of that, what lies after the kernel had the reply."""
    slip_us: float = 0.0
    """Sum, over an open loop's answered requests, of how late they left though a connection was
    free."""
    kinds: list[KindTally] = []
    """The same requests by kind, where the protocol names more than one."""


class NoteKind(StrEnum):
    """What a note is about."""

    INTERRUPTED = "interrupted"
    CUT_SHORT = "cut short"
    """The run ended before its spec did; why, another note says, or the log."""
    OVERDUE = "overdue"
    """It should have ended and did not."""
    WORKER = "worker"
    """A load process was lost, or came unasked."""
    REFUSED = "refused"
    """Somebody who does not belong to the run was not let in, or something was not counted."""
    SERVER_GONE = "server gone"
    FAULT = "fault"
    """The spec or the user's protocol cannot be worked with."""


class Note(msgspec.Struct, frozen=True, kw_only=True, tag="note"):
    """Something the user must know."""

    kind: NoteKind
    text: str
    partial: bool = False
    """Whether the results are incomplete because of it."""


class MasterPort(msgspec.Struct, frozen=True, kw_only=True, tag="master"):
    """The port on which Locust's master waits for workers."""

    port: int


class Joined(msgspec.Struct, frozen=True, kw_only=True, tag="joined"):
    """A worker belongs to the run now."""

    worker: str


class StageDone(msgspec.Struct, frozen=True, kw_only=True, tag="stage-done"):
    """A stage of the spec has ended on all workers."""

    stage: int


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """The run came to its planned end."""


Event = Tally | Note | MasterPort | Joined | StageDone | Finished

_decoder = msgspec.json.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """Return the event as a line of JSON."""
    return msgspec.json.encode(event) + b"\n"


def decode_event(line: bytes) -> Event:
    """Read a line.

    Raises:
        msgspec.MsgspecError: it is no event.

    """
    event: Event = _decoder.decode(line)
    return event
