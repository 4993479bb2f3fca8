"""What clients see that all connect at the same instant.

Each burst holds what it has connected for a moment, so that the queue really has to take them all,
and then lets go, as clients do that are done: even a server of one connection at a time comes to
those that had to try again.
"""

import math
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import msgspec

from wireproof.accept_queue.syn_retries import RetrySchedule
from wireproof.deadline import Deadline
from wireproof.results import Burst, Percentiles
from wireproof.target import Target
from wireproof.wire.connects import Attempt, Connects, count_causes, require_descriptors
from wireproof.wire.kernel.inet_diag import TcpState
from wireproof.wire.kernel.queue_sampler import INTERVAL_S, QueueSampler
from wireproof.wire.kernel.sock_diag import SockDiag
from wireproof.wire.kernel.tcp_info import state_of

SIZES = (1, 10, 25, 50, 51, 52, 60, 75, 100, 200)
LARGEST_EXTRA_SIZE = 2000
HOLD_S = 0.4
"""Below the first retry, which comes after a second."""
BURST_S = 4.5
"""Four retries, where the first four are linear."""
_HANDSHAKE_ENDS_NS = 50_000_000
"""How long each connection is kept at least: its handshake ends on the server meanwhile."""
SETTLE_S = 3.0
_LOOK_AGAIN_S = 0.005


def burst_sizes(limit: int | None) -> list[int]:
    """Return the sizes to try: the usual ones, and those around the limit of this queue."""
    around = {limit, limit + 1, limit + 2} if limit and limit + 2 <= LARGEST_EXTRA_SIZE else set()
    return sorted({*SIZES, *around})


def connect_burst(
    target: Target,
    count: int,
    schedule: RetrySchedule,
    sampler: QueueSampler | None = None,
    *,
    hold_s: float = HOLD_S,
    at_most_s: float = BURST_S,
) -> Burst:
    """Start `count` connects at the same instant and see each to its end.

    Args:
        target: resolved; a stream.
        count: connects.
        schedule: when this machine sends a SYN again.
        sampler: of the listener, where it is on this machine.
        hold_s: how long connections are kept open.
        at_most_s: when to give up on what is still waiting.

    Raises:
        CannotRunError: we lack descriptors.

    """
    require_descriptors(count)
    if sampler is not None:
        sampler.take_peak()
    with Connects(target) as connects, ExitStack() as stack:
        diag = None if sampler is None else stack.enter_context(SockDiag())
        end = Deadline(at_most_s)
        hold_ends_ns = time.perf_counter_ns() + int(hold_s * 1e9)
        attempts = connects.start(count)
        held = list(attempts)
        while held and not end.expired:
            if sampler is not None:
                sampler.sample()
            connects.wait(Deadline(min(INTERVAL_S, end.remaining_s())))
            held = _let_go(connects, held, hold_ends_ns, diag)
        connects.give_up()
        _mark_half_open(held, diag)
        completed = [one for one in attempts if one.completed]
        by_retries = Counter(
            schedule.step_of(one.seconds or 0.0) if one.retries is None else one.retries
            for one in completed
        )
        return Burst(
            connections=count,
            completed_at_once=by_retries[0],
            retransmitted=sum(one.retransmitted for one in attempts),
            failed=count_causes(attempts),
            connect_us=_times_us([one.seconds or 0.0 for one in completed]),
            retries={str(retries): number for retries, number in sorted(by_retries.items())},
            half_open=None if diag is None else sum(one.half_open for one in attempts),
            peak_depth=None if sampler is None else sampler.take_peak(),
        )


def _let_go(
    connects: Connects, held: list[Attempt], not_before_ns: int, diag: SockDiag | None
) -> list[Attempt]:
    """Close what has been held long enough, and return what is still held."""
    now_ns = time.perf_counter_ns()
    if now_ns < not_before_ns and connects.pending:
        return held
    done = [one for one in held if not one.pending and now_ns >= one.ended_ns + _HANDSHAKE_ENDS_NS]
    _mark_half_open(done, diag)
    connects.close(done)
    closed = set(map(id, done))
    return [one for one in held if id(one) not in closed]


def _mark_half_open(attempts: list[Attempt], diag: SockDiag | None) -> None:
    if diag is None:
        return
    for attempt in attempts:
        attempt.half_open = _is_half_open(attempt, diag)
        if attempt.half_open and attempt.connection is not None:
            # With a FIN it would still enter the queue, seconds later, when others are measured.
            reset = struct.pack("ii", 1, 0)
            attempt.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)


def _is_half_open(attempt: Attempt, diag: SockDiag) -> bool:
    """Return whether a connection stands for the client alone.

    A SYN may find room in the queue that is gone when the last step of the handshake arrives; that
    step is dropped, and only the client takes the connection for established
    (tcp_v4_syn_recv_sock in net/ipv4/tcp_ipv4.c).
    """
    connection = attempt.connection
    if connection is None or not attempt.completed or state_of(connection) != TcpState.ESTABLISHED:
        return False
    try:
        peer = connection.getpeername()
    except OSError:  # reset since
        return False
    server_side = diag.exact(connection.family, peer, connection.getsockname()).read()
    return server_side is None or server_side.state is TcpState.SYN_RECV


def settle(sampler: QueueSampler, at_most_s: float = SETTLE_S) -> bool:
    """Wait until the server has taken all that waits, so that the next burst finds it idle.

    Returns:
        Whether it has.

    """
    deadline = Deadline(at_most_s)
    while sampler.sample():
        if deadline.expired:
            return False
        time.sleep(_LOOK_AGAIN_S)  # nothing tells us that a queue has become shorter
    return True


def _times_us(times_s: Sequence[float]) -> dict[str, Any]:
    """Return the times, sorted, and their percentiles by nearest rank; empty without any."""
    times = sorted(round(time_s * 1e6, 1) for time_s in times_s)
    if not times:
        return {}

    def rank(share: float) -> float:
        return times[max(0, math.ceil(share * len(times)) - 1)]

    percentiles = Percentiles(
        p50=rank(0.5),
        p90=rank(0.9),
        p99=rank(0.99),
        p99_9=rank(0.999),
        max=times[-1],
        mean=round(sum(times) / len(times), 1),
        count=len(times),
    )
    return {"percentiles": msgspec.to_builtins(percentiles), "times": times}
