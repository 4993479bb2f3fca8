"""From tallies to the result: all that a load run reports is computed here, from plain records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from wireproof.causes import Cause
from wireproof.histogram import Histogram, highest_at
from wireproof.load.figures.bottleneck import Evidence, judge
from wireproof.load.figures.kinds import Kinds
from wireproof.load.figures.tally import Note, Phase, Sample, Tally
from wireproof.load.spec import LoadSpec
from wireproof.results import LoadResult, LoadStage, Percentiles, Second
from wireproof.statistics import percentiles

_MAX_SAMPLES = 20
_SAMPLES_A_CAUSE = 3
_MEASURED = {Phase.STEADY, Phase.DRAIN}


class Fates:
    """What became of requests: each is right, turned away, failed by a cause, or still under way.

    Attributes:
        sent: requests.
        right: those that had a right reply, or left where the protocol has none.
        turned_away: those behind a reply that ended its connection, as it said.
        failures: everything that went wrong, by cause.
        incidents: of that, what befell no request that was sent.

    """

    def __init__(self) -> None:
        """Have none."""
        self.sent = 0
        self.right = self.turned_away = 0
        self.failures: Counter[Cause] = Counter()
        self.incidents: Counter[Cause] = Counter()

    def add(self, tally: Tally) -> None:
        """Add what a worker counted."""
        self.sent += tally.sent
        self.right += sum(tally.counts.get("service", [])[1::2]) + tally.unreplied
        self.turned_away += tally.turned_away
        self.failures.update(tally.failures)
        self.incidents.update(tally.incidents)

    def merge(self, other: Fates) -> None:
        """Add another's."""
        self.sent += other.sent
        self.right += other.right
        self.turned_away += other.turned_away
        self.failures.update(other.failures)
        self.incidents.update(other.incidents)

    @property
    def under_way(self) -> int:
        """Requests without a fate: those of a worker that is still at it, or was lost."""
        failed = self.failures.total() - self.incidents.total()
        return max(0, self.sent - self.right - self.turned_away - failed)


