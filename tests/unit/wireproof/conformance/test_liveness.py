"""A server that is gone is told from one that failed, and from one that nobody can reach."""

import os
from errno import EHOSTUNREACH
from typing import cast

import pytest

from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.liveness import Liveness
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.target import Target, parse_target, resolve
from wireproof.wire.started_server import Death, StartedServer

PLAIN = single([b"a\n"])
HERE = resolve(parse_target("tcp://127.0.0.1:7"))[0]


class Played:
    """An executor whose server is alive as long as the test says."""

    def __init__(self, target: Target = HERE) -> None:
        self.kind: FailureKind | None = None
        self.actual = "connection refused"
        self.asked = 0
        self.target = target

    def execute_plain(self, plan: Plan, timeout_s: float | None = None) -> Failure | None:
        """Pretend."""
        del timeout_s
        assert plan == PLAIN
        self.asked += 1
        return self.kind and Failure(
            kind=self.kind, connection=0, action=0, message="m", expected="e", actual=self.actual
        )


class Process:
    """A server of ours that has ended, or has not."""

    pid = 2**22 + 1  # no process has it

    def __init__(self, death: Death | None) -> None:
        self.death = death
        self.restarts = 0

    def restart(self) -> None:
        """Count."""
        self.restarts += 1
        self.death = None


def _liveness(executor: Played, process: Process | None = None) -> Liveness:
    server = cast("StartedServer | None", process)
    liveness = Liveness(cast(Executor, executor), PLAIN, server)
    liveness.settle(PLAIN)
    return liveness


def test_a_server_that_refuses_has_died_and_may_come_back() -> None:
    """It is gone until it answers again."""
    executor = Played()
    liveness = _liveness(executor)
    assert liveness.look() is None
    executor.kind = FailureKind.NO_CONNECTION
    gone = liveness.look()
    assert gone is not None
    assert str(gone) == "the server died (connection refused)"
    assert not liveness.revive()
    assert liveness.gone
    executor.kind = None
    assert liveness.revive()
    assert liveness.gone is None


def test_a_dead_server_is_not_asked_for_ever() -> None:
    """A few looks, then no more, though it may come back later."""
    executor = Played()
    liveness = _liveness(executor)
    executor.kind = FailureKind.NO_CONNECTION
    for _ in range(20):
        assert not liveness.revive()
    assert executor.asked < 10
    executor.kind = None
    assert not liveness.revive()


def test_a_silent_server_is_asked_again_before_it_is_called_hung() -> None:
    """It may be busy with what it was sent before."""
    executor = Played()
    liveness = _liveness(executor)
    executor.kind = FailureKind.SILENCE
    executor.asked = 0
    gone = liveness.look()
    assert executor.asked == 3
    assert str(gone) == "the server stopped serving"


def test_a_server_that_never_answered_has_not_stopped() -> None:
    """What is wrong then is the answer, or our request; and it is asked but once."""
    executor = Played()
    executor.kind = FailureKind.SILENCE
    liveness = _liveness(executor)
    executor.asked = 0
    gone = liveness.look()
    assert executor.asked == 1
    assert gone is not None
    assert not gone.kind.is_death
    assert str(gone) == "no plain request gets a right answer: m"


def test_a_server_that_answered_late_has_served() -> None:
    """The first request may have come too early; from its first answer on it serves."""
    executor = Played()
    executor.kind = FailureKind.SILENCE
    liveness = _liveness(executor)
    executor.kind = None
    assert liveness.look() is None
    executor.kind = FailureKind.SILENCE
    assert str(liveness.look()) == "the server stopped serving"


def test_our_own_process_tells_how_it_ended() -> None:
    """Its exit status and its last line, escaped; then it is started again."""
    executor, process = Played(), Process(None)
    liveness = _liveness(executor, process)
    executor.kind = FailureKind.RESET
    process.death = Death("exit status 3", (b"first", b"no \x1b[31mluck"))
    gone = liveness.look()
    assert str(gone) == ("the server died (exit status 3; last log line: b'no \\x1b[31mluck')")
    assert liveness.revive()
    assert (process.restarts, liveness.gone) == (1, None)


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
    executor = Played(resolve(parse_target(f"tcp://{where}:7"), ["192.0.2.1"])[0])
    liveness = _liveness(executor)
    executor.kind, executor.actual = FailureKind.NO_CONNECTION, actual
    gone = liveness.look()
    assert gone is not None
    assert gone.kind.is_death is not out_of_reach
