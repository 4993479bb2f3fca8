"""Who limits the throughput: the server, the generator, or nobody that can be named.

Little's law: of the connections that have a request under way, throughput times a part of the
latency is how many sit in that part. Kernel timestamps part the latency: up to the reply's arrival
it is the server's, after that the generator's own. Whoever has the queue is the bottleneck.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wireproof.histogram import Histogram
from wireproof.load.tally import Tally

SERVER, GENERATOR, UNDETERMINED = "server", "generator", "undetermined"

_OURS = 0.5
"""Share of the latency in the generator from which the generator is the bottleneck."""
_THEIRS = 0.35
"""Share below which it is not."""
_WAITING_HERE = 2.0
"""Replies that wait for a saturated generator, on average; an idle one takes each as it comes."""
_IDLE = 0.3
"""Share of the time that a generator sleeps which is not saturated."""
_NEVER_IDLE = 0.1
_QUEUEING = 3.0
"""How many times the unloaded latency shows that requests queue in the server."""
_RATE_KEPT = 0.98


@dataclass(slots=True)
class Evidence:
    """Sums over the steady part of a stage, of all workers.

    Attributes:
        worker_s: wall time times workers.
        cpu_s: CPU time.
        waiting_for_cpu_s: time without a CPU though ready to run.
        idle_s: time asleep, waiting for replies or for the schedule.
        stamped: replies with a kernel timestamp.
        service_us: their latency.
        lag_us: the part of it after the kernel had the reply.
        slip_us: how late an open loop's requests left though a connection was free.

    """

    worker_s: float = 0.0
    cpu_s: float = 0.0
    waiting_for_cpu_s: float = 0.0
    idle_s: float = 0.0
    stamped: int = 0
    service_us: float = 0.0
    lag_us: float = 0.0
    slip_us: float = 0.0

    def add(self, tally: Tally) -> None:
        """Add a worker's tally."""
        self.worker_s += tally.length_s
        self.cpu_s += tally.cpu_s
        self.waiting_for_cpu_s += tally.waiting_for_cpu_s
        self.idle_s += tally.idle_s
        self.stamped += tally.stamped
        self.service_us += tally.service_us
        self.lag_us += tally.lag_us
        self.slip_us += tally.slip_us

    def merge(self, other: Evidence) -> None:
        """Add another's sums."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The verdict.

    Attributes:
        word: `server`, `generator` or `undetermined`.
        explanation: the figures behind it, and a sentence.

    """

    word: str
    explanation: dict[str, Any] = field(default_factory=dict)


def judge(
    evidence: Evidence,
    histograms: Mapping[str, Histogram],
    *,
    users: int,
    rate_per_s: float | None,
    throughput_per_s: float,
    least_us: Mapping[str, float],
) -> Bottleneck:
    """Say who limits the throughput.

    Args:
        evidence: what the workers measured of themselves.
        histograms: by kind of latency.
        users: connections.
        rate_per_s: what an open loop was asked for.
        throughput_per_s: what came of it.
        least_us: by kind of latency, the least of the whole run. The ramp's first requests meet a
            server that has nothing else to do, which those of a saturated one never do.

    """
    wall_s = evidence.worker_s or 1.0
    # Who waits for a CPU does not sleep, though the call that it was in says so.
    idle = max(0.0, evidence.idle_s - evidence.waiting_for_cpu_s) / wall_s
    figures: dict[str, Any] = {
        "generator_idle": round(idle, 3),
        "generator_cpu": round(evidence.cpu_s / wall_s, 3),
        "cpu_s": round(evidence.cpu_s, 4),
    }
    ours = waiting_here = None
    if evidence.service_us:
        ours = evidence.lag_us / evidence.service_us
        lag_us = evidence.lag_us / evidence.stamped
        waiting_here = throughput_per_s * lag_us / 1e6
        figures["generator_share_of_latency"] = round(ours, 3)
        figures["generator_lag_us"] = round(lag_us, 1)
        figures["timestamped_replies"] = evidence.stamped
    if rate_per_s is not None:
        requests = histograms["scheduled"].count if "scheduled" in histograms else 0
        figures["schedule_slip_us"] = round(evidence.slip_us / max(1, requests), 1)
    word, why = (
        (UNDETERMINED, "the rate was kept, so nothing was at its limit")
        if rate_per_s is not None and throughput_per_s >= _RATE_KEPT * rate_per_s
        else _decide(idle, ours, waiting_here, _queueing(histograms, least_us), users)
    )
    figures["bottleneck_reason"] = why
    return Bottleneck(word, figures)


def _queueing(histograms: Mapping[str, Histogram], least_us: Mapping[str, float]) -> float | None:
    """Return how many times its least the mean latency up to the reply's arrival is."""
    for kind in ("wire", "service"):
        found = histograms.get(kind)
        if found is not None and found.count and kind in least_us:
            return found.mean_us / max(1.0, least_us[kind])
    return None


def _decide(
    idle: float, ours: float | None, waiting_here: float | None, queueing: float | None, users: int
) -> tuple[str, str]:
    if users == 1:
        return UNDETERMINED, "one connection keeps neither side busy all the time"
    if ours is None or waiting_here is None:
        if idle <= _NEVER_IDLE:
            return GENERATOR, f"the generator slept {idle:.0%} of the time; add --processes"
    elif ours >= _OURS and waiting_here >= _WAITING_HERE and idle <= _IDLE:
        return GENERATOR, (
            f"{ours:.0%} of the latency passed after the reply had arrived: {waiting_here:.0f}"
            " replies waited for the generator at any time; add --processes, or a machine"
        )
    if (
        (ours is None or ours <= _THEIRS)
        and idle > _NEVER_IDLE
        and queueing is not None
        and queueing >= _QUEUEING
    ):
        return SERVER, (
            f"replies took {queueing:.1f} times as long to arrive as the fastest ones did, so"
            f" requests queued at the server; the generator slept {idle:.0%} of the time"
        )
    return UNDETERMINED, "neither the server nor the generator shows a queue of its own"