class StageCollector:
    """Adds up one stage, over all workers."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.histograms: dict[str, Histogram] = defaultdict(Histogram)
        self.kinds = Kinds()
        self.measured = Fates()
        self.unmeasured = Fates()
        self.samples: list[Sample] = []
        self.users: dict[str, int] = {}
        self.seconds: dict[str, float] = defaultdict(float)
        self.drain_seconds: dict[str, float] = defaultdict(float)
        self.evidence = Evidence()
        self.workers = 0

    def add(self, tally: Tally) -> None:
        """Add a tally of this stage."""
        self._keep(tally.samples)
        if tally.phase not in _MEASURED:
            self.unmeasured.add(tally)
            return
        self.measured.add(tally)
        self.kinds.add(tally.kinds)
        for kind, counts in tally.counts.items():
            self.histograms[kind].add_sparse(counts)
        if tally.phase is Phase.DRAIN:
            self.drain_seconds[tally.worker] += tally.length_s
            return
        self.evidence.add(tally)
        self.seconds[tally.worker] += tally.length_s
        if tally.length_s > 0:
            self.users[tally.worker] = tally.users

    def merge(self, other: StageCollector) -> None:
        """Add what another has collected, for the whole of a run."""
        for kind, histogram in other.histograms.items():
            self.histograms[kind].merge(histogram)
        self.measured.merge(other.measured)
        self.kinds.merge(other.kinds)
        self.unmeasured.merge(other.unmeasured)
        self._keep(other.samples)
        self.evidence.merge(other.evidence)

    def _keep(self, samples: list[Sample]) -> None:
        """Keep some samples of each cause."""
        for sample in samples:
            known = sum(one.cause == sample.cause for one in self.samples)
            if known < _SAMPLES_A_CAUSE and len(self.samples) < _MAX_SAMPLES:
                self.samples.append(sample)

    def result(
        self,
        spec: LoadSpec,
        users: int,
        least_us: Mapping[str, float],
        *,
        is_over: bool,
        asked_per_s: float | None,
    ) -> LoadStage:
        """Return the stage's record.

        Args:
            spec: the run's.
            users: connections of the stage.
            least_us: the least latency of the whole run, by kind.
            is_over: whether what is under way has nothing to wait for any more.
            asked_per_s: the rate that was asked for; None for a closed loop.

        """
        seconds = max(self.seconds.values(), default=0.0)
        fates = self.measured
        throughput = fates.right / seconds if seconds else 0.0
        failures = Counter(fates.failures)
        requests = fates.sent - fates.turned_away
        if is_over and fates.under_way:
            failures[Cause.UNANSWERED] += fates.under_way
        else:
            requests -= fates.under_way
        verdict = judge(
            self.evidence,
            self.histograms,
            users=users,
            rate_per_s=asked_per_s,
            throughput_per_s=throughput,
            least_us=least_us,
        )
        hints = {
            str(cause): cause.hint
            for cause in sorted({*failures, *self.unmeasured.failures})
            if cause.hint
        }
        details: dict[str, Any] = {
            **verdict.explanation,
            "workers": self.workers or len(self.seconds),
            "pipeline": spec.pipeline,
        }
        if spec.think:
            details["think"] = spec.think
        more = {
            "turned_away": fates.turned_away,
            "samples": [msgspec.to_builtins(sample) for sample in self.samples],
            "hints": hints,
            "requests_while_warming_up": self.unmeasured.sent,
            "failures_while_warming_up": _by_name(self.unmeasured.failures),
        }
        details |= {name: value for name, value in more.items() if value}
        return LoadStage(
            users=users,
            seconds=round(seconds, 6),
            requests=requests,
            failures=_by_name(failures),
            incidents=_by_name(fates.incidents),
            drain_seconds=round(max(self.drain_seconds.values(), default=0.0), 6),
            throughput_per_s=round(throughput, 3),
            latency_us=summaries(self.histograms),
            bottleneck=verdict.word,
            kinds=self.kinds.results(seconds),
            rate_per_s=asked_per_s,
            histograms={
                kind: histogram.encode()
                for kind, histogram in self.histograms.items()
                if histogram.count
            },
            details=details,
        )


class Collector:
    """Adds up a run.

    Attributes:
        series: one entry a second, so far.
        notes: what happened to the run, so far.

    """

    def __init__(self, spec: LoadSpec, on_second: Callable[[Second], None] | None = None) -> None:
        """Collect for `spec`; `on_second` is called with each second once it is complete."""
        self._least_us: dict[str, float] = {}
        self._spec = spec
        self._on_second = on_second
        self._stages: dict[int, StageCollector] = defaultdict(StageCollector)
        self._open: dict[int, list[Tally]] = defaultdict(list)
        self._latest: dict[str, int] = {}
        self.series: list[Second] = []
        self.notes: list[Note] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not any(stage.seconds for stage in self._stages.values())

    def note(self, note: Note) -> None:
        """Add what happened to the run; what was told already is told once."""
        if note not in self.notes:
            self.notes.append(note)

    def add(self, tally: Tally) -> None:
        """Add a tally."""
        self._stages[tally.stage].add(tally)
        for kind, counts in tally.counts.items():
            least = float(highest_at(counts[0]))
            self._least_us[kind] = min(least, self._least_us.get(kind, least))
        self._open[tally.second].append(tally)
        reached = tally.second + tally.ends_second
        self._latest[tally.worker] = max(reached, self._latest.get(tally.worker, 0))
        newest = max(self._latest.values())
        # A second is over once every worker is past it; one that lags or died holds up three.
        all_here = len(self._latest) >= self._spec.processes
        over = max(min(self._latest.values()) if all_here else 0, newest - 3)
        for second in sorted(self._open):
            if second < over:
                self._close(second)

    def latency_us(self) -> dict[str, Percentiles]:
        """Return the latencies of the steady load so far, over all stages."""
        return summaries(self._whole().histograms)

    def failures(self) -> Counter[Cause]:
        """Return all failures so far, those of the ramp and the warm-up too."""
        whole = self._whole()
        return whole.measured.failures + whole.unmeasured.failures

    def _whole(self) -> StageCollector:
        whole = StageCollector()
        for stage in self._stages.values():
            whole.merge(stage)
        return whole

    def result(self) -> LoadResult:
        """Return the whole, and each stage."""
        for second in sorted(self._open):
            self._close(second)
        return self._result(is_over=True)

    def so_far(self) -> LoadResult:
        """Return the same for what has been added by now.

        Seconds still open are left out, and so are requests still under way.
        """
        return self._result(is_over=False)

    def _result(self, *, is_over: bool) -> LoadResult:
        spec = self._spec
        stages = []
        for number in sorted(self._stages):
            stage = self._stages[number]
            if not stage.seconds:
                continue
            users = spec.users[number] if number < len(spec.users) else sum(stage.users.values())
            asked_per_s = spec.asked_per_s(number)
            stages.append(
                stage.result(spec, users, self._least_us, is_over=is_over, asked_per_s=asked_per_s)
            )
        # Most runs have one stage, and what is kept of them now and then must cost them little.
        total = (
            stages[0]
            if len(stages) == len(self._stages) == 1
            else self._total(stages, is_over=is_over)
        )
        fields = {name: getattr(total, name) for name in total.__struct_fields__}
        if len(stages) == 1:
            fields["bottleneck"] = stages[0].bottleneck
            fields["details"] = stages[0].details
        return LoadResult(
            **fields,
            series=list(self.series),
            stages=stages if len(stages) > 1 else [],
            partial=any(note.partial for note in self.notes),
            notes=[note.text for note in self.notes],
        )

    def _total(self, stages: list[LoadStage], *, is_over: bool) -> LoadStage:
        whole = self._whole()
        whole.seconds["all"] = sum(stage.seconds for stage in stages)
        whole.drain_seconds["all"] = sum(stage.drain_seconds for stage in stages)
        whole.workers = max((len(one.seconds) for one in self._stages.values()), default=0)
        users = max((stage.users for stage in stages), default=0)
        asked = [stage.rate_per_s for stage in stages if stage.rate_per_s is not None]
        return whole.result(
            self._spec,
            users,
            self._least_us,
            is_over=is_over,
            asked_per_s=sum(asked) / len(asked) if asked else self._spec.rate_per_s,
        )

    def _close(self, second: int) -> None:
        tallies = self._open.pop(second)
        histogram = Histogram()
        for tally in tallies:
            histogram.add_sparse(tally.counts.get("service", []))
        users = {tally.worker: tally.users for tally in tallies}
        p50, p90, p99, p99_9, most = histogram.percentiles_us(50, 90, 99, 99.9, 100)
        found = Second(
            at_s=float(second + 1),
            users=sum(users.values()),
            requests=histogram.count,
            failures=sum(sum(tally.failures.values()) for tally in tallies),
            p50_us=p50,
            p99_us=p99,
            max_us=most,
            phase=max(tallies, key=lambda tally: tally.length_s).phase,
            p90_us=p90,
            p99_9_us=p99_9,
        )
        self.series.append(found)
        if self._on_second is not None:
            self._on_second(found)


def _by_name(failures: Mapping[Cause, int]) -> dict[str, int]:
    return {str(cause): number for cause, number in failures.items()}


def summaries(histograms: dict[str, Histogram]) -> dict[str, Percentiles]:
    """Return the percentiles of each kind of latency that was counted."""
    order: Iterable[str] = ("service", "scheduled", "wire")
    return {
        kind: percentiles(histograms[kind])
        for kind in order
        if kind in histograms and histograms[kind].count
    }
