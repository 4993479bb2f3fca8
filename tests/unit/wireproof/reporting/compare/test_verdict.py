import random
import statistics

import msgspec
import pytest

from tests.support import result_samples as samples
from wireproof.reporting.compare.verdict import Change, Word, bootstrap_ratio, compare
from wireproof.results import LoadResult, Results, Second, Verdict


def _load(throughput_per_s: float = 180_000, *, seed: int = 7, **fields: object) -> Results:
    load = msgspec.structs.replace(samples.load(throughput_per_s, seed=seed), **fields)
    return samples.results("load", load=load)


def _series(load: Results, **fields: object) -> Results:
    assert load.load is not None
    seconds = [msgspec.structs.replace(second, **fields) for second in load.load.series]
    return samples.results("load", load=msgspec.structs.replace(load.load, series=seconds))


def _figure(base: Results, new: Results, name: str) -> Change:
    (found,) = [change for change in compare(base, new).changes if change.name == name]
    return found


def test_the_same_file_is_unchanged() -> None:
    """Every figure, requirement, objective and count of a file equals itself."""
    lines = [samples.requirement(word.name, word) for word in (Verdict.PASS, Verdict.FAIL)]
    parts = {"check": samples.check(*lines), "load": samples.load(), "backlog": samples.backlog()}
    found = compare(samples.results(**parts), samples.results(**parts))
    certain = [change for change in found.changes if change.name in {"requests/s", "p50", "p90"}]
    assert {change.word for change in certain} == {Word.UNCHANGED}
    assert {shift.word for shift in found.shifts} == {Word.UNCHANGED}
    assert (found.warnings, found.exit_code) == ([], 0)


@pytest.mark.parametrize(
    ("throughput_per_s", "word"),
    [(150_000, Word.REGRESSED), (215_000, Word.IMPROVED), (181_000, Word.UNCHANGED)],
)
def test_throughput_is_judged_by_its_interval(throughput_per_s: float, word: Word) -> None:
    """A fifth less regressed, a fifth more improved, half a percent is nothing."""
    found = _figure(_load(), _load(throughput_per_s, seed=8), "requests/s")
    assert found.word is word
    assert found.low is not None
    assert found.high is not None
    assert found.change is not None
    assert found.low <= found.change <= found.high


def test_latency_regresses_upwards() -> None:
    """A p99 twice as long is a regression, half as long an improvement."""
    base = _load()
    slow = _series(base, p99_us=2_000.0)
    assert _figure(base, slow, "p99").word is Word.REGRESSED
    assert _figure(slow, base, "p99").word is Word.IMPROVED
    assert compare(base, slow).exit_code == 1


def test_too_few_samples_are_told() -> None:
    """Of 300 requests a second no p99.9 is known; the rest is compared all the same."""
    base, new = _load(300), _load(300, seed=8)
    assert _figure(base, new, "p99.9").word is Word.INCONCLUSIVE
    assert _figure(base, new, "p99.9").reason == "too few samples for p99.9"
    assert _figure(base, new, "p50").low is not None


def test_too_few_seconds_are_told() -> None:
    """Three seconds of steady load carry no interval; nothing comparable is exit code 3."""
    short = samples.series(1e5, seconds=5)
    found = compare(_load(series=short, slo=[]), _load(series=short, slo=[]))
    assert {change.word for change in found.changes} == {Word.INCONCLUSIVE}
    assert found.changes[0].reason.startswith("3 s of steady load; load both for 8 s or more")
    assert found.exit_code == 3


def test_a_microsecond_is_no_change() -> None:
    """What the clock cannot resolve is unchanged, however large the share."""
    base = _series(_load(), p50_us=5.0)
    assert _figure(base, _series(base, p50_us=6.0), "p50").word is Word.UNCHANGED


def test_a_file_without_the_newer_columns_is_compared_as_far_as_it_goes() -> None:
    """A series without p90 says so, and a base of zero is no division."""
    base = _series(_load(), p90_us=None)
    assert _figure(base, base, "p90").reason == "the series has no p90"
    idle = _series(_load(), requests=0)
    assert _figure(idle, idle, "requests/s").word is Word.INCONCLUSIVE


def test_only_steady_seconds_of_the_same_load_are_compared() -> None:
    """Warm-up, and numbers of connections that only one run has, stay out."""
    one = samples.load()
    many = [*one.series, *_with_users(one, 100)]
    found = compare(_load(series=one.series), _load(series=many))
    assert {change.connections for change in found.changes} == {50}


