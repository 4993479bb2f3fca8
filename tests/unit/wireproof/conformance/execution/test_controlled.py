"""No alarm without controls: a table of what plans and controls do, and what is made of it."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import repeat

import msgspec
import pytest

from tests.support.learnt_scripts import constant, scripts
from tests.support.played import failure
from wireproof.conformance.execution.controlled import ControlledExecutor, executor_for, run_reset
from wireproof.conformance.execution.executor import Executor, Outcome
from wireproof.conformance.execution.failure import FailureKind, Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Look, Plan, Rounds, Way
from wireproof.errors import CannotRunError
from wireproof.learnt.any_order import AnyOrderOracle
from wireproof.learnt.interim import InterimOracle
from wireproof.learnt.protocol import LearntProtocol
from wireproof.protocols.built_in.echo import Echo
from wireproof.results import Delivery
from wireproof.target import parse_target, resolve
from wireproof.wire.transcript import Transcript

TARGET = resolve(parse_target("tcp://127.0.0.1:7"))[0]
CUT = single([b"ab\n"], [1])
F, H = True, False


def _protocol() -> LearntProtocol:
    return LearntProtocol(scripts(constant((b"ab\n", b"ok\n"))), lambda: 0.0)


class Played(ControlledExecutor):
    """Fails as two series say: one for plans with cuts, one for those without."""

    def __init__(
        self, plans: Iterable[bool], controls: Iterable[bool], seen: Seen = Seen.OTHER
    ) -> None:
        super().__init__(TARGET, _protocol(), None)
        self.held: list[Plan] = []
        self._fate = {True: iter(plans), False: iter(controls)}
        self._shown = seen

    def _execute(self, plan: Plan, timeout_s: float | None) -> Outcome:
        del timeout_s
        self.held.append(plan)
        failed = next(self._fate[plan.cuts > 0])
        found = failure(self._shown) if failed else None
        return Outcome(found, Delivery.CONFIRMED, Transcript(), ())


@pytest.mark.parametrize(
    ("plans", "controls", "said"),
    [
        pytest.param([H], [], None, id="a plan that holds needs no control"),
        pytest.param([F, F], [H, H], FailureKind.WRONG_REPLY, id="two controls and a repeat"),
        pytest.param([F, F], [F, H, H], FailureKind.WRONG_REPLY, id="upset by the plan"),
        pytest.param([F], [F, F], FailureKind.UNJUDGED, id="the control fails too"),
        pytest.param([F], [H, F], FailureKind.UNJUDGED, id="the second control fails"),
        pytest.param([F, H, *[H] * 20], repeat(H), FailureKind.UNJUDGED, id="once only"),
        pytest.param([F, H, *[F, H] * 10], repeat(H), FailureKind.WRONG_REPLY, id="now and then"),
        pytest.param([F, H, *[F, H] * 10], [H, H, *[H] * 7, F], FailureKind.UNJUDGED, id="wavers"),
        pytest.param([F, H, F, F, *[H] * 18], repeat(H), FailureKind.UNJUDGED, id="too seldom"),
    ],
)
def test_an_alarm_counts_beside_controls(
    plans: list[bool], controls: Iterable[bool], said: FailureKind | None
) -> None:
    """And only then."""
    found = Played(plans, controls).execute(CUT).failure
    assert (found.kind if found else None) == said


@pytest.mark.parametrize("ends", [True, False])
def test_a_reply_that_only_a_pause_ends_is_not_judged_beside_the_next(
    monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    """Of requests sent at once nobody knows where it ends; one by one it is judged."""
    monkeypatch.setattr(LearntProtocol, "ends_itself", lambda *_: ends)
    at_once, in_turn = (single([b"ab\n"] * 2, [1], lock_step=one) for one in (False, True))
    for plan, is_judged in ((at_once, ends), (in_turn, True)):
        found = Played(repeat(F), repeat(H)).execute(plan).failure
        assert found is not None
        assert (found.kind is not FailureKind.UNJUDGED) == is_judged


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (FailureKind.WRONG_REPLY, FailureKind.UNJUDGED),
        (FailureKind.END, FailureKind.UNJUDGED),
        (FailureKind.RULE, FailureKind.RULE),
    ],
)
def test_where_connections_come_and_go_what_they_leave_is_judged(
    kind: FailureKind, said: FailureKind
) -> None:
    """A reply may tell of those before, as a broker's does that passes on what they said."""

    class Rounded(Played):
        def _execute(self, plan: Plan, timeout_s: float | None) -> Outcome:
            outcome = super()._execute(plan, timeout_s)
            if outcome.failure is None:
                return outcome
            return replace(outcome, failure=msgspec.structs.replace(outcome.failure, kind=kind))

    rounds = Rounds(0, (Way.CLOSE,), 8, 4, Look.DESCRIPTORS)
    plan = Plan(((b"ab\n",),), (rounds, *CUT.actions))
    found = Rounded([F, F], repeat(H)).execute(plan).failure
    assert found is not None
    assert found.kind is said


def test_what_was_just_controlled_needs_one_control() -> None:
    """Making a plan smaller would take for ever."""
    executor = Played([F, F, F], [H, H, H])
    executor.execute(CUT)
    executor.execute(CUT)
    assert sum(plan.cuts == 0 for plan in executor.held) == 3


