"""Who has the CPU: this process, others while it would run, and the server where it is here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.wire.kernel.listening import is_ours, sockets_of
from wireproof.wire.kernel.process import ancestors_of, children_of, cpu_s, owners_of, runnable_s

_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_LOOK_EVERY_S = 0.9


@dataclass(frozen=True, slots=True)
class Used:
    """CPU time of a while.

    Attributes:
        cpu_s: of this process.
        waiting_s: in which it was ready to run and had no CPU.
        server_cpu_s: of the server's processes, as far as was looked at; None where they are not
            to be seen.
        server_ready_s: of these, that and how long they were ready to run and had no CPU.

    """

    cpu_s: float
    waiting_s: float
    server_cpu_s: float | None
    server_ready_s: float


class ServerProcesses:
    """The processes that serve a target, with their children."""

    def __init__(self, target: Target) -> None:
        """Find them; there are none where the server is elsewhere, or another user's."""
        self._owners: list[int] = []
        try:
            if target.address and is_ours(target):
                self._owners = owners_of(sockets_of(target))
        except CannotRunError:  # a system without sock_diag
            return

    @property
    def are_seen(self) -> bool:
        """Whether there are any."""
        return bool(self._owners)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._all())

    def cpu_s(self) -> float:
        """Return their CPU time so far."""
        return sum(map(cpu_s, self._all()))

    def ready_s(self) -> float:
        """Return for how long their threads have run, or would have, so far."""
        return sum(map(runnable_s, self._all()))

    def cpus(self) -> frozenset[int]:
        """Return the CPUs that they may run on."""
        found: set[int] = set()
        for pid in self._all():
            try:
                found |= os.sched_getaffinity(pid)
            except OSError:  # gone
                continue
        return frozenset(found)

    def _all(self) -> set[int]:
        found: set[int] = set()
        generation: Iterable[int] = self._owners
        while generation := set(generation) - found:
            found |= generation
            # A server within the process that has started us: we are no part of it.
            ours = {os.getpid(), *ancestors_of(os.getpid())}
            generation = [
                child for pid in generation for child in children_of(pid) if child not in ours
            ]
        return found


class CpuUsage:
    """CPU time since one looked last.

    Attributes:
        cpus: how many CPUs this process and the server may run on, both together; 0 where they
            have none in common, or the server is not to be seen.

    """

    def __init__(self, server: ServerProcesses | None = None) -> None:
        """Start counting now."""
        self._server = server if server is not None and server.are_seen else None
        self._own = self._read()
        self._server_s = self._server_ready_s = self._looked_s = 0.0
        self.cpus = 0
        if self._server is not None:
            self._server_s, self._server_ready_s = self._server.cpu_s(), self._server.ready_s()
            ours, theirs = os.sched_getaffinity(0), self._server.cpus()
            self.cpus = len(ours | theirs) if ours & theirs else 0

    def take(self, *, look: bool = True) -> Used:
        """Return it, and start over.

        Args:
            look: whether to look at the server in any case; else only once in about a second.

        """
        before, self._own = self._own, self._read()
        server_cpu_s, server_ready_s = self._take_server(look=look)
        return Used(
            cpu_s=self._own[0] - before[0],
            waiting_s=self._own[1] - before[1],
            server_cpu_s=server_cpu_s,
            server_ready_s=server_ready_s,
        )

    def _take_server(self, *, look: bool) -> tuple[float | None, float]:
        if self._server is None:
            return None, 0.0
        now_s = time.monotonic()
        if not look and now_s - self._looked_s < _LOOK_EVERY_S:
            return 0.0, 0.0
        self._looked_s = now_s
        before_s, ready_before_s = self._server_s, self._server_ready_s
        self._server_s, self._server_ready_s = self._server.cpu_s(), self._server.ready_s()
        ready_s = self._server_ready_s - ready_before_s
        return max(0.0, self._server_s - before_s), max(0.0, ready_s)

    @staticmethod
    def _read() -> tuple[float, float]:
        try:
            waiting_s = int(_SCHEDSTAT.read_text().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):  # a kernel without it
            waiting_s = 0.0
        return time.process_time(), waiting_s
