"""Whether the server still serves: a death is told from a conversation that failed."""

import errno
import os
import select
from contextlib import suppress
from dataclasses import dataclass

from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.plans.plan import Plan
from wireproof.wire.started_server import StartedServer
from wireproof.words import printable

_REVIVAL_TIMEOUT_S = 0.5
_LOOKS_AT_A_DEAD_SERVER = 4
_ASKS_BEFORE_HUNG = 3
_DYING_S = 0.5
_NOT_FROM_THE_HOST = {
    "no answer in time",
    *map(os.strerror, (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN)),
}
"""Ends of a connect that no packet of the host's has caused."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A server that does not serve any more.

    Attributes:
        kind: `DIED` or `STOPPED_SERVING`; `NO_CONNECTION` where its host is out of reach, which
            is no fault that we have seen; else the complaint's, of a server that never answered.
        how: what is known of the end, such as "exit status 1"; may be empty.
        complaint: what became of the plain request that showed it.

    """

    kind: FailureKind
    how: str
    complaint: Failure

    def __str__(self) -> str:
        if self.kind is FailureKind.NO_CONNECTION:
            return f"the server's host cannot be reached any more: {self.complaint.actual}"
        if not self.kind.is_death:
            return f"no plain request gets a right answer: {self.complaint.message}"
        return f"the server {self.kind}" + (f" ({self.how})" if self.how else "")


class Liveness:
    """Asks plainly, and starts the server again where that is ours to do.

    Attributes:
        gone: how the server ended, until it serves again.
        plain: the plan of the plain exchange.
        has_served: whether it was ever answered.

    """

    def __init__(self, executor: Executor, plain: Plan, server: StartedServer | None) -> None:
        """Ask with the plan `plain`; `server` is the process, where we have started it."""
        self.gone: Gone | None = None
        self.plain = plain
        self._executor = executor
        self._server = server
        self.has_served = False
        self._looks_left = _LOOKS_AT_A_DEAD_SERVER

    def settle(self, plain: Plan) -> None:
        """Ask with `plain` from now on, and see whether it is answered at all."""
        self.plain = plain
        self.has_served = self._executor.execute_plain(plain) is None

    @property
    def is_dead(self) -> bool:
        """Whether it has served, and does not any more."""
        return self.gone is not None and self.gone.kind.is_death

    @property
    def restarts(self) -> bool:
        """Whether a server that is gone can be started again."""
        return self._server is not None

    def look(self, timeout_s: float | None = None, asks: int = _ASKS_BEFORE_HUNG) -> Gone | None:
        """Ask plainly; return how the server is gone, if no right answer comes.

        Args:
            timeout_s: how long each answer may take; by default the executor's limit.
            asks: how often a server is asked that is there and does not answer: it may be busy
                with what it was sent before. One that has never answered is asked once.

        """
        complaint = self._executor.execute_plain(self.plain, timeout_s)
        for _ in range(asks - 1 if self.has_served else 0):
            if complaint is None or self._has_ended(complaint):
                break
            complaint = self._executor.execute_plain(self.plain, timeout_s)
        self.has_served |= complaint is None
        self.gone = None if complaint is None else self._gone(complaint)
        return self.gone

    def revive(self) -> bool:
        """Start the server again, or ask a few times more, then no longer; say whether it serves.

        Raises:
            CannotRunError: the user's command does not start it any more.

        """
        if self._server is not None:
            self._server.restart()
            self.gone = None
            return True
        self._looks_left -= 1
        if self._looks_left < 0 or self._executor.execute_plain(self.plain, _REVIVAL_TIMEOUT_S):
            return False
        self.gone = None
        return True

    def _gone(self, complaint: Failure) -> Gone:
        refused = complaint.kind is FailureKind.NO_CONNECTION
        elsewhere = not self._executor.target.is_loopback
        if refused and elsewhere and complaint.actual in _NOT_FROM_THE_HOST:
            return Gone(FailureKind.NO_CONNECTION, "", complaint)
        how = self._end_of_process(_DYING_S)
        if how:
            return Gone(FailureKind.DIED, how, complaint)
        if refused:
            return Gone(FailureKind.DIED, complaint.actual, complaint)
        kind = FailureKind.STOPPED_SERVING if self.has_served else complaint.kind
        return Gone(kind, "", complaint)

    def _has_ended(self, complaint: Failure) -> bool:
        if complaint.kind is FailureKind.NO_CONNECTION:
            return True
        dying_s = 0.0 if complaint.kind is FailureKind.SILENCE else _DYING_S
        return bool(self._end_of_process(dying_s))

    def _end_of_process(self, dying_s: float) -> str:
        """Return how the process ended, and its last lines; empty while it runs.

        A process that is about to end, and writes its core, is given `dying_s`.
        """
        if self._server is None:
            return ""
        with suppress(ProcessLookupError):
            ended = os.pidfd_open(self._server.pid)
            try:
                select.select([ended], [], [], dying_s)
            finally:
                os.close(ended)
        death = self._server.death
        if death is None:
            return ""
        last = "".join(f"; last log line: {printable(line, 160)}" for line in death.last_lines[-1:])
        return death.how + last