A, B, C = b"a\n", b"b\n", b"c\n"


class Ordered(ControlledExecutor):
    """A server that answers `swapped` in another order than asked, and answers all else wrongly."""

    def __init__(self, swapped: set[tuple[bytes, ...]], wrong: set[tuple[bytes, ...]]) -> None:
        lines = constant((A, b"1\n"), (B, b"2\n"), (C, b"3\n"))
        self.protocol_ = LearntProtocol(scripts(lines, independent=(A, B, C)), lambda: 0.0)
        super().__init__(TARGET, self.protocol_, None)
        self._swapped, self._wrong = swapped, wrong
        self.open_order = 0

    def _execute(self, plan: Plan, timeout_s: float | None) -> Outcome:
        del timeout_s
        takes_any = isinstance(self.protocol_.oracle(), AnyOrderOracle)
        self.open_order += takes_any
        said = plan.requests[0]
        fails = said in self._wrong or (said in self._swapped and not takes_any)
        found = failure(Seen.OTHER) if fails and plan.pipelines else None
        return Outcome(found, Delivery.CONFIRMED, Transcript(), ())


@pytest.mark.parametrize(
    ("said", "swapped", "wrong", "seen"),
    [
        pytest.param((A, B), {(A, B)}, set(), Seen.ORDER, id="two the other way round"),
        pytest.param((A, B), set(), {(A, B)}, Seen.OTHER, id="wrong in any order"),
        pytest.param((A, B, C), {(A, B)}, {(A, B, C)}, Seen.ORDER, id="and so something else"),
        pytest.param((A, A), {(A, B)}, {(A, A)}, Seen.OTHER, id="the same twice has no order"),
    ],
)
def test_who_may_answer_in_another_order_is_judged_by_what_has_none(
    said: tuple[bytes, ...],
    swapped: set[tuple[bytes, ...]],
    wrong: set[tuple[bytes, ...]],
    seen: Seen,
) -> None:
    """Whether a server takes the second of two requests first is found out by two alone."""
    found = Ordered(swapped, wrong).execute(single(said)).failure
    assert found is not None
    assert found.seen is seen


def test_what_was_wrong_before_hides_no_order() -> None:
    """A message that came too late is wrong however the replies are turned; later ones are not."""
    executor = Ordered({(B, C)}, {(A, B)})
    first = executor.execute(single([A, B])).failure
    later = executor.execute(single([B, C])).failure
    assert first is not None
    assert later is not None
    assert (first.seen, later.seen) == (Seen.OTHER, Seen.ORDER)


def test_an_order_is_looked_for_a_few_times_only() -> None:
    """Making a plan smaller would take for ever."""
    executor = Ordered(set(), {(A, B)})
    for cut in (1, 2, 3, 1, 2, 3, 1):
        executor.execute(single([A, B], [cut]))
    assert executor.open_order == 3


@pytest.mark.parametrize(("expects", "seen"), [(True, None), (False, Seen.OTHER)])
def test_an_interim_reply_may_be_left_out(expects: bool, seen: Seen | None) -> None:
    """Where a request waits for one: whether the content is there already is what cuts change."""
    put = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n" if expects else b"PUT /\r\n"

    class Hasty(ControlledExecutor):
        def _execute(self, plan: Plan, timeout_s: float | None) -> Outcome:
            del timeout_s
            is_lenient = isinstance(protocol.oracle(), InterimOracle)
            found = failure(Seen.OTHER) if plan.cuts and not is_lenient else None
            return Outcome(found, Delivery.CONFIRMED, Transcript(), ())

    protocol = LearntProtocol(scripts(constant((put, b"ok\n"))), lambda: 0.0)
    found = Hasty(TARGET, protocol, None).execute(single([put], [1])).failure
    assert (found.seen if found else None) is seen


def test_now_and_then_is_tried_a_few_times_only() -> None:
    """A server that wavers is known by then."""
    executor = Played(repeat(H), repeat(H))
    assert all(executor.holds_in_pairs(CUT) for _ in range(9))
    assert len(executor.held) == 4 * 40


@pytest.mark.parametrize(("seen", "lives"), [(Seen.OTHER, True), (Seen.NOTHING, False)])
def test_any_reply_shows_that_a_server_lives(seen: Seen, lives: bool) -> None:
    """What it says may have changed since it was learnt; silence is none."""
    executor = Played([], [F], seen)
    assert (executor.execute_plain(single([b"ab\n"])) is None) is lives


@pytest.mark.parametrize(("protocol", "kind"), [(_protocol, ControlledExecutor), (Echo, Executor)])
def test_who_is_right_by_definition_needs_no_control(
    protocol: Callable[[], Echo | LearntProtocol], kind: type
) -> None:
    """Only what was learnt does."""
    assert type(executor_for(TARGET, protocol(), None)) is kind


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["/nonexistent/reset"], "cannot run"),
        ([sys.executable, "-c", "import sys; sys.exit('no server')"], "exits 1: no server"),
    ],
)
def test_a_reset_that_does_not_work_is_told(command: list[str], told: str) -> None:
    """In a line, with what it said last."""
    with pytest.raises(CannotRunError, match=told):
        run_reset(command)
