"""How many connections a listener's queue holds while nobody accepts.

The server is kept from accepting, then connects are made one after another until several in a row
do not complete. Each such one is confirmed by the kernel: the queue was over its limit, and the
connect still not through, so its SYN was dropped (`sk_acceptq_is_full` in include/net/sock.h:
a queue is full when it holds more than the backlog, hence backlog + 1). No time limit decides.
"""

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass

from wireproof.accept_queue.pause import paused
from wireproof.deadline import Deadline
from wireproof.target import Target
from wireproof.wire.connects import (
    QUEUE_FULL,
    Attempt,
    Connects,
    require_descriptors,
)
from wireproof.wire.kernel.process import descendants_of, owners_of
from wireproof.wire.kernel.queue_sampler import QueueSampler

BEYOND = 9
"""Connects made beyond what the queue holds."""
LATE_CONNECTS_S = 3.5
"""How long those that were turned away may take, once the server goes on: up to three retries."""
_AT_ONCE_S = 0.25
"""Where the kernel cannot be asked: over loopback a connect is through within a millisecond, and
the first retry comes after a second."""


@dataclass(frozen=True, slots=True)
class DepthProbe:
    """What a server that does not accept does with connects.

    Attributes:
        limit: the backlog as the kernel holds it; None where it cannot be read.
        depth: connections in the queue once it took no more; None where it never filled.
        completed_at_once: connects that completed while nobody accepted.
        turned_away: connects that did not.
        late_s: connect times of those of them that completed later.

    """

    limit: int | None
    depth: int | None
    completed_at_once: int
    turned_away: int
    late_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Accepting:
    """The processes that may accept from a listener.

    Attributes:
        pids: all that hold the listening socket and may be paused.
        others: those that hold it and may not.

    """

    pids: tuple[int, ...] = ()
    others: tuple[int, ...] = ()


def accepting_processes(inodes: Collection[int], allowed: Collection[int]) -> Accepting:
    """Find out who accepts, and whom of them we may pause.

    Args:
        inodes: of the listening sockets.
        allowed: processes of our own, or named by the user; their children may be paused too.

    """
    holders = owners_of(inodes)
    family = set(allowed).union(*(descendants_of(pid) for pid in allowed))
    return Accepting(
        tuple(pid for pid in holders if pid in family),
        tuple(pid for pid in holders if pid not in family),
    )


def probe_depth(
    target: Target,
    sampler: QueueSampler | None,
    pids: Collection[int],
    *,
    beyond: int = BEYOND,
    late_connects_s: float = LATE_CONNECTS_S,
) -> DepthProbe:
    """Fill the queue, see what happens to the connects beyond it, let the server go on.

    Args:
        target: resolved; a stream on this machine.
        sampler: of its listener; None for a Unix socket, whose connects tell all.
        pids: processes to stop meanwhile; empty where the server does not accept anyhow.
        beyond: connects to make after the queue is full.
        late_connects_s: how long to wait for those once the server goes on; 0 not at all.

    Raises:
        CannotRunError: a process cannot be stopped, or we lack descriptors.

    """
    if sampler is not None:
        require_descriptors(sampler.capacity + beyond)
    with Connects(target) as connects:
        with paused(sorted(pids)) if pids else nullcontext():
            turned_away = _fill(connects, sampler, beyond)
            at_once = [attempt for attempt in connects.attempts if attempt.completed]
            depth = len(at_once) if sampler is None else sampler.sample()
        if late_connects_s:
            # As clients that are served and leave: a server of one connection at a time goes on.
            connects.close(at_once)
            connects.wait_for_all(Deadline(late_connects_s))
            connects.give_up()
    return DepthProbe(
        limit=None if sampler is None else sampler.limit,
        depth=depth if len(turned_away) == beyond else None,
        completed_at_once=len(at_once),
        turned_away=len(turned_away),
        late_s=tuple(one.seconds for one in turned_away if one.completed and one.seconds),
    )


def _fill(connects: Connects, sampler: QueueSampler | None, beyond: int) -> list[Attempt]:
    """Connect one by one until `beyond` were turned away; return those."""
    turned_away: list[Attempt] = []
    while len(turned_away) < beyond:
        if sampler is not None and len(connects.attempts) > 2 * (sampler.capacity + beyond):
            break  # somebody accepts after all
        (attempt,) = connects.start(1)
        if attempt.cause == QUEUE_FULL or _is_turned_away(connects, attempt, sampler):
            turned_away.append(attempt)
        elif attempt.cause:
            break
    return turned_away


def _is_turned_away(connects: Connects, attempt: Attempt, sampler: QueueSampler | None) -> bool:
    """Wait until a connect is through, or it is certain that its SYN was dropped."""
    if attempt.pending:
        connects.wait(Deadline(0))  # over loopback most are through by now
    deadline = Deadline(_AT_ONCE_S)
    while attempt.pending and not deadline.expired:
        # The queue first, the connect second: connects come one at a time, so a queue that is
        # full while this one is not through was so when its SYN arrived.
        depth = None if sampler is None else sampler.sample()
        connects.wait(deadline if depth is None else Deadline(0))
        if sampler is not None and depth is not None and depth >= sampler.capacity:
            break
    return attempt.pending
