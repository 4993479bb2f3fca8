from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import strategies as st

from tests.support.servers import Shout
from wireproof.conformance.execution.executor import Executor, Outcome
from wireproof.conformance.execution.failure import Failure, FailureKind, Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Await, Open, Plan, Send, SendOpening
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.runner import Runner
from wireproof.conformance.search.explore import Failing, Search, try_certain, try_drawn
from wireproof.conformance.subject import DEPTHS, Subject
from wireproof.deadline import Deadline
from wireproof.results import Delivery, Level
from wireproof.target import parse_target, resolve
from wireproof.wire.transcript import Transcript

Judge = Callable[[Plan], FailureKind | None]
FOREVER = Deadline(float("inf"))


class Played:
    """An executor whose server is a function of the plan."""

    timeout_s = 5.0
    shrink_timeout_s = 0.25
    glance_timeout_s = 0.05

    def __init__(self, judge: Judge) -> None:
        """Fail as `judge` says."""
        self.judge = judge
        self.executed: list[tuple[Plan, float | None]] = []

    def execute(self, plan: Plan, timeout_s: float | None = None) -> Outcome:
        """Pretend."""
        self.executed.append((plan, timeout_s))
        kind = self.judge(plan)
        failure = kind and Failure(
            kind=kind,
            connection=0,
            action=0,
            message="m",
            expected="e",
            actual="a",
            seen={FailureKind.SILENCE: Seen.NOTHING, FailureKind.RESET: Seen.RESET}.get(
                kind, Seen.END
            ),
        )
        return Outcome(failure, Delivery.CONFIRMED, Transcript(), ())


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A subject that nobody connects to."""
    target = resolve(parse_target("tcp://127.0.0.1:7"))[0]
    return Runner(target, Shout(), DEPTHS["quick"], seed=1, diag=None).subject


def _requirement(plans: list[Plan]) -> Requirement:
    def certain(_: Subject) -> Iterator[Plan]:
        yield from plans

    return Requirement("T-EST", Level.MUST, "It holds.", "s", "r", certain)


def _search(subject: Subject, judge: Judge, plans: list[Plan]) -> tuple[Search, Played]:
    executor = Played(judge)
    return Search(cast(Executor, executor), subject, _requirement(plans)), executor


CUTS = [single([b"abcd\n"], [cut]) for cut in (4, 3, 2, 1)]


def test_all_certain_plans_are_tried(subject: Subject) -> None:
    """Each with full timeout, as long as none fails."""
    search, executor = _search(subject, lambda _: None, CUTS)
    assert try_certain(search, _requirement(CUTS), subject, FOREVER)
    assert executor.executed == [(plan, None) for plan in CUTS]
    assert search.tried.best is None
    assert search.tried.plans == 4
    assert search.tried.delivery is Delivery.CONFIRMED


def test_after_a_failure_the_others_are_tried_with_less_timeout(subject: Subject) -> None:
    """They show where else it fails; each cut is marked."""
    failing = dict.fromkeys(CUTS[1:3], FailureKind.SILENCE)
    search, executor = _search(subject, failing.get, CUTS)
    try_certain(search, _requirement(CUTS), subject, FOREVER)
    assert [timeout_s for _, timeout_s in executor.executed] == [None, None, 0.25, 0.25]
    assert search.tried.single_cuts == {(b"abcd\n",): {4: False, 3: True, 2: True, 1: False}}


def test_the_best_is_the_smallest_of_the_first_signature(subject: Subject) -> None:
    """What was seen instead is another fault's, however small its plan."""
    plans = [single([b"abcd\n"]), single([b"abc\n"]), single([b"a\n"])]
    kinds = dict(
        zip(plans, [FailureKind.SILENCE, FailureKind.SILENCE, FailureKind.RESET], strict=True)
    )
    search, _ = _search(subject, kinds.get, plans)
    try_certain(search, _requirement(plans), subject, FOREVER)
    assert search.tried.first is not None
    assert search.tried.first.plan == plans[0]
    assert search.tried.best is not None
    assert search.tried.best.plan == plans[1]


def test_time_ends_the_search(subject: Subject) -> None:
    """What is left untried is said to be."""
    search, executor = _search(subject, lambda _: None, CUTS)
    assert not try_certain(search, _requirement(CUTS), subject, Deadline(0))
    assert len(executor.executed) == 1


def _drawn(search: Search, seed: int, until: Deadline = FOREVER) -> None:
    lines = st.text("ab", max_size=30).map(lambda text: text.encode() + b"\n")
    try_drawn(
        search,
        lines.map(lambda line: single([line])),
        examples=40,
        seed=seed,
        until=until,
    )


def test_drawn_plans_follow_the_seed(subject: Subject) -> None:
    """The same seed draws the same plans; another seed others."""
    runs = []
    for seed in (1, 1, 2):
        search, executor = _search(subject, lambda _: None, [])
        _drawn(search, seed)
        runs.append([plan for plan, _ in executor.executed])
    assert runs[0] == runs[1] != runs[2]


