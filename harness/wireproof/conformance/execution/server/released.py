"""What a local server still holds of connections that are over: sockets, and descriptors.

A socket in CLOSE-WAIT is one whose client has gone. A descriptor can be anything: a file that was
opened for a connection, a copy of its socket. How many a server may have open is its own affair:
it may pool them or cache them. That they are more after each of several rounds of connections is
not, since then they become more for ever; unless a time limit of the server's gives them back.
"""

import os
import select
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from wireproof.deadline import Deadline
from wireproof.target import Target
from wireproof.wire.kernel.inet_diag import TcpState
from wireproof.wire.kernel.process import (
    Descriptor,
    descendants_of,
    descriptors_of,
    holds_any,
    open_descriptors,
    owners_of,
    unix_listeners,
)
from wireproof.wire.kernel.sock_diag import SockDiag, plain_host

GROWING_ROUNDS = 3
"""How often in a row the descriptors must have become more."""
_GONE = frozenset({TcpState.CLOSE_WAIT})
_LOOK_LATER_S = 0.25


class Complaint(NamedTuple):
    """What is held that should not be."""

    message: str
    expected: str
    actual: str


@dataclass(slots=True)
class Ledger:
    """What all looks at one server share.

    Attributes:
        owners: the processes that hold listening sockets, by the inodes of these.
        kept: the descriptors that made each complaint, until all of them are given back.

    """

    owners: dict[frozenset[int], frozenset[int]] = field(default_factory=dict)
    kept: list[frozenset[Descriptor]] = field(default_factory=list)


class ServerResources:
    """What the server on one target holds, as far as this machine shows it."""

    def __init__(self, target: Target, diag: SockDiag | None, ledger: Ledger | None = None) -> None:
        """Look at the server on `target`; without `diag` there is nothing to see of TCP."""
        self._ledger = ledger or Ledger()
        self._target = target
        self._diag = diag
        over_ip = target.is_stream and target.has_host
        self._visible = target.scheme == "unix" or (over_ip and _is_ours(target))
        self._counts: list[int] = []
        """Of descriptors, as long as each is more than the one before."""
        self._at_first: frozenset[Descriptor] = frozenset()
        """The descriptors that the first of these counted."""

    def await_released(self, deadline: Deadline) -> Complaint | None:
        """Wait until no socket on the server's port is left in CLOSE-WAIT."""
        while left := self.sockets_in_close_wait():
            if deadline.expired:
                sockets = "a socket" if left == 1 else f"{left} sockets"
                return Complaint(
                    f"the server keeps {sockets} of connections that are over",
                    "no socket in CLOSE-WAIT",
                    f"{left} in CLOSE-WAIT",
                )
            look_again_soon()
        return None

    def count_descriptors(self, deadline: Deadline) -> Complaint | None:
        """Count, as soon as they are no more than the time before; they may not go on growing."""
        complaint = self._count(
            lambda: _open_in(self.processes),
            "after each round of connections the server has more descriptors open",
            deadline,
        )
        if complaint is not None:
            self._ledger.kept.append(self._open() - self._at_first)
        elif len(self._counts) == 1:
            self._at_first = self._open()
        return complaint

    def await_given_back(self, deadline: Deadline) -> bool:
        """Wait until the server has closed all descriptors that made a complaint; say if it has."""
        kept = frozenset().union(*self._ledger.kept)
        while kept := kept & self._open():  # the number of one may be another's once it is closed
            if deadline.expired:
                return False
            select.select([], [], [], _LOOK_LATER_S)
        self._ledger.kept.clear()
        return True

    def kept_of_late(self, complaints: int) -> list[int]:
        """Return how many descriptors each of so many complaints was about, the latest last."""
        return [*map(len, self._ledger.kept[-complaints:])]

    def _open(self) -> frozenset[Descriptor]:
        return frozenset().union(*map(descriptors_of, self.processes))

    def count_connections(self, deadline: Deadline) -> Complaint | None:
        """Count the connections that the server has, in the same way."""
        return self._count(
            self._connections,
            "the server behind keeps connections whose clients are gone",
            deadline,
        )

    @property
    def sees_connections(self) -> bool:
        """Whether the kernel shows which connections the server has."""
        return self._connections() is not None

    def _count(
        self, measure: Callable[[], int | None], message: str, deadline: Deadline
    ) -> Complaint | None:
        count = measure()
        while count is not None and self._is_growing(count) and not deadline.expired:
            look_again_soon()
            count = measure()
        if count is None:
            return None
        if not self._is_growing(count):
            self._counts.clear()
        self._counts.append(count)
        if len(self._counts) <= GROWING_ROUNDS:
            return None
        grown = ", ".join(map(str, self._counts))
        return Complaint(message, f"no more than {self._counts[0]} each time", grown)

    def _is_growing(self, count: int) -> bool:
        return bool(self._counts) and count > self._counts[-1]

    def sockets_in_close_wait(self) -> int:
        """Return how many sockets it keeps of clients that have gone."""
        return self._sockets(_GONE) or 0

    def _connections(self) -> int | None:
        return self._sockets(_GONE | {TcpState.ESTABLISHED})

    def _sockets(self, states: frozenset[TcpState]) -> int | None:
        """Return how many sockets of the port are in some states; None where they are hidden."""
        if not self._visible or self._diag is None or self._target.scheme == "unix":
            return None
        host = plain_host(self._target.address[0])
        return sum(
            one.state in states
            for one in self._diag.connections(self._target.port, states, self._families)
            if plain_host(one.source[0]) == host  # strangers have the port at other addresses
        )

    @cached_property
    def _families(self) -> frozenset[int]:
        """The families of the listening sockets, and so of all that they accept."""
        listener = self._diag and self._diag.listener(tuple(self._target.address))
        return frozenset(one.family for one in listener.sockets) if listener else frozenset()

    @cached_property
    def processes(self) -> set[int]:
        """The processes that hold the listening socket, and their children.

        Where one of them is our own, its children may be anyone's. Looked up once, since that costs
        a walk through all of /proc. So whoever has held the same sockets before, and does still, is
        taken for all that do: another can only have them from one of those.
        """
        listeners = self._listeners() if self._visible else frozenset()
        accepting = self._ledger.owners.get(listeners, frozenset())
        if not (accepting and all(holds_any(pid, listeners) for pid in accepting)):
            accepting = self._ledger.owners[listeners] = frozenset(self.accepting)
        return set(accepting | descendants_of(*accepting - {os.getpid()}))

    @cached_property
    def accepting(self) -> set[int]:
        """The processes that hold the listening socket."""
        return set(owners_of(self._listeners() if self._visible else ()))

    def _listeners(self) -> frozenset[int]:
        if self._target.scheme == "unix":
            return unix_listeners(self._target.path)
        if self._diag is None:
            return frozenset()
        listener = self._diag.listener(tuple(self._target.address))
        return frozenset(one.inode for one in listener.sockets) if listener else frozenset()


def _open_in(processes: Iterable[int]) -> int | None:
    """Return how many descriptors some processes have open; None where all of that is hidden."""
    counts = [open_descriptors(pid) for pid in processes]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _is_ours(target: Target) -> bool:
    """Whether the target's address is one of this machine's: no other can be bound."""
    try:
        with socket.socket(target.family, socket.SOCK_DGRAM) as probe:
            probe.bind((target.address[0], 0, *target.address[2:]))
    except OSError:
        return False
    return True


def look_again_soon() -> None:
    """Let a moment pass: there is no event to wait for, since what the server holds is not ours."""
    select.select([], [], [], 0.01)
