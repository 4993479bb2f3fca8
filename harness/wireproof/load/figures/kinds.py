"""What became of each kind of request, added up over workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from wireproof.causes import Cause
from wireproof.histogram import Histogram
from wireproof.load.figures.tally import KindTally
from wireproof.results import KindResult
from wireproof.statistics import percentiles


@dataclass(slots=True)
class _Kind:
    histogram: Histogram = field(default_factory=Histogram)
    unreplied: int = 0
    failures: Counter[Cause] = field(default_factory=Counter)


class Kinds:
    """The kinds of a stage."""

    def __init__(self) -> None:
        """Know none."""
        self._found: dict[str, _Kind] = {}

    def add(self, tallies: list[KindTally]) -> None:
        """Add what a worker counted."""
        for tally in tallies:
            kind = self._found.setdefault(tally.kind, _Kind())
            kind.histogram.add_sparse(tally.counts)
            kind.unreplied += tally.unreplied
            kind.failures.update(tally.failures)

    def merge(self, other: Kinds) -> None:
        """Add another's."""
        for name, found in other._found.items():
            kind = self._found.setdefault(name, _Kind())
            kind.histogram.merge(found.histogram)
            kind.unreplied += found.unreplied
            kind.failures.update(found.failures)

    def results(self, seconds: float) -> list[KindResult]:
        """Return them in the order of their names; `seconds` is the steady phase's length."""
        return [_result(name, self._found[name], seconds) for name in sorted(self._found)]


def _result(name: str, kind: _Kind, seconds: float) -> KindResult:
    right = kind.histogram.count + kind.unreplied
    return KindResult(
        kind=name,
        requests=right + kind.failures.total(),
        failures={str(cause): count for cause, count in kind.failures.items()},
        throughput_per_s=round(right / seconds, 3) if seconds else 0.0,
        service_us=percentiles(kind.histogram) if kind.histogram.count else None,
    )
