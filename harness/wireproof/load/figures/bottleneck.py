"""Who limits the throughput: the server, the generator, a core that both share, or nobody.

Little's law: of the connections that have a request under way, throughput times a part of the
latency is how many sit in that part. Kernel timestamps part the latency: up to the reply's arrival
it is the server's, after that the generator's own. Whoever has the queue is the bottleneck. Sleep
and CPU time say the rest: a generator without either to spare is at its limit, and one that slept
while every connection waited for the server is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wireproof.histogram import Histogram, index_of
from wireproof.load.figures.tally import Tally

SERVER, GENERATOR, UNDETERMINED = "server", "generator", "undetermined"
SHARED = "shared core"

_OURS = 0.5
"""Share of the latency in the generator from which the generator is the bottleneck."""
_THEIRS = 0.35
"""Share below which it is not."""
_HARDLY_OURS = 0.2
"""Share below which nothing waits for the generator."""
_WAITING_HERE = 2.0
"""Replies that wait for a saturated generator, on average; an idle one takes each as it comes."""
_IDLE = 0.3
"""Share of the time that a generator sleeps which is not saturated."""
_NEVER_IDLE = 0.1
_QUEUEING = 3.0
"""How many times the unloaded latency shows that requests queue in the server."""
_RATE_KEPT = 0.98
_FULL = 0.85
"""Share of the CPUs that server and generator have together from which there is no more to get."""
_DELAYED_ACK_US = (36_000, 60_000)
"""Where replies lie that wait for a delayed ACK: 40 ms, and what the server takes."""
_CLUSTERED = 0.5
"""Share of the replies that lie there."""
_AT_EASE = 0.6
"""Of a CPU: who uses less is no limit to the other, who is always ready to run."""
_CONTENDED = 0.1
"""Share of the time that a generator waits for a CPU which it does not have for itself."""
_FLAT_US = 500.0
"""Latency that is the server's own even where nothing queues: no scheduling comes near it."""
_MOST = 0.65
"""Share of the connections that wait for such a server at any time."""


_SUMS = (
    "worker_s",
    "cpu_s",
    "waiting_for_cpu_s",
    "polling_s",
    "stamped",
    "service_us",
    "lag_us",
    "slip_us",
)


