"""An executor whose server is a function of the plan, and a subject that nobody connects to."""

from collections.abc import Callable
from typing import cast

from tests.support.servers import Shout
from wireproof.conformance.execution.executor import Executor, Outcome
from wireproof.conformance.execution.failure import Failure, FailureKind, Owed, Phase, Seen
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.runner import Runner
from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.subject import DEPTHS, Subject
from wireproof.protocols.base import Protocol
from wireproof.protocols.built_in.echo import Echo
from wireproof.results import Delivery, Level
from wireproof.target import parse_target, resolve
from wireproof.wire.transcript import Transcript

Judge = Callable[[Plan], Seen | None]
"""What is seen in place of a right reply; None where all is right."""


def failure(seen: Seen = Seen.NOTHING, phase: Phase = Phase.TALKING, action: int = 0) -> Failure:
    """Return a failure on connection 0."""
    return Failure(
        kind=FailureKind.SILENCE if seen is Seen.NOTHING else FailureKind.WRONG_REPLY,
        connection=0,
        action=action,
        message=f"{seen} came",
        expected="e",
        actual="a",
        phase=phase,
        owed=Owed.REPLY,
        seen=seen,
    )


class PlayedServer:
    """Fails as its judge says."""

    timeout_s = 5.0
    shrink_timeout_s = 0.25
    glance_timeout_s = 0.05

    def __init__(self, judge: Judge) -> None:
        """Begin with nothing executed."""
        self.judge = judge
        self.executed: list[tuple[Plan, float | None]] = []

    def execute(self, plan: Plan, timeout_s: float | None = None) -> Outcome:
        """Pretend."""
        self.executed.append((plan, timeout_s))
        seen = self.judge(plan)
        return Outcome(seen and failure(seen), Delivery.CONFIRMED, Transcript(), ())


def subject(protocol: Protocol | None = None) -> Subject:
    """Return a subject that nobody connects to: an echo, or what is given."""
    target = resolve(parse_target("tcp://127.0.0.1:7"))[0]
    return Runner(target, protocol or Echo(), DEPTHS["quick"], seed=1, diag=None).subject


def lines() -> Subject:
    """Return a subject whose requests are lines, not any bytes."""
    return subject(Shout())


def search(judge: Judge, of: Subject) -> tuple[Search, PlayedServer]:
    """Return a search on a played server, for a requirement without plans of its own."""
    server = PlayedServer(judge)
    requirement = Requirement("T-EST", Level.MUST, "It holds.", "s", "r", lambda _: iter(()))
    return Search(cast(Executor, server), of, requirement), server


def failing(judge: Judge, plan: Plan, of: Subject) -> tuple[Search, Failing]:
    """Return a search, and a plan that fails in it."""
    looking, _ = search(judge, of)
    found = looking.run(plan)
    assert found is not None
    return looking, found
