"""What connections that are over leave behind in the server's processes: threads, memory, work.

Only where the processes can be seen, and are not our own: what a test does in one of its threads
is not the server's.
"""

import os
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from wireproof.conformance.execution.growth import growth, has_settled
from wireproof.conformance.execution.released import (
    GROWING_ROUNDS,
    Complaint,
    ServerResources,
    look_again_soon,
)
from wireproof.deadline import Deadline
from wireproof.wire.kernel.process import anonymous_bytes, descendants_of, run_s, threads_of

_WINDOW_S = 0.05
_BUSY_SHARE = 0.15
"""Of a core: a loop that never sleeps has more even where many others want to run."""
_BEFORE_S = 0.5
_MIB = 1024 * 1024
_Number = TypeVar("_Number", int, float)


class ServerBurden:
    """What the server's processes carry, over one plan.

    Attributes:
        churned: connections that have come and gone so far.

    """

    def __init__(self, resources: ServerResources) -> None:
        """Look at the processes that `resources` finds."""
        self.churned = 0
        self._resources = resources
        self._threads: list[int] = []
        """As long as each is more than the one before."""
        self._memory: list[int] = []
        self._before_bytes: int | None = None
        self._always_busy: bool | None = None

    def count_threads(self, deadline: Deadline) -> Complaint | None:
        """Count threads and processes, as soon as they are no more than the time before."""
        count = self._sum(threads_of)
        while self._threads and count > self._threads[-1] and not deadline.expired:
            look_again_soon()
            count = self._sum(threads_of)
        if self._threads and count <= self._threads[-1]:
            self._threads.clear()
        self._threads.append(count)
        if len(self._threads) <= GROWING_ROUNDS:
            return None
        return Complaint(
            "after each round of connections the server has more threads or processes",
            f"no more than {self._threads[0]} each time",
            ", ".join(map(str, self._threads)),
        )

    def watch_memory(self, *, last: bool) -> tuple[Complaint | None, bool]:
        """Note the memory after a round; return the complaint, and whether more rounds are due."""
        self._memory.append(self._sum(anonymous_bytes))
        connections = max(1, self.churned // len(self._memory))
        if not last:
            return None, not has_settled(self._memory, connections)
        found = growth(self._memory, connections)
        if found is None:
            return None, False
        complaint = Complaint(
            f"the server's memory grows by {found.bytes_each:,.0f} bytes a connection",
            "memory that stops growing",
            f"{found.bytes_each:,.0f} bytes a connection, {found.margin_bytes:,.0f} more or less "
            f"(95 %); it grew in {found.grew} of {found.rounds} rounds",
        )
        return complaint, False

    def limit_memory(self, growth_bytes: int) -> Complaint | None:
        """Note the memory at first; afterwards it may not be more than so much above that."""
        now = self._sum(anonymous_bytes)
        if self._before_bytes is None:
            self._before_bytes = now
            return None
        grown = now - self._before_bytes
        if grown <= growth_bytes:
            return None
        return Complaint(
            f"the server's memory has grown by {grown / _MIB:.0f} MiB",
            f"at most {growth_bytes / _MIB:.0f} MiB more",
            f"{grown / _MIB:.0f} MiB more",
        )

    def await_idle(self, deadline: Deadline) -> Complaint | None:
        """Wait until the processes do next to nothing.

        At the first time of a plan it is learnt whether they ever do: who polls is let be.
        """
        first = self._always_busy is None
        until = Deadline(min(_BEFORE_S, deadline.remaining_s())) if first else deadline
        share = self._busy_share()
        while share > _BUSY_SHARE and not until.expired:
            share = self._busy_share()
        if first:
            self._always_busy = share > _BUSY_SHARE
        if self._always_busy or share <= _BUSY_SHARE:
            return None
        return Complaint(
            "the server goes on working though nobody asks for anything",
            "next to no processor time",
            f"{share:.0%} of a core",
        )

    def _busy_share(self) -> float:
        begun_s, before_s = time.monotonic(), self._sum(run_s)
        until = Deadline(_WINDOW_S)
        while not until.expired:
            look_again_soon()
        return (self._sum(run_s) - before_s) / (time.monotonic() - begun_s)

    def _sum(self, measure: Callable[[int], _Number]) -> _Number:
        """Return the sum over all processes; those that have ended count nothing."""
        return sum((measure(pid) for pid in self._processes()), start=measure(0))

    def _processes(self) -> Collection[int]:
        """Return those of the server, with the children that they have by now."""
        found = self._resources.processes
        if os.getpid() in found:
            return ()
        return set(found).union(*map(descendants_of, found))