def _with_users(load: LoadResult, users: int) -> list[Second]:
    return [msgspec.structs.replace(second, users=users) for second in load.series]


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (Verdict.PASS, Verdict.FAIL, Word.REGRESSED),
        (Verdict.PASS, Verdict.FLAKY, Word.REGRESSED),
        (Verdict.PASS, Verdict.NON_STRICT, Word.REGRESSED),
        (Verdict.FAIL, Verdict.PASS, Word.IMPROVED),
        (Verdict.FAIL, Verdict.FAIL, Word.UNCHANGED),
        (Verdict.UNSUPPORTED, Verdict.UNSUPPORTED, Word.UNCHANGED),
        (Verdict.PASS, Verdict.INCONCLUSIVE, Word.INCONCLUSIVE),
        (Verdict.ERROR, Verdict.ERROR, Word.INCONCLUSIVE),
        (Verdict.UNSUPPORTED, Verdict.FAIL, Word.INCONCLUSIVE),
    ],
)
def test_verdicts_are_compared_by_gravity(before: Verdict, after: Verdict, word: Word) -> None:
    """From PASS downwards is a regression; what was not settled cannot be compared."""
    runs = [
        samples.results("check", check=samples.check(samples.requirement("A-1", verdict)))
        for verdict in (before, after)
    ]
    (shift,) = compare(*runs).shifts
    assert shift.word is word


def test_a_requirement_of_one_run_alone_is_inconclusive() -> None:
    """A catalogue that grew is no regression."""
    runs = [
        samples.results("check", check=samples.check(samples.requirement(name, Verdict.FAIL)))
        for name in ("A-1", "B-1")
    ]
    found = compare(*runs)
    assert [shift.word for shift in found.shifts] == [Word.INCONCLUSIVE] * 2
    assert found.exit_code == 3


def test_objectives_and_the_queue_are_compared() -> None:
    """An objective now missed, and a queue that holds less, are regressions."""
    backlog = samples.backlog()
    shallow = msgspec.structs.replace(
        backlog, queue=msgspec.structs.replace(backlog.queue, depth=6)
    )
    missed = msgspec.structs.replace(
        samples.load(), slo=[{"expression": "p99<5ms", "measured": "6 ms", "met": False}]
    )
    found = compare(
        samples.results(load=samples.load(), backlog=backlog),
        samples.results(load=missed, backlog=shallow),
    )
    assert [(shift.id, shift.word) for shift in found.shifts] == [
        ("p99<5ms", Word.REGRESSED),
        ("accept queue", Word.REGRESSED),
    ]


def test_differences_of_the_setting_are_warned_of() -> None:
    """Machine, versions, target, depth, rate, interruption and a busy generator are named."""
    environment = msgspec.structs.replace(
        samples.ENVIRONMENT, kernel="Linux 7", versions={"wireproof": "0.2.0"}
    )
    load = msgspec.structs.replace(samples.load(), rate_per_s=100.0, bottleneck="generator")
    check = msgspec.structs.replace(samples.check(), depth="quick", protocol="echo")
    other = samples.results(
        load=load, check=check, environment=environment, target="tcp://[::1]:7", partial=True
    )
    told = " / ".join(compare(samples.results(), other).warnings)
    for words in (
        "the kernel differs: Linux 6.18.5, Linux 7",
        "the version of wireproof differs: 0.1.0, 0.2.0",
        "the version of locust differs: 2.47.0, none",
        "the target differs",
        "the depth of the check differs: default, quick",
        "the protocol differs",
        "the rate asked for differs: closed loop, 100.0",
        "only one of the runs has a backlog",
        "the new run was interrupted",
        "the new run was bound by the load generator",
    ):
        assert words in told


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of 100 pairs of runs with a known ratio, about 95 intervals contain it."""
    draw = random.Random(3)
    held = 0
    for _ in range(100):
        base = [draw.gauss(100, 5) for _ in range(30)]
        new = [draw.gauss(90, 5) for _ in range(30)]
        low, high = bootstrap_ratio(base, new, statistics.fmean)
        held += low <= -0.1 <= high
    assert 85 <= held <= 100


def test_a_thousand_seconds_are_compared_as_well() -> None:
    """A long series is folded before it is resampled, and keeps its mean."""
    draw = random.Random(4)
    base, new = ([draw.gauss(mean, 5) for _ in range(3_000)] for mean in (100, 80))
    low, high = bootstrap_ratio(base, new, statistics.fmean)
    assert -0.21 < low < high < -0.19