@dataclass(slots=True)
class Evidence:
    """Sums over the steady part of a stage, of all workers.

    Attributes:
        worker_s: wall time times workers.
        cpu_s: CPU time.
        waiting_for_cpu_s: time without a CPU though ready to run.
        polling_s: time in the call that waits for replies or for the schedule.
        stamped: replies with a kernel timestamp.
        service_us: their latency.
        lag_us: the part of it after the kernel had the reply.
        slip_us: how late an open loop's requests left though a connection was free.
        lengths_s: wall time, by worker.
        server_cpu_s: CPU time of the server, as each worker saw it.
        server_ready_s: that, and the time in which it was ready to run and others had its CPU.
        cpus: CPUs that the server and a worker share, both together; 0 where they share none.

    """

    worker_s: float = 0.0
    cpu_s: float = 0.0
    waiting_for_cpu_s: float = 0.0
    polling_s: float = 0.0
    stamped: int = 0
    service_us: float = 0.0
    lag_us: float = 0.0
    slip_us: float = 0.0
    lengths_s: dict[str, float] = field(default_factory=dict)
    server_cpu_s: dict[str, float] = field(default_factory=dict)
    server_ready_s: dict[str, float] = field(default_factory=dict)
    cpus: int = 0

    def add(self, tally: Tally) -> None:
        """Add a worker's tally."""
        self.worker_s += tally.length_s
        for name in _SUMS[1:]:
            setattr(self, name, getattr(self, name) + getattr(tally, name))
        _add(self.lengths_s, {tally.worker: tally.length_s})
        if tally.server_cpu_s is not None:
            _add(self.server_cpu_s, {tally.worker: tally.server_cpu_s})
            _add(self.server_ready_s, {tally.worker: tally.server_ready_s})
        self.cpus = max(self.cpus, tally.cpus)

    def merge(self, other: Evidence) -> None:
        """Add another's sums."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        _add(self.lengths_s, other.lengths_s)
        _add(self.server_cpu_s, other.server_cpu_s)
        _add(self.server_ready_s, other.server_ready_s)
        self.cpus = max(self.cpus, other.cpus)

    @property
    def cpu(self) -> float:
        """CPU time, as a share of the workers' time."""
        return self.cpu_s / (self.worker_s or 1.0)

    @property
    def waiting(self) -> float:
        """Time without a CPU though ready to run, as such a share."""
        return self.waiting_for_cpu_s / (self.worker_s or 1.0)

    @property
    def asleep(self) -> float:
        """Time asleep, as such a share: in the call that waits, neither running nor about to."""
        polling = self.polling_s / (self.worker_s or 1.0)
        return max(0.0, min(polling, 1.0 - self.cpu - self.waiting))

    @property
    def server_cpus(self) -> float | None:
        """How many CPUs the server kept busy; None where it was not to be seen."""
        return self._share_of_server(self.server_cpu_s) if self.server_cpu_s else None

    @property
    def is_server_full(self) -> bool:
        """Whether the server had no CPU to spare.

        It used one up, or others took of it what it had use for, as they took ours.
        """
        is_starved = self._share_of_server(self.server_ready_s) >= _FULL
        return (self.server_cpus or 0.0) >= _FULL or (is_starved and self.cpu <= _AT_EASE)

    def _share_of_server(self, seconds: Mapping[str, float]) -> float:
        shares = (used / (self.lengths_s[one] or 1.0) for one, used in seconds.items())
        return max(shares, default=0.0)

    @property
    def own_cpus(self) -> float:
        """How many CPUs the workers kept busy."""
        return self.cpu * len(self.lengths_s)

    @property
    def is_crowded(self) -> bool:
        """Whether server and generator used up the CPUs that they share."""
        theirs = self.server_cpus
        if theirs is None or not self.cpus:
            return False
        used = self.own_cpus + theirs
        if self.waiting < _CONTENDED:
            return self.cpus == 1 and used >= _FULL
        # Of one core, what we waited for it the server had, or others who are there as well.
        return used + (self.waiting if self.cpus == 1 else 0.0) >= _FULL * self.cpus


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The verdict.

    Attributes:
        word: `server`, `generator`, `shared core` or `undetermined`.
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
    figures: dict[str, Any] = {
        "generator_idle": round(evidence.asleep, 3),
        "generator_cpu": round(evidence.cpu, 3),
        "generator_waiting_for_cpu": round(evidence.waiting, 3),
        "cpu_s": round(evidence.cpu_s, 4),
    }
    if evidence.server_cpus is not None:
        figures["server_cpus"] = round(evidence.server_cpus, 3)
    if evidence.service_us:
        figures["generator_share_of_latency"] = round(evidence.lag_us / evidence.service_us, 3)
        figures["generator_lag_us"] = round(evidence.lag_us / evidence.stamped, 1)
        figures["timestamped_replies"] = evidence.stamped
    if rate_per_s is not None:
        requests = histograms["scheduled"].count if "scheduled" in histograms else 0
        figures["schedule_slip_us"] = round(evidence.slip_us / max(1, requests), 1)
    word, why = (
        (UNDETERMINED, "the rate was kept, so nothing was at its limit")
        if rate_per_s is not None and throughput_per_s >= _RATE_KEPT * rate_per_s
        else _decide(evidence, histograms, users, throughput_per_s, least_us)
    )
    if _waits_for_acks(evidence, histograms):
        why = figures["advice"] = (
            "replies cluster at 40 ms while nobody is busy: the server waits for an ACK (Nagle);"
            " set TCP_NODELAY there, or --quick-ack here"
        )
        word = SERVER if word == UNDETERMINED and rate_per_s is None else word
    figures["bottleneck_reason"] = why
    return Bottleneck(word, figures)


def _until_arrival(
    histograms: Mapping[str, Histogram], least_us: Mapping[str, float]
) -> tuple[float, float]:
    """Return the mean latency up to the reply's arrival, and the least; zeros where unknown."""
    for kind in ("wire", "service"):
        found = histograms.get(kind)
        if found is not None and found.count and kind in least_us:
            return found.mean_us, max(1.0, least_us[kind])
    return 0.0, 0.0


