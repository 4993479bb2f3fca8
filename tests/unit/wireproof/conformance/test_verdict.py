import msgspec
import pytest

from tests.support import played
from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.execution.failure import Failure, FailureKind, Owed, Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.explore import Tried
from wireproof.conformance.search.pursuit import Finding
from wireproof.conformance.verdict import searched
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
from wireproof.results import Level, Verdict

BY_ID = {one.id: one for one in GENERIC}
MUST, SHOULD = BY_ID["SEG-SINGLE"], BY_ID["IDLE-RESUME"]


def _finding(requirement: Requirement, failed: int, **what: object) -> Finding:
    _, failing = played.failing(lambda _: Seen.NOTHING, single([b"a"]), played.subject())
    failure: Failure = msgspec.structs.replace(failing.failure, **what)
    failing = type(failing)(failing.plan, failing.outcome, failure, failing.signature)
    return Finding(requirement, failing, failed, 5, "when it is cut")


@pytest.mark.parametrize(
    ("requirement", "failed", "verdict"),
    [
        (MUST, 5, Verdict.FAIL),
        (MUST, 2, Verdict.FLAKY),
        (MUST, 0, Verdict.INCONCLUSIVE),
        (SHOULD, 5, Verdict.NON_STRICT),
        (SHOULD, 2, Verdict.NON_STRICT),
        (SHOULD, 0, Verdict.PASS),
    ],
)
def test_how_often_and_how_binding(requirement: Requirement, failed: int, verdict: Verdict) -> None:
    """A SHOULD never leaves a check undecided; what never came again is no finding."""
    finding = _finding(requirement, failed)
    line = searched(requirement, played.subject(), Tried(), 0.1, finding=finding).result
    assert line.verdict is verdict
    again = "" if failed == 5 else f"; again {failed} of 5"
    once = verdict is Verdict.PASS
    message = f"nothing came, when it is cut{again}"
    assert line.message == ("failed once, and not again in 5 runs" if once else message)


def test_a_dead_server_fails_whatever_the_level() -> None:
    """Nobody need meet a SHOULD, but nobody may die of it."""
    finding = _finding(SHOULD, 5, kind=FailureKind.DIED)
    line = searched(SHOULD, played.subject(), Tried(), 0.1, finding=finding).result
    assert line.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("protocol", "owed", "level", "verdict"),
    [
        (TimestampEcho(), Owed.REPLY, Level.MUST, Verdict.FAIL),
        (TimestampEcho(), Owed.END, Level.MUST, Verdict.FAIL),
        (TimestampEcho(), Owed.NOTHING, Level.SHOULD, Verdict.NON_STRICT),
        (Echo(), Owed.REPLY, Level.SHOULD, Verdict.NON_STRICT),
        (Echo(), Owed.NOTHING, Level.SHOULD, Verdict.NON_STRICT),
    ],
)
def test_a_lost_reply_is_worse_than_surplus_behind_the_end(
    protocol: Echo | TimestampEcho, owed: Owed, level: Level, verdict: Verdict
) -> None:
    """Where the protocol declares half-close, the reply to what came before the end must come."""
    half_close = BY_ID["CLOSE-HALF"]
    finding = _finding(half_close, 5, owed=owed)
    line = searched(half_close, played.subject(protocol), Tried(), 0.1, finding=finding).result
    assert (line.level, line.verdict) == (level, verdict)


def test_what_was_not_found() -> None:
    """PASS, or INCONCLUSIVE with the reason."""
    assert searched(MUST, played.subject(), Tried(), 0.1).result.verdict is Verdict.PASS
    line = searched(MUST, played.subject(), Tried(), 0.1, "time ran out").result
    assert (line.verdict, line.message) == (Verdict.INCONCLUSIVE, "time ran out")
