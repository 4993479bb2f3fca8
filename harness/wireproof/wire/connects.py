"""Non-blocking connects, many at once, each with its time, its retries and its fate."""

import errno
import os
import resource
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.wire.kernel.tcp_info import total_retransmits

NO_ANSWER = "no answer"
"""Cause of a connect that was still waiting when we stopped."""

QUEUE_FULL = "queue full"
"""Cause on Unix sockets alone: a full queue is told at once (unix(7), EAGAIN)."""

CAUSES = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timed out",
    errno.ECONNRESET: "reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EAGAIN: QUEUE_FULL,
    errno.EADDRNOTAVAIL: "own ports exhausted",
    errno.EMFILE: "own descriptors exhausted",
    errno.ENFILE: "own descriptors exhausted",
}

_DESCRIPTORS_TO_SPARE = 64


@dataclass(slots=True)
class Attempt:
    """One connect.

    Attributes:
        connection: its socket; None where none could be made.
        seconds: from the connect to its end; None while it is pending.
        cause: why it failed; empty for one that completed or is pending.
        retries: how often its SYN was sent again; None where the system does not tell.
        started_ns: on the clock of `time.perf_counter_ns`.
        ended_ns: on the same clock.
        half_open: whether it stands for the client alone.

    """

    connection: socket.socket | None
    started_ns: int = 0
    seconds: float | None = None
    cause: str = ""
    retries: int | None = None
    ended_ns: int = 0
    half_open: bool = False

    @property
    def pending(self) -> bool:
        """Whether it is still under way."""
        return self.seconds is None

    @property
    def completed(self) -> bool:
        """Whether the client's side is connected."""
        return self.seconds is not None and not self.cause

    @property
    def retransmitted(self) -> bool:
        """Whether its SYN had to be sent again."""
        return bool(self.retries)


def _new_epoll() -> "select.epoll":
    """Return an epoll of the kernel's, also where a test file has imported Locust.

    That has gevent patch the process, which takes `select.epoll` away.
    """
    if hasattr(select, "epoll"):
        return select.epoll()
    made: select.epoll = sys.modules["gevent.monkey"].get_original("select", "epoll")()
    return made


@dataclass(slots=True)
class Connects:
    """A growing group of connects to one target.

    Attributes:
        target: resolved.
        attempts: in the order in which they were started.

    """

    target: Target
    attempts: list[Attempt] = field(default_factory=list)
    _epoll: "select.epoll" = field(default_factory=_new_epoll)
    _pending: dict[int, Attempt] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close all sockets, in the usual way: a reset would hurt servers that do not expect it."""
        self.close(self.attempts)
        self._epoll.close()

    @property
    def pending(self) -> bool:
        """Whether some connect is still under way."""
        return bool(self._pending)

    def start(self, count: int) -> list[Attempt]:
        """Start connects, all at the same instant: their sockets are made beforehand."""
        fresh = [self._prepare() for _ in range(count)]
        for attempt in fresh:
            self._connect(attempt)
        self.attempts += fresh
        return fresh

    def wait(self, deadline: Deadline) -> None:
        """Wait until some connect ends or the time is over."""
        events = self._epoll.poll(deadline.remaining_s(), max(1, len(self._pending)))
        now_ns = time.perf_counter_ns()
        for descriptor, _ in events:
            attempt = self._pending.pop(descriptor)
            assert attempt.connection is not None
            self._epoll.unregister(descriptor)
            number = attempt.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._end(attempt, number, now_ns)

    def wait_for_all(self, deadline: Deadline) -> None:
        """Wait until no connect is pending, or the time is over."""
        while self._pending and not deadline.expired:
            self.wait(deadline)

    def give_up(self) -> None:
        """End what is pending, as unanswered."""
        now_ns = time.perf_counter_ns()
        for attempt in self._pending.values():
            self._end(attempt, 0, now_ns)
            attempt.cause = NO_ANSWER
        self._pending.clear()

    def take(self) -> list[socket.socket]:
        """Hand all connected sockets over to the caller, who closes them from now on."""
        taken = [one.connection for one in self.attempts if one.completed and one.connection]
        self.attempts = [one for one in self.attempts if not one.completed]
        return taken

    def close(self, attempts: Iterable[Attempt]) -> None:
        """Close the sockets of some connects; those pending are abandoned."""
        for attempt in attempts:
            if attempt.connection is not None:
                self._pending.pop(attempt.connection.fileno(), None)
                attempt.connection.close()

    def _prepare(self) -> Attempt:
        try:
            connection = socket.socket(self.target.family, socket.SOCK_STREAM)
        except OSError as error:
            return Attempt(None, seconds=0.0, cause=_cause(error.errno))
        connection.setblocking(False)
        return Attempt(connection)

    def _connect(self, attempt: Attempt) -> None:
        if attempt.connection is None:
            return
        attempt.started_ns = time.perf_counter_ns()
        number = attempt.connection.connect_ex(self.target.address)
        if number == errno.EINPROGRESS:
            descriptor = attempt.connection.fileno()
            self._pending[descriptor] = attempt
            self._epoll.register(descriptor, select.EPOLLOUT)
        else:
            self._end(attempt, number, time.perf_counter_ns())

    def _end(self, attempt: Attempt, number: int, now_ns: int) -> None:
        assert attempt.connection is not None
        attempt.ended_ns = now_ns
        attempt.seconds = (now_ns - attempt.started_ns) / 1e9
        attempt.cause = _cause(number) if number else ""
        attempt.retries = total_retransmits(attempt.connection)


def require_descriptors(count: int) -> None:
    """Make sure that this process may open so many sockets, as far as its hard limit goes.

    Raises:
        CannotRunError: the hard limit is lower.

    """
    needed = count + _DESCRIPTORS_TO_SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise CannotRunError(
            f"{count} connects need {needed} descriptors, and {hard} is the limit here",
            f"raise it with ulimit -Hn {needed}",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def count_causes(attempts: Iterable[Attempt]) -> dict[str, int]:
    """Return how many failed, by cause, the commonest first."""
    return dict(Counter(one.cause for one in attempts if one.cause).most_common())


def _cause(number: int | None) -> str:
    return CAUSES.get(number or 0) or os.strerror(number or 0)
