"""Two result files against each other: what became worse, what better, and what cannot be said.

Throughput and percentiles are compared second by second: the seconds of steady load at the same
number of connections are resampled (circular block bootstrap, since neighbouring seconds resemble
each other) and the ratio of the two runs gets a 95 % interval. A change counts once it is larger
than the tolerance and its interval excludes no change. Pure and seeded: the same two files always
give the same words.
"""

import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wireproof.results import LoadResult, RequirementResult, Results, Second, Verdict

CONFIDENCE = 0.95
DEFAULT_TOLERANCE = 0.05
MIN_SECONDS = 8
"""Seconds of steady load below which no interval means anything."""
MIN_BEYOND = 10
"""Requests that must lie beyond a percentile in all, and a tenth of it in each second."""
_RESAMPLES = 1000
_MAX_POINTS = 200
_RESOLUTION_US = 1.0
_SEED = 28812
_GRAVITY = {Verdict.PASS: 0, Verdict.NON_STRICT: 1, Verdict.FLAKY: 2, Verdict.FAIL: 3}


class Word(StrEnum):
    """What is said of one thing that was measured twice."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of both runs.

    Attributes:
        name: `requests/s`, `p50` …
        connections: at how many it was measured.
        unit: `/s` or `us`.
        base: of the first run; None where it has none.
        new: of the second.
        change: new against base as a share: 0.1 is 10 % more.
        low: lower end of the interval of `change`.
        high: upper end.
        word: the verdict.
        reason: why, where the word alone does not say.

    """

    name: str
    connections: int
    unit: str
    base: float | None
    new: float | None
    change: float | None
    low: float | None
    high: float | None
    word: Word
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """A requirement, an objective or a count of both runs."""

    id: str
    title: str
    base: str
    new: str
    word: Word
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it.

    Attributes:
        changes: of figures with an interval.
        shifts: of requirements, objectives and the accept queue.
        warnings: why the two may not compare, a sentence each.

    """

    changes: list[Change]
    shifts: list[Shift]
    warnings: list[str]

    @property
    def words(self) -> list[Word]:
        """Every verdict."""
        return [*(change.word for change in self.changes), *(shift.word for shift in self.shifts)]

    @property
    def word(self) -> Word:
        """The verdict on the whole: the worst that is certain, or that nothing is."""
        found = set(self.words)
        for word in (Word.REGRESSED, Word.IMPROVED, Word.UNCHANGED):
            if word in found:
                return word
        return Word.INCONCLUSIVE

    @property
    def sentence(self) -> str:
        """How many of each."""
        counted = Counter(self.words)
        said = [f"{counted[word]} {word}" for word in Word if counted[word]]
        return ", ".join(said) or "nothing was measured in both runs"

    @property
    def exit_code(self) -> int:
        """1 for a regression, 3 where nothing could be said, else 0."""
        return {Word.REGRESSED: 1, Word.INCONCLUSIVE: 3}.get(self.word, 0)


def compare(base: Results, new: Results, tolerance: float = DEFAULT_TOLERANCE) -> Comparison:
    """Compare two runs.

    Args:
        base: the run to hold the other against.
        new: the other.
        tolerance: share by which a figure may differ and still be called unchanged.

    """
    from wireproof.reporting.compare.setup import warnings

    changes: list[Change] = []
    if base.load is not None and new.load is not None:
        changes = list(_load(base.load, new.load, tolerance))
    shifts = [*_requirements(base, new), *_objectives(base, new), *_queue(base, new)]
    return Comparison(changes, shifts, warnings(base, new))


# ---- figures ----


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    unit: str
    share: float | None
    """Of a percentile; None for throughput."""
    read: Callable[[Second], float | None]


_FIGURES = (
    _Figure("requests/s", "/s", None, lambda second: float(second.requests)),
    _Figure("p50", "us", 0.5, lambda second: second.p50_us),
    _Figure("p90", "us", 0.9, lambda second: second.p90_us),
    _Figure("p99", "us", 0.99, lambda second: second.p99_us),
    _Figure("p99.9", "us", 0.999, lambda second: second.p99_9_us),
)


def _load(base: LoadResult, new: LoadResult, tolerance: float) -> Iterator[Change]:
    ours, theirs = _steady(base), _steady(new)
    for connections in sorted(ours.keys() & theirs.keys()):
        for figure in _FIGURES:
            pair = (ours[connections], theirs[connections])
            yield _change(figure, connections, pair, tolerance)


def _steady(load: LoadResult) -> dict[int, list[Second]]:
    seconds: dict[int, list[Second]] = {}
    for second in load.series:
        if second.phase == "steady":
            seconds.setdefault(second.users, []).append(second)
    return seconds


def _change(
    figure: _Figure,
    connections: int,
    pair: tuple[list[Second], list[Second]],
    tolerance: float,
) -> Change:
    runs = [[value for second in run if (value := figure.read(second)) is not None] for run in pair]
    of = statistics.fmean if figure.share is None else statistics.median
    before, after = (of(run) if run else None for run in runs)
    reason = _too_few(figure, pair, min(map(len, runs)))
    if not reason and not before:
        reason = "the base is zero"
    if reason or before is None or after is None:
        return Change(
            name=figure.name,
            connections=connections,
            unit=figure.unit,
            base=before,
            new=after,
            change=None,
            low=None,
            high=None,
            word=Word.INCONCLUSIVE,
            reason=reason,
        )
    low, high = bootstrap_ratio(runs[0], runs[1], of)
    change = after / before - 1
    word, reason = _judge(change, low, high, tolerance, more_is_worse=figure.share is not None)
    if figure.share is not None and abs(after - before) <= _RESOLUTION_US:
        word, reason = Word.UNCHANGED, "within the clock's 1 µs"
    return Change(
        name=figure.name,
        connections=connections,
        unit=figure.unit,
        base=before,
        new=after,
        change=change,
        low=low,
        high=high,
        word=word,
        reason=reason,
    )


def _too_few(figure: _Figure, pair: tuple[list[Second], list[Second]], values: int) -> str:
    seconds = min(map(len, pair))
    if seconds < MIN_SECONDS:
        return f"{seconds} s of steady load; load both for {MIN_SECONDS} s or more (--for)"
    if figure.share is not None:
        beyond = min(sum(second.requests for second in run) for run in pair) * (1 - figure.share)
        if beyond < max(MIN_BEYOND, max(map(len, pair)) * MIN_BEYOND / 10):
            return f"too few samples for {figure.name}"
    if values < MIN_SECONDS:
        return f"the series has no {figure.name}"
    return ""


def _judge(
    change: float, low: float, high: float, tolerance: float, *, more_is_worse: bool
) -> tuple[Word, str]:
    worse, least, most = (change, low, high) if more_is_worse else (-change, -high, -low)
    if least > 0 and worse > tolerance:
        return Word.REGRESSED, ""
    if most < 0 and worse < -tolerance:
        return Word.IMPROVED, ""
    if -tolerance <= least and most <= tolerance:
        return Word.UNCHANGED, ""
    return Word.INCONCLUSIVE, f"the interval reaches beyond {tolerance * 100:g} %"


def bootstrap_ratio(
    base: Sequence[float], new: Sequence[float], of: Callable[[Sequence[float]], float]
) -> tuple[float, float]:
    """Return the interval of `of(new) / of(base) - 1`, both resampled in blocks of neighbours."""
    draw = random.Random(_SEED)  # noqa: S311 - the same files must give the same interval
    base, new = _folded(base, of), _folded(new, of)
    ratios = []
    for _ in range(_RESAMPLES):
        below = of(_resampled(base, draw))
        if below:
            ratios.append(of(_resampled(new, draw)) / below - 1)
    ratios.sort()
    tail = (1 - CONFIDENCE) / 2
    return (
        ratios[int(tail * (len(ratios) - 1))],
        ratios[-1 - int(tail * (len(ratios) - 1))],
    )


def _resampled(values: Sequence[float], draw: random.Random) -> list[float]:
    size = len(values)
    block = max(1, round(size ** (1 / 3)))
    around = [*values, *values[:block]]
    found: list[float] = []
    while len(found) < size:
        start = int(draw.random() * size)
        found += around[start : start + block]
    return found[:size]


def _folded(values: Sequence[float], of: Callable[[Sequence[float]], float]) -> Sequence[float]:
    """Return at most `_MAX_POINTS` values: neighbours in one, which only widens the interval."""
    step = -(-len(values) // _MAX_POINTS)
    if step == 1:
        return values
    return [of(values[at : at + step]) for at in range(0, len(values), step)]


# ---- verdicts, objectives, the queue ----


def _requirements(base: Results, new: Results) -> Iterator[Shift]:
    if base.check is None or new.check is None:
        return
    before = {line.id: line for line in base.check.requirements}
    after = {line.id: line for line in new.check.requirements}
    for identifier in dict.fromkeys([*before, *after]):
        yield _requirement(identifier, before.get(identifier), after.get(identifier))


def _requirement(
    identifier: str, before: RequirementResult | None, after: RequirementResult | None
) -> Shift:
    known = after or before
    title = known.title if known else ""
    if before is None or after is None:
        return Shift(
            identifier,
            title,
            before.verdict.value if before else "absent",
            after.verdict.value if after else "absent",
            Word.INCONCLUSIVE,
            "only one of the runs tried it",
        )
    one, other = before.verdict, after.verdict
    word, reason = Word.INCONCLUSIVE, f"{other.value} cannot be compared with {one.value}"
    if one is other:
        word, reason = (
            (Word.UNCHANGED, "")
            if one.is_settled
            else (Word.INCONCLUSIVE, "not settled in both runs")
        )
    elif one in _GRAVITY and other in _GRAVITY:
        worse = _GRAVITY[other] > _GRAVITY[one]
        word, reason = Word.REGRESSED if worse else Word.IMPROVED, ""
    return Shift(identifier, title, one.value, other.value, word, reason)


def _objectives(base: Results, new: Results) -> Iterator[Shift]:
    if base.load is None or new.load is None:
        return
    before = {str(objective["expression"]): objective for objective in base.load.slo}
    for objective in new.load.slo:
        expression = str(objective["expression"])
        if expression in before:
            one, other = bool(before[expression]["met"]), bool(objective["met"])
            word = Word.UNCHANGED if one == other else Word.IMPROVED if other else Word.REGRESSED
            words = {True: "met", False: "missed"}
            yield Shift(expression, "objective", words[one], words[other], word)


def _queue(base: Results, new: Results) -> Iterator[Shift]:
    if base.backlog is None or new.backlog is None:
        return
    one, other = base.backlog.queue.depth, new.backlog.queue.depth
    if one is not None and other is not None:
        word = Word.UNCHANGED
        if one != other:
            word = Word.REGRESSED if other < one else Word.IMPROVED
        yield Shift("accept queue", "connections it holds", f"{one:,}", f"{other:,}", word)
