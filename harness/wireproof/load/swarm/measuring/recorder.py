"""What a worker counts between two reports; the swarm's hot loop writes into it directly."""

import os
import socket
from collections import defaultdict
from collections.abc import Iterable, Sequence

from wireproof.causes import Cause
from wireproof.histogram import LENGTH, index_of, sparse
from wireproof.load.figures.tally import KindTally, Phase, Sample, Tally
from wireproof.load.swarm.measuring.usage import Used

_MAX_SAMPLES = 5


class Recorder:
    """Counts of one phase since the last tally.

    Attributes:
        service: counts of the latency from sending to the reply.
        scheduled: counts of the latency from the intended time to the reply.
        wire: counts of the latency from sending to the kernel's receive timestamp.
        by_kind: counts of the service latency by kind, where kinds are told apart.
        sent: requests that left.
        turned_away: of them, those behind a reply that ended the connection, as it said.
        began_ns: when the phase began.

    """

    def __init__(self, stage: int, phase: Phase, now_ns: int, kinds: Sequence[str] = ()) -> None:
        """Start counting now; `kinds` are names of requests to be told apart."""
        self._kinds = kinds
        self.stage = stage
        self.phase = phase
        self.began_ns = now_ns
        self._since_ns = now_ns
        self._ended_ns: int | None = None
        self._under_way_before = 0
        self._clear()

    def end(self, now_ns: int) -> None:
        """Let the phase's length end here; late replies may still be counted."""
        self._ended_ns = now_ns

    @property
    def dirty(self) -> bool:
        """Whether anything is to be reported."""
        return bool(
            self._ended_ns is None
            or self._ended_ns > self._since_ns
            or self.sent
            or self.unreplied
            or self.turned_away
            or self.failures
            or any(self.service)
        )

    @property
    def under_way(self) -> int:
        """Requests that left and have no fate yet."""
        failed = sum(self.failures.values()) - sum(self.incidents.values())
        fates = sum(self.service) + self.unreplied + self.turned_away + failed
        return self._under_way_before + self.sent - fates

    def _clear(self) -> None:
        self.service = [0] * LENGTH
        self.by_kind = [[0] * LENGTH for _ in self._kinds]
        self._failures_by_kind: list[dict[Cause, int]] = [{} for _ in self._kinds]
        self._unreplied_by_kind = [0 for _ in self._kinds]
        # Seldom or less often counted than service: what is handed out often must be short.
        self.scheduled: defaultdict[int, int] = defaultdict(int)
        self.wire: defaultdict[int, int] = defaultdict(int)
        self.sent = 0
        self.unreplied = self.turned_away = 0
        self.failures: dict[Cause, int] = {}
        self.incidents: dict[Cause, int] = {}
        self.samples: list[Sample] = []
        self.polling_ns = 0
        self.cpu_s = 0.0
        self.waiting_s = 0.0
        self.server_cpu_s: float | None = None
        self.server_ready_s = 0.0
        self.stamped = 0
        self.service_ns = 0
        self.lag_ns = 0
        self.slip_ns = 0

    def count(self, service_ns: int, requests: int, shares: Iterable[tuple[int, int]] = ()) -> None:
        """Count right replies by the time since their requests left.

        Args:
            service_ns: that time.
            requests: how many were answered.
            shares: how many of each kind.

        """
        index = index_of(service_ns // 1000)
        self.service[index] += requests
        for kind, share in shares:
            self.by_kind[kind][index] += share

    def count_unreplied(self, requests: int, kinds: Sequence[int] = ()) -> None:
        """Count requests that have left and have no reply, with the kind of each."""
        self.unreplied += requests
        for kind in kinds:
            self._unreplied_by_kind[kind] += 1

    def count_scheduled(self, scheduled_ns: int, slip_ns: int, requests: int) -> None:
        """Count the same replies by the time since their requests were due.

        Args:
            scheduled_ns: that time.
            slip_ns: the part of it in which a connection was free.
            requests: how many.

        """
        self.scheduled[index_of(scheduled_ns // 1000)] += requests
        self.slip_ns += slip_ns * requests

    def stamp(self, service_ns: int, wire_ns: int) -> None:
        """Count a reply that has a kernel timestamp."""
        if wire_ns < 0:  # the wall clock was set back meanwhile
            return
        self.wire[index_of(wire_ns // 1000)] += 1
        self.stamped += 1
        self.service_ns += service_ns
        self.lag_ns += max(0, service_ns - wire_ns)

    def fail(
        self,
        cause: Cause,
        requests: int = 0,
        sample: Sample | None = None,
        kinds: Sequence[int] = (),
    ) -> None:
        """Count a failure as the fate of so many requests; of none, as an incident.

        Args:
            cause: why.
            requests: how many.
            sample: shows it.
            kinds: of each of the requests.

        """
        for kind in kinds:
            found = self._failures_by_kind[kind]
            found[cause] = found.get(cause, 0) + 1
        self.failures[cause] = self.failures.get(cause, 0) + (requests or 1)
        if not requests:
            self.incidents[cause] = self.incidents.get(cause, 0) + 1
        if sample is not None and len(self.samples) < _MAX_SAMPLES:
            self.samples.append(sample)

    def charge(self, used: Used) -> None:
        """Count CPU time as this phase's."""
        self.cpu_s += used.cpu_s
        self.waiting_s += used.waiting_s
        if used.server_cpu_s is not None:
            self.server_cpu_s = (self.server_cpu_s or 0.0) + used.server_cpu_s
            self.server_ready_s += used.server_ready_s

    def take(self, now_ns: int, second: int, users: int, cpus: int = 0) -> Tally:
        """Return what was counted, and start over.

        Args:
            now_ns: the time.
            second: whole seconds since the run began.
            users: connections that can carry requests.
            cpus: as in `CpuUsage`.

        """
        kinds = {
            "service": sparse(self.service),
            "scheduled": _flat(self.scheduled),
            "wire": _flat(self.wire),
        }
        until_ns = now_ns if self._ended_ns is None else self._ended_ns
        self._under_way_before = self.under_way
        tally = Tally(
            worker="",
            second=second,
            stage=self.stage,
            phase=self.phase,
            length_s=max(0, until_ns - self._since_ns) / 1e9,
            users=users,
            counts={kind: found for kind, found in kinds.items() if found},
            sent=self.sent,
            unreplied=self.unreplied,
            turned_away=self.turned_away,
            failures=self.failures,
            incidents=self.incidents,
            samples=self.samples,
            cpu_s=self.cpu_s,
            waiting_for_cpu_s=self.waiting_s,
            server_cpu_s=self.server_cpu_s,
            server_ready_s=self.server_ready_s,
            cpus=cpus,
            polling_s=self.polling_ns / 1e9,
            stamped=self.stamped,
            service_us=self.service_ns / 1e3,
            lag_us=self.lag_ns / 1e3,
            slip_us=self.slip_ns / 1e3,
            kinds=self._take_kinds(),
        )
        self._since_ns = until_ns
        self._clear()
        return tally

    def _take_kinds(self) -> list[KindTally]:
        """Return the same by kind, of those that there were."""
        found = [
            KindTally(kind=name, counts=sparse(counts), unreplied=unreplied, failures=failures)
            for name, counts, unreplied, failures in zip(
                self._kinds,
                self.by_kind,
                self._unreplied_by_kind,
                self._failures_by_kind,
                strict=True,
            )
        ]
        return [one for one in found if one.counts or one.unreplied or one.failures]


def _flat(counts: dict[int, int]) -> list[int]:
    """As `sparse` makes of a list."""
    return [item for pair in sorted(counts.items()) for item in pair]


def worker_name() -> str:
    """Return a name for this worker that no other of the run has."""
    return f"{os.getpid()}@{socket.gethostname()}"
