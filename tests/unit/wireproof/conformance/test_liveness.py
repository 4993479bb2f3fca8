import os
from errno import EHOSTUNREACH
from typing import cast

import pytest

from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.liveness import Liveness, is_out_of_reach
from wireproof.conformance.plans.plan import Plan, single
from wireproof.target import Target, parse_target, resolve

PLAIN = single([b"a\n"])


def _failure(actual: str, kind: FailureKind = FailureKind.NO_CONNECTION) -> Failure:
    return Failure(kind=kind, connection=0, action=0, message="m", expected="e", actual=actual)


class Played:
    """An executor whose server is alive as long as the test says."""

    def __init__(self, target: Target | None = None) -> None:
        self.alive = True
        self.asked = 0
        self.target = target

    def execute_plain(self, plan: Plan, timeout_s: float | None = None) -> Failure | None:
        """Pretend."""
        del timeout_s
        assert plan == PLAIN
        self.asked += 1
        return None if self.alive else _failure("connection refused")


def test_a_server_that_comes_back_is_alive() -> None:
    """What ended it is remembered until it answers again."""
    executor = Played()
    liveness = Liveness(cast(Executor, executor), PLAIN)
    assert liveness.complaint_after("A") is None
    assert not liveness.dead_since
    executor.alive = False
    assert liveness.complaint_after("B") is not None
    assert liveness.dead_since == "B"
    assert not liveness.revived()
    executor.alive = True
    assert liveness.revived()
    assert not liveness.dead_since


def test_a_dead_server_is_not_asked_for_ever() -> None:
    """A few looks, then no more, though it may come back later."""
    executor = Played()
    executor.alive = False
    liveness = Liveness(cast(Executor, executor), PLAIN)
    for _ in range(20):
        assert not liveness.revived()
    assert executor.asked < 10
    executor.alive = True
    assert not liveness.revived()


@pytest.mark.parametrize(
    ("where", "actual", "out_of_reach"),
    [
        ("192.0.2.1", "no answer in time", True),
        ("192.0.2.1", os.strerror(EHOSTUNREACH), True),
        ("192.0.2.1", "connection refused", False),
        ("127.0.0.1", "no answer in time", False),
    ],
)
def test_a_host_out_of_reach_is_no_dead_server(where: str, actual: str, out_of_reach: bool) -> None:
    """A host refuses for a server that has died; where no packet comes back, nobody knows."""
    target = resolve(parse_target(f"tcp://{where}:7"), ["192.0.2.1"])[0]
    executor = cast(Executor, Played(target))
    assert is_out_of_reach(_failure(actual), executor) is out_of_reach
    silence = _failure(actual, FailureKind.SILENCE)
    assert not is_out_of_reach(silence, executor)