def test_drawn_failures_are_shrunk(subject: Subject) -> None:
    """The smallest failing plan that was seen is kept."""

    def fails(plan: Plan) -> FailureKind | None:
        return FailureKind.END if plan.requests[0][0].count(b"b") >= 2 else None

    search, _ = _search(subject, fails, [])
    _drawn(search, 1)
    assert search.tried.best is not None
    assert search.tried.best.plan.requests == ((b"bb\n",),)


def test_a_server_that_changes_its_mind_is_no_error(subject: Subject) -> None:
    """Hypothesis calls it flaky; the search keeps what it has seen."""
    calls = [0]

    def once(_: Plan) -> FailureKind | None:
        calls[0] += 1
        return FailureKind.END if calls[0] == 5 else None

    search, _ = _search(subject, once, [])
    _drawn(search, 1)
    assert search.tried.best is not None


def test_a_rule_judges_what_went_well(subject: Subject) -> None:
    """A requirement's own rule is asked after the oracle."""
    broken = Failure(
        kind=FailureKind.RULE, connection=0, action=0, message="m", expected="e", actual="a"
    )
    ruled = replace(_requirement(CUTS), judge=lambda *_: broken)
    search = Search(cast(Executor, Played(lambda _: None)), subject, ruled)
    failing = search.run(CUTS[0])
    assert failing is not None
    assert (failing.failure, failing.signature.rule) == (broken, "T-EST")


def test_confirming_takes_a_second_at_least(subject: Subject) -> None:
    """A minimum is run again with more time than shrinking gives, within the limit."""
    search, executor = _search(subject, lambda _: None, [])
    assert search.confirmation_timeout_s() == 1.0
    executor.shrink_timeout_s = 2.0
    assert search.confirmation_timeout_s() == 2.0


class _Known:
    """A server whose every silence is known."""

    silence = is_anything = True

    def __init__(self) -> None:
        self.by_signature: list[bool] = []

    def explains(self, search: Search, failing: Failing, *, by_signature: bool) -> bool:
        """Explain silence."""
        del search
        self.by_signature.append(by_signature)
        return failing.failure.kind is FailureKind.SILENCE


def test_what_is_known_is_not_looked_for_again(subject: Subject) -> None:
    """A known silence is waited for briefly, and after some times told by its signature alone."""
    subject = replace(subject, depth=replace(subject.depth, silences=9))
    known = _Known()
    executor = Played(lambda _: FailureKind.SILENCE)
    search = Search(cast(Executor, executor), subject, _requirement(CUTS), known)
    try_certain(search, _requirement(CUTS), subject, FOREVER)
    assert search.tried.best is None
    assert search.tried.explained == 4
    assert [timeout for _, timeout in executor.executed] == [0.05] * 4
    assert known.by_signature == [False, True, True, True]


def test_a_known_silence_is_met_often_enough(subject: Subject) -> None:
    """Each costs a wait: after as many as the depth allows the rest of the plans are left out."""
    subject = replace(subject, depth=replace(subject.depth, silences=6))
    executor = Played(lambda _: FailureKind.SILENCE)
    search = Search(cast(Executor, executor), subject, _requirement(CUTS * 4), _Known())
    try_certain(search, _requirement(CUTS * 4), subject, FOREVER)
    assert search.tried.explained == len(executor.executed) == 6


def test_what_is_too_slow_for_a_glance_has_all_its_time(subject: Subject) -> None:
    """Beside a known silence a plan is judged as ever where haste alone left it without an end."""
    executor = Played(lambda _: FailureKind.TOO_SLOW if len(executor.executed) == 1 else None)
    search = Search(cast(Executor, executor), subject, _requirement(CUTS), _Known())
    assert search.attempt(CUTS[0]) is None
    assert (search.tried.plans, search.tried.too_slow_plans) == (1, 0)
    assert [timeout for _, timeout in executor.executed] == [0.05, None]


def test_what_is_not_known_is_waited_for_a_little_longer(subject: Subject) -> None:
    """What fails at a glance and is not explained must fail with the time that shrinking gives."""
    executor = Played(lambda _: FailureKind.END)
    search = Search(cast(Executor, executor), subject, _requirement(CUTS), _Known())
    assert search.attempt(CUTS[0]) is not None
    assert search.is_hasty
    assert [timeout for _, timeout in executor.executed] == [0.05, executor.shrink_timeout_s]


def test_what_a_slow_server_cannot_answer_in_time_is_left_out(subject: Subject) -> None:
    """A plan of many requests is not begun where each takes long."""
    slow = replace(subject, request_s=subject.depth.requirement_s / 10)
    search, _ = _search(slow, lambda _: None, [])
    assert search.can_afford(single([b"a\n"] * 10))
    assert not search.can_afford(single([b"a\n"] * 11))
    assert search.tried.unaffordable == 1


def test_a_cut_of_the_opening_is_on_no_map(subject: Subject) -> None:
    """Its offset is one of the opening, which the map of the requests does not show."""
    steps = (Open(0, by_hand=True), SendOpening(0, 3), Send(0, 5), Await(0))
    plans = [Plan(((b"abcd\n",),), steps)]
    assert plans[0].cuts == 1
    search, _ = _search(subject, lambda _: None, plans)
    try_certain(search, _requirement(plans), subject, FOREVER)
    assert search.tried.single_cuts == {}