def _waits_for_acks(evidence: Evidence, histograms: Mapping[str, Histogram]) -> bool:
    """Say whether replies come when our kernel's delayed ACK is due."""
    found = histograms.get("wire") or histograms.get("service")
    if found is None or not found.count or evidence.asleep < _IDLE:
        return False
    if (evidence.server_cpus or 0.0) >= _AT_EASE:
        return False
    low, high = map(index_of, _DELAYED_ACK_US)
    return sum(found.counts[low : high + 1]) >= _CLUSTERED * found.count


def _decide(
    evidence: Evidence,
    histograms: Mapping[str, Histogram],
    users: int,
    throughput_per_s: float,
    least_us: Mapping[str, float],
) -> tuple[str, str]:
    if evidence.is_crowded:
        shared = "one CPU" if evidence.cpus == 1 else f"{evidence.cpus} CPUs"
        return SHARED, (
            f"server and generator share {shared}; the server used {evidence.server_cpus:.2f} and"
            f" the generator {evidence.own_cpus:.2f}; give each its own"
        )
    if users == 1:
        return UNDETERMINED, "one connection keeps neither side busy all the time"
    ours = evidence.lag_us / evidence.service_us if evidence.service_us else None
    nobody = UNDETERMINED, "neither the server nor the generator shows a queue of its own"
    return (
        _at_generator(evidence, ours, throughput_per_s)
        or _at_server(evidence, ours, users, throughput_per_s, _until_arrival(histograms, least_us))
        or nobody
    )


def _at_generator(
    evidence: Evidence, ours: float | None, throughput_per_s: float
) -> tuple[str, str] | None:
    idle = evidence.asleep
    # Requests that are sent in many pieces wait for the generator before they are sent, not after.
    at_ease = evidence.server_cpus is not None and evidence.server_cpus < _AT_EASE
    if (ours is None or ours >= _OURS or at_ease) and idle <= _NEVER_IDLE:
        return GENERATOR, f"the generator {_spent(evidence)}"
    if ours is None or ours < _OURS or idle > _IDLE:
        return None
    waiting_here = throughput_per_s * evidence.lag_us / evidence.stamped / 1e6
    if waiting_here < _WAITING_HERE:
        return None
    return GENERATOR, (
        f"{ours:.0%} of the latency passed after the reply had arrived: {waiting_here:.0f}"
        " replies waited for the generator at any time; add --processes, or a machine"
    )


def _at_server(
    evidence: Evidence,
    ours: float | None,
    users: int,
    throughput_per_s: float,
    until_arrival_us: tuple[float, float],
) -> tuple[str, str] | None:
    idle = evidence.asleep
    # A server without a CPU to spare, and nothing that waits here, though we hardly sleep either.
    is_full = evidence.is_server_full and ours is not None and ours <= _HARDLY_OURS
    if (idle <= _NEVER_IDLE and not is_full) or (ours is not None and ours > _THEIRS):
        return None
    mean_us, fastest_us = until_arrival_us
    if fastest_us and mean_us >= _QUEUEING * fastest_us:
        return SERVER, (
            f"replies took {mean_us / fastest_us:.1f} times as long to arrive as the fastest ones"
            f" did, so requests queued at the server; the generator slept {idle:.0%} of the time"
        )
    there = throughput_per_s * mean_us / 1e6
    if idle < _IDLE or mean_us < _FLAT_US or there < _MOST * users:
        return None
    return SERVER, (
        f"{min(there, users):.0f} of {users} connections waited for the server at any time,"
        f" {mean_us / 1000:.2f} ms for a reply, while the generator slept {idle:.0%} of the time;"
        " nothing queued, so more connections get more"
    )


def _spent(evidence: Evidence) -> str:
    """Say where a generator's time went that did not sleep."""
    slept = f"slept {evidence.asleep:.0%} of the time"
    if evidence.waiting < _CONTENDED:
        return f"{slept}; add --processes, or a machine"
    waited = f"waited {evidence.waiting:.0%} of it for a CPU that others had"
    return f"{slept}, and {waited}; give it a CPU of its own"


def _add(sums: dict[str, float], more: Mapping[str, float]) -> None:
    for name, value in more.items():
        sums[name] = sums.get(name, 0.0) + value
