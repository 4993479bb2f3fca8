from collections.abc import Callable
from dataclasses import replace
from typing import cast
from unittest import mock

from tests.support import played
from wireproof.conformance.execution.executor import Executor, Outcome
from wireproof.conformance.execution.failure import Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.search.confirmation import Again, held_again
from wireproof.conformance.search.explore import Failing, Search
from wireproof.results import Delivery
from wireproof.wire.transcript import Transcript

PLAN = single([b"ab"], [1])


def _again(turns: list[Seen | None]) -> tuple[Again, mock.Mock]:
    """Hold a plan again with a server that fails by turns; the plain exchanges are counted."""
    subject = played.subject()
    search, failing = played.failing(lambda _: turns.pop(0), PLAN, subject)
    plain = mock.Mock(return_value=None)
    search.executor.execute_plain = plain  # type: ignore[method-assign]
    return held_again(search, subject, failing), plain


def test_what_fails_at_once_is_held_many_times() -> None:
    """Three of three is soon had by chance: the seventh run of this one holds."""
    again, _ = _again([Seen.OTHER] * 7 + [None] + [Seen.OTHER] * 20)
    assert again == Again(6, 7)
    assert not again.is_certain
    assert _again([Seen.OTHER] * 99)[0] == Again(20, 20)


def test_what_holds_at_first_is_held_as_often_as_the_depth_says() -> None:
    """How often of those it fails is told."""
    again, _ = _again([Seen.OTHER, None, Seen.OTHER, Seen.OTHER, None])
    assert again == Again(2, 3)


def test_a_server_that_fails_by_turns_is_met_out_of_step() -> None:
    """With an exchange before every other run, what every second request meets isn't certain."""
    subject = played.subject()
    requests = 0

    def judge(plan: Plan) -> Seen | None:
        nonlocal requests
        odd = requests % 2
        requests += len(plan.requests[0])
        return None if odd else Seen.OTHER

    search, failing = played.failing(judge, single([b"a", b"b"]), subject)

    def plain(*_: object) -> None:
        nonlocal requests
        requests += 1

    search.executor.execute_plain = plain  # type: ignore[method-assign,assignment]
    assert not held_again(search, subject, failing).is_certain


def test_a_silence_is_not_waited_for_more_often_than_need_be(monkeypatch) -> None:  # noqa: ANN001
    """What takes its time is held as often as the depth says, the first time with all the time."""
    subject = replace(played.subject())
    search, failing = played.failing(lambda _: Seen.NOTHING, PLAN, subject)
    search.executor.execute_plain = mock.Mock()  # type: ignore[method-assign]
    clock = iter(range(10_000))
    monkeypatch.setattr(
        "wireproof.conformance.search.confirmation.time.monotonic", lambda: float(next(clock))
    )
    timeouts: list[float | None] = []
    run = Search.run

    def noted(self: Search, plan: Plan, timeout_s: float | None = None) -> Failing | None:
        timeouts.append(timeout_s)
        return run(self, plan, timeout_s)

    monkeypatch.setattr(Search, "run", noted)
    assert held_again(search, subject, failing) == Again(3, 3)
    assert timeouts == [None, 1.0, 1.0]


def test_surer_is_by_share() -> None:
    """Two of three are surer than eleven of twenty."""
    assert Again(2, 3).is_surer_than(Again(11, 20))
    assert not Again(0, 3).is_surer_than(Again(0, 20))


def _beside(
    others: list[Seen | None], first: Seen | None, *, serves: bool = True
) -> tuple[Again, list[float | None]]:
    """Hold a silence again on a server that serves others meanwhile; note the timeouts of all."""
    subject = replace(played.subject(), concurrent=True)
    search, failing = played.failing(lambda _: Seen.NOTHING, PLAN, subject)
    executor = mock.Mock(wraps=search.executor, overlaps=True, timeout_s=5.0, shrink_timeout_s=0.25)
    timeouts: list[float | None] = []

    def outcome(seen: Seen | None) -> Outcome:
        failure = played.failure(seen) if seen else None
        return Outcome(failure, Delivery.CONFIRMED, Transcript(), ())

    def execute(_: Plan, timeout_s: float | None = None) -> Outcome:
        timeouts.append(timeout_s)
        return outcome(others.pop(0))

    def patiently(_: Plan, glance_s: float, meanwhile: Callable[[], None]) -> Outcome:
        timeouts.append(glance_s)
        meanwhile()
        return outcome(first)

    executor.execute, executor.execute_patiently = execute, patiently
    executor.execute_plain = mock.Mock(return_value=None if serves else played.failure())
    search.executor = cast(Executor, executor)
    return held_again(search, subject, failing), timeouts


def test_the_others_are_held_while_the_first_waits() -> None:
    """A silence of three runs takes no longer than the first of them."""
    again, timeouts = _beside([Seen.NOTHING] * 2, Seen.NOTHING)
    assert again == Again(3, 3)
    assert timeouts == [1.0, 1.0, 1.0]


def test_what_holds_beside_the_first_is_held_by_itself() -> None:
    """Be it one of the others or the first: then each is held with nothing beside it."""
    again, timeouts = _beside([None, *[Seen.NOTHING] * 3, None], Seen.NOTHING)
    assert again == Again(2, 3)
    assert timeouts == [1.0, 1.0, 1.0, None, 1.0, 1.0]
    assert _beside([Seen.NOTHING] * 2 + [None] * 3, None)[0] == Again(0, 3)


def test_a_silence_that_keeps_others_from_being_served_is_waited_for_alone() -> None:
    """Nothing is held beside it; its own run counts."""
    again, timeouts = _beside([Seen.NOTHING, Seen.NOTHING, None], Seen.NOTHING, serves=False)
    assert again == Again(3, 4)
    assert timeouts == [1.0, 1.0, 1.0, 1.0]
