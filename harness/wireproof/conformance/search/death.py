"""Which conversation ends the server: found among the last ones, and made smaller.

What ends a server need not have failed itself: a reset in the middle of a request goes well, and
the next connect is refused. So the last conversations are suspected in turn, each alone against a
server that has just been started. Where we cannot start it, the suspicion is all there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from wireproof.conformance.execution.executor import Executor, Held, Outcome
from wireproof.conformance.execution.failure import Failure, FailureKind, Owed, Phase, Seen
from wireproof.conformance.liveness import Gone, Liveness
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.plans.reduce import reduce
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.explain import explain
from wireproof.conformance.search.explore import Failing
from wireproof.conformance.search.pursuit import Finding
from wireproof.conformance.search.signature import signature_of
from wireproof.conformance.subject import Subject
from wireproof.deadline import Deadline
from wireproof.results import Delivery

_STEPS_BACK = 2


@dataclass(frozen=True, slots=True)
class End:
    """The conversation that ended the server, how it did, and what was seen."""

    plan: Plan
    gone: Gone
    outcome: Outcome


class DeathHunt:
    """Finds the smallest conversation after which the server serves nobody.

    A way to end that is known is confirmed, not hunted for anew.
    """

    def __init__(self, executor: Executor, subject: Subject, liveness: Liveness) -> None:
        """Hunt with what is known of the subject before anything is tried."""
        self._executor = executor
        self._subject = subject
        self._liveness = liveness
        self._known: list[End] = []

    def finding(
        self, requirement: Requirement, gone: Gone, suspects: Sequence[Held], seconds: float
    ) -> Finding:
        """Return what ended the server; where it can be started, as small as `seconds` allow.

        A server that can be started serves again afterwards.

        Args:
            requirement: during which it ended.
            gone: how.
            suspects: the last conversations, the latest last.
            seconds: for making the conversation smaller.

        Raises:
            CannotRunError: the user's command does not start the server any more.

        """
        latest, outcome = suspects[-1]
        seen = End(latest, gone, outcome)
        if not self._liveness.restarts:
            return self._found(requirement, seen, failed=1, runs=1)
        guilty = next((e for plan, _ in reversed(suspects) if (e := self._end(plan, gone))), None)
        if guilty is None:
            failed, runs = 0, len(suspects)
        else:
            known = next((end for end in self._known if end.gone.how == guilty.gone.how), None)
            steps = [known] if known else self._reduced(guilty, Deadline(seconds))
            seen, failed = self._most_certain(steps)
            runs = self._subject.depth.confirmations
            if known is None:
                self._known.append(seen)
        self._liveness.revive()
        return self._found(requirement, seen, failed=failed, runs=runs)

    def _reduced(self, guilty: End, until: Deadline) -> list[End]:
        """Return ends by ever smaller conversations, the smallest last."""
        steps = [guilty]

        def ends(plan: Plan) -> bool:
            end = self._end(plan, guilty.gone) if self._subject.allows(plan) else None
            steps.extend(filter(None, [end]))
            return end is not None

        reduce(guilty.plan, ends, self._subject.smaller_requests, lambda: until.expired)
        return steps

    def _most_certain(self, steps: Sequence[End]) -> tuple[End, int]:
        """Return the smallest conversation that ends the server most often, and how often.

        What a server meets may be a matter of chance: a reset may come before it has accepted.
        """
        runs = self._subject.depth.confirmations
        best, most = steps[-1], -1
        for step in (*steps[: -2 - _STEPS_BACK : -1], steps[0]):
            again = [end for _ in range(runs) if (end := self._end(step.plan, step.gone))]
            if len(again) > most:
                best, most = again[-1] if again else step, len(again)
            if most == runs:
                break
        return best, most

    def _end(self, plan: Plan, wanted: Gone) -> End | None:
        """Hold one conversation with a server that serves; return how it ended, if it did."""
        if self._liveness.gone is not None:
            self._liveness.revive()
        timeout_s = self._executor.shrink_timeout_s
        outcome = self._executor.execute(then_plain(plan, self._liveness.plain), timeout_s)
        gone = self._liveness.look(timeout_s, asks=1)
        if gone is None or gone.kind is not wanted.kind:
            return None
        return End(plan, gone, outcome)

    def _found(self, requirement: Requirement, end: End, *, failed: int, runs: int) -> Finding:
        plan = end.plan
        failure = Failure(
            kind=end.gone.kind,
            connection=len(plan.requests),
            action=len(plan.actions),
            message=str(end.gone),
            expected="an answer to a plain request on a new connection",
            actual=end.gone.complaint.actual,
            phase=Phase.OVER,
            owed=Owed.REPLY,
            seen=Seen.NOTHING,
        )
        whole = then_plain(plan, self._liveness.plain)
        failing = Failing(
            whole, replace(end.outcome, failure=failure), failure, signature_of(whole, failure)
        )
        return Finding(requirement, failing, failed, runs, explain(plan, {}, Phase.OVER))


def has_reached(outcome: Outcome) -> bool:
    """Say whether the server has had anything of a conversation; one refused at once ended nothing.

    One whose second connection was refused may well have ended the server by its first. But one
    that got no byte, and of which none was read, met a server that served nobody before.
    """
    failure, events = outcome.failure, outcome.transcript.events
    if failure is None:
        return True
    if failure.kind is FailureKind.NO_CONNECTION:
        return failure.action > 0
    if failure.kind is not FailureKind.SILENCE or any(one.kind == "receive" for one in events):
        return True
    was_read = outcome.delivery is not Delivery.HELD
    return was_read and any(one.kind == "send" for one in events)


def then_plain(plan: Plan, plain: Plan) -> Plan:
    """Return `plan`, and then the plain exchange on a connection that is opened for it."""
    number = len(plan.requests)
    asked = (msgspec.structs.replace(action, connection=number) for action in plain.actions)
    return Plan((*plan.requests, *plain.requests), (*plan.actions, *asked))
