"""What connections that are over leave behind in the server's processes: threads, memory, work.

Only where the processes can be seen, and are not our own: what a test does in one of its threads
is not the server's.
"""

import os
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from wireproof.conformance.execution.server import growth
from wireproof.conformance.execution.server.released import (
    Complaint,
    ServerResources,
    look_again_soon,
)
from wireproof.conformance.plans.plan import Look, Rounds, Way
from wireproof.deadline import Deadline
from wireproof.wire.kernel.process import anonymous_bytes, descendants_of, runnable_s, threads_of

_WINDOW_S = 0.05
_BUSY_SHARE = 0.15
"""Of the time: a loop that never sleeps runs, or waits for its turn, in nearly all of it."""
_THREAD_ENDS_S = 0.05
"""In all rounds but the last, where a thread has as long as a reply."""
_GROWING_S = 60.0
"""A server that takes longer for all those connections is not judged."""
_MIB = 1024 * 1024
_Number = TypeVar("_Number", int, float)


class ServerBurden:
    """What the server's processes carry, over one plan."""

    def __init__(
        self, resources: ServerResources, timeout_s: float, behind: ServerResources | None = None
    ) -> None:
        """Look at the processes that `resources` finds; what ends may take `timeout_s` to end.

        `behind` shows the connections of the server to which this one leads.
        """
        self._resources = resources
        self._behind = behind or resources
        self._timeout_s = timeout_s
        self._before_bytes: int | None = None

    def over(
        self, rounds: Rounds, use: Callable[[Way], None], used: Callable[[], int]
    ) -> Complaint | None:
        """Use connections in rounds, and say what remains of them.

        Args:
            rounds: how many, and what is looked at.
            use: uses one, and ends it in this way.
            used: how many the server has had, those before these rounds among them.

        Raises:
            ConversationFailedError: by `use`.

        """

        def one_round() -> None:
            for way in rounds.ways:
                for _ in range(rounds.count):
                    use(way)

        if rounds.look is Look.MEMORY:
            return self._memory_over(rounds, one_round, used)
        if rounds.look is Look.THREADS:
            return self._threads_over(rounds, one_round)
        complaint = None
        for _ in range(rounds.rounds):
            one_round()
            if rounds.look is Look.WORK:
                complaint = self._await_rest()
            elif rounds.look is Look.BEHIND:
                complaint = self._behind.count_connections(Deadline(self._timeout_s))
            else:
                complaint = self._resources.await_released(Deadline(self._timeout_s))
                complaint = complaint or self._resources.count_descriptors(
                    Deadline(self._timeout_s)
                )
            if complaint is not None:
                break
        return complaint

    def _threads_over(self, rounds: Rounds, one_round: Callable[[], None]) -> Complaint | None:
        """Count after each round: a pool grows for some of them only."""
        counts: list[int] = []
        for left in reversed(range(rounds.rounds)):
            one_round()
            until = Deadline(_THREAD_ENDS_S if left else self._timeout_s)
            count = self._sum(threads_of)
            while counts and count > counts[-1] and not until.expired:
                look_again_soon()
                count = self._sum(threads_of)
            if counts and count <= counts[-1]:
                return None
            counts.append(count)
        return Complaint(
            "after each round of connections the server has more threads or processes",
            f"no more than {counts[0]} each time",
            f"{counts[-1]} after {rounds.connections:,} connections",
        )

    def _memory_over(
        self, rounds: Rounds, one_round: Callable[[], None], used: Callable[[], int]
    ) -> Complaint | None:
        """Look after each round until it grows no more; most servers have settled after a few.

        One that grows in all rounds has as many again, and again, until it has had too many
        connections to keep; by then it must still grow.
        """
        connections = max(1, rounds.connections // rounds.rounds)
        samples: list[int] = []
        more = Deadline(_GROWING_S)
        for _ in range(rounds.rounds):
            one_round()
            samples.append(self._sum(anonymous_bytes))
            if growth.has_settled(samples, connections):
                return None
        found = growth.growth(samples, connections)
        if found is None:
            return None
        latest = samples[-1]
        while used() < growth.LARGEST_TABLE:
            for _ in range(rounds.rounds):
                one_round()
            before, latest = latest, self._sum(anonymous_bytes)
            if more.expired or latest - before < found.bytes_each * rounds.connections / 2:
                return None
        return Complaint(
            f"the server's memory grows by {found.bytes_each:,.0f} bytes a connection",
            "memory that stops growing",
            f"{found.bytes_each:,.0f} bytes a connection, {found.margin_bytes:,.0f} more or less "
            f"(95 %); it grew in {found.grew} of {found.rounds} rounds",
        )

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
            f"{grown / _MIB:.0f} MiB more; what an allocator keeps does not grow a second time",
        )

    @property
    def accepting(self) -> Collection[int]:
        """The processes that hold the listening socket."""
        return self._resources.accepting

    @property
    def is_seen(self) -> bool:
        """Whether the processes are this machine's to see, and not our own."""
        return bool(self._processes())

    def rests(self) -> bool:
        """Say whether the processes come to do next to nothing, within the timeout."""
        return self._await_rest() is None

    def least_busy_share(self, moments: int) -> float:
        """Return for how much of the quietest of some moments the processes run or want to."""
        return min(self._busy_share() for _ in range(moments))

    def _await_rest(self) -> Complaint | None:
        until = Deadline(self._timeout_s)
        share = self._busy_share()
        while share > _BUSY_SHARE and not until.expired:
            share = self._busy_share()
        if share <= _BUSY_SHARE:
            return None
        return Complaint(
            "the server keeps working although nobody asks for anything",
            "next to no work",
            f"{share:.0%} of the time",
        )

    def _busy_share(self) -> float:
        """Return for how much of a moment they run or want to, those there as it begins."""
        processes = self._processes()
        begun_s, before_s = time.monotonic(), sum(map(runnable_s, processes))
        until = Deadline(_WINDOW_S)
        while not until.expired:
            look_again_soon()
        return (sum(map(runnable_s, processes)) - before_s) / (time.monotonic() - begun_s)

    def _sum(self, measure: Callable[[int], _Number]) -> _Number:
        """Return the sum over all processes; those that have ended count nothing."""
        return sum((measure(pid) for pid in self._processes()), start=measure(0))

    def _processes(self) -> Collection[int]:
        """Return those of the server, with the children that they have by now."""
        found = self._resources.processes
        if os.getpid() in found:
            return ()
        return found | descendants_of(*found)
