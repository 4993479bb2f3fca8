"""Whether the server still answers a plain request: what died is told from what failed."""

import errno
import os

from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.plans.plan import Plan

_REVIVAL_TIMEOUT_S = 0.5
_LOOKS_AT_A_DEAD_SERVER = 4
_NOT_FROM_THE_HOST = {
    "no answer in time",
    *map(os.strerror, (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN)),
}
"""Ends of a connect that no packet of the host's has caused."""


class Liveness:
    """Asks plainly between requirements, and remembers since when no right answer comes.

    Attributes:
        dead_since: the requirement after which none came any more; empty while they come.

    """

    def __init__(self, executor: Executor, plain: Plan) -> None:
        """Ask with the plan `plain`."""
        self.dead_since = ""
        self._executor = executor
        self._plain = plain
        self._looks_left = _LOOKS_AT_A_DEAD_SERVER

    def complaint_after(self, requirement: str) -> Failure | None:
        """Ask, and return what is wrong with the answer, if anything is."""
        complaint = self._executor.execute_plain(self._plain)
        if complaint is not None:
            self.dead_since = requirement
        return complaint

    def revived(self) -> bool:
        """Ask a dead server a few times more, then no longer."""
        self._looks_left -= 1
        if self._looks_left < 0:
            return False
        if self._executor.execute_plain(self._plain, _REVIVAL_TIMEOUT_S) is not None:
            return False
        self.dead_since = ""
        return True


def is_out_of_reach(complaint: Failure, executor: Executor) -> bool:
    """Whether nothing came back at all: a host would refuse for a server that has died."""
    return (
        not executor.target.is_loopback
        and complaint.kind is FailureKind.NO_CONNECTION
        and complaint.actual in _NOT_FROM_THE_HOST
    )
