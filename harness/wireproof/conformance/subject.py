"""What a property may know of what it tests, and how deep it is to look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Open,
    Plan,
    SendDatagram,
)
from wireproof.protocols.base import Protocol
from wireproof.target import Target

if TYPE_CHECKING:
    pass

KIB = 1024
_CUTS_A_SECOND = 1000
"""A plan of one cut takes a fast server 0.3 to 3 ms."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much to try.

    Attributes:
        name: as in `--depth`.
        examples: plans that Hypothesis draws for a requirement.
        pairs_up_to_bytes: conversations up to this long are cut at every pair of offsets.
        largest_bytes: the largest request, where the protocol has requests of any size.
        stall_s: how long a slow reader does not read.
        hold_s: how long a held cut is held.
        idle_s: how long a connection is idle before it goes on.
        confirmations: how often a failing minimum is run again.
        shrink_s: how long a failure is made smaller.
        timeout_s: how long a reply may take.
        requirement_s: how long plans of one requirement are tried, where the server is slow.
        total_s: how long plans of all are, apart from what follows a failure.
        silences: how often a requirement meets a silence whose cause is known, which has us wait.

    """

    name: str
    examples: int
    pairs_up_to_bytes: int
    largest_bytes: int
    stall_s: float
    hold_s: float
    idle_s: float
    confirmations: int
    shrink_s: float
    timeout_s: float
    requirement_s: float
    total_s: float
    silences: int

    @property
    def most_cuts(self) -> int:
        """At how many places the short conversations are cut at the most, a cut at a time."""
        return int(self.requirement_s * _CUTS_A_SECOND)


DEPTHS = {
    "quick": Depth("quick", 8, 8, 64 * KIB, 0.1, 0.5, 0.1, 3, 2.0, 2.0, 2.0, 12.0, 2),
    "default": Depth("default", 120, 48, 1024 * KIB, 1.5, 0.6, 0.5, 5, 8.0, 5.0, 6.0, 25.0, 6),
    "deep": Depth("deep", 1500, 64, 1024 * KIB, 5.0, 2.0, 5.0, 10, 30.0, 10.0, 120.0, 1800.0, 6),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The server under test, as properties see it.

    Attributes:
        protocol: judges the replies.
        target: where the server listens.
        depth: how much to try.
        half_close: whether a conversation may end with the end of our stream, and so be judged
            to its last byte; False where this server does not answer after one.
        concurrent: whether a second connection is served beside an idle one; False where plans
            over many connections would only show that again.
        smallest: the smallest valid request that this server answers.
        plain_request: what an ordinary user would send, and this server answers.
        requests: some valid requests, the smaller first.
        long_requests: some that are longer, where the protocol has none of a size of our choice.
        sees_server: whether the server's processes can be looked at.
        started: whether they were started for the check, so that their limits may be changed.
        rests: whether they do next to nothing when nobody asks.
        echoes: whether a long request was answered at about its own length.
        greeting_s: how long the server takes before it greets a client; 0 where it doesn't.
        request_s: how long the smallest takes in a run of many, judged; 0 where that is unknown.
        exchange_s: how long the longest of a few exchanges takes: long ones, half-closed ones.
        ends_late: whether the server takes its time to end after the client's end of stream.
        byte_s: how long each byte of a long request takes more; 0 where that is next to nothing.
        ends_after: how many requests of a connection this server answers before it ends it.
        behind: the server to which the target leads; None where the target is the server.
        sees_behind: whether the connections of the server behind can be looked at.
        ended_by: malformed input at which the server behind ends a connection.

    """

    protocol: Protocol
    target: Target
    depth: Depth
    half_close: bool
    concurrent: bool
    smallest: bytes
    plain_request: bytes
    requests: tuple[bytes, ...]
    long_requests: tuple[bytes, ...] = ()
    sees_server: bool = False
    started: bool = False
    rests: bool = False
    echoes: bool = False
    greeting_s: float = 0.0
    request_s: float = 0.0
    exchange_s: float = 0.0
    ends_late: bool = False
    byte_s: float = 0.0
    ends_after: int = Protocol.most_requests
    behind: Target | None = None
    sees_behind: bool = False
    ended_by: tuple[bytes, ...] = ()

    def single(
        self,
        requests: Sequence[bytes],
        cuts: Sequence[int] | range | set[int] = (),
        *,
        hold_s: float = 0.0,
        lock_step: bool | None = None,
    ) -> Plan:
        """Return a plan of one connection, ended as strictly as this server allows.

        With `lock_step` each request waits for the reply to the one before, even where the
        protocol does not ask for it. Unless said otherwise that is so where requests belong
        together: whether they may be joined is a question of its own.
        """
        if lock_step is None:
            lock_step = bool(self.protocol.conversations())
        return single(
            requests,
            cuts,
            ending=self.ending,
            lock_step=lock_step or not self.protocol.pipelining,
            hold_s=hold_s,
        )

    @property
    def ending(self) -> tuple[type[HalfClose | AwaitEnd | Close], ...]:
        """The steps that end a conversation, as strictly as this server allows."""
        return (HalfClose, AwaitEnd) if self.half_close else (Close,)

    def plain(self) -> Plan:
        """Return the plan of one plain exchange."""
        if self.target.is_stream:
            return single([self.plain_request])
        return Plan(((self.plain_request,),), (Open(0), SendDatagram(0, 0), Await(0), Close(0)))

    def conversations(self) -> list[tuple[bytes, ...]]:
        """Return a few short conversations, the shortest first."""
        if given := self.protocol.conversations():
            return [tuple(one) for one in given]
        longer = [request for request in self.requests if 1 < len(request) <= 64]
        tiny = longer[0] if longer else self.smallest
        usual = longer[-1] if longer else self.smallest
        found = [(tiny,), (tiny, self.smallest, tiny), (usual, self.smallest, tiny)]
        return list(dict.fromkeys(found))

    def ended(self, connection: int) -> tuple[Action, ...]:
        """Return the steps that end a connection as strictly as this server allows."""
        return tuple(step(connection) for step in self.ending)

    @property
    def pair(self) -> tuple[bytes, ...]:
        """Two small requests that may follow each other on a connection, if there are such."""
        return self._following((self.smallest,) * 2)

    def run(self, count: int) -> tuple[bytes, ...]:
        """Return plain requests that may follow each other, so many if there are."""
        return self._following((self.plain_request,) * count)

    def _following(self, alike: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return requests that are alike, where that is a conversation, else as many of one."""
        if self.protocol.is_conversation(alike):
            return alike
        begun = (tuple(one[: len(alike)]) for one in self.conversations())
        return max(begun, key=len, default=alike)

    def is_independent(self, requests: Sequence[bytes]) -> bool:
        """Whether requests may be sent on several connections at a time."""
        return not self.protocol.conversations() or {*requests} <= {*self.requests}

    def repeated(self, up_to_bytes: int) -> tuple[bytes, ...]:
        """Return a conversation of the two smallest requests in turns, about this long."""
        if self.protocol.conversations():
            return self.conversations()[0]
        pair = self.conversations()[0][0], self.smallest
        rounds = max(1, up_to_bytes // (len(pair[0]) + len(pair[1])))
        return pair * rounds

    @property
    def most_requests(self) -> int:
        """How many requests a connection may have, by the protocol and by what was seen."""
        return 1 if self.protocol.one_request else min(self.protocol.most_requests, self.ends_after)

    def can_afford(self, plan: Plan) -> bool:
        """Say whether a server of this pace could answer all of a plan in the time there is."""
        needed_s = (
            len(each) * self.request_s + (self.byte_s and self.byte_s * sum(map(len, each)))
            for each in plan.requests
        )
        return max(needed_s, default=0.0) <= self.depth.requirement_s

    def allows(self, plan: Plan) -> bool:
        """Say whether the protocol knows conversations like `plan`, and so many at a time."""
        if self.is_crowded(plan):
            return False
        too_long = any(len(each) > self.most_requests for each in plan.requests)
        if too_long or not all(map(self.protocol.is_conversation, plan.requests)):
            return False
        return self.protocol.pipelining or not plan.pipelines

    def is_crowded(self, plan: Plan) -> bool:
        """Say whether `plan` has more connections open at a time than are promised."""
        most = self.protocol.connections
        return len(plan.requests) > most and plan.at_once > most

    def smaller_requests(self, request: bytes) -> list[bytes]:
        """Return valid requests shorter than `request`, the shortest first."""
        size = len(request)
        shorter = [one for one in self.requests if len(one) < size][:6]
        sizes = sorted({1, 2, size // 4, size // 2, 3 * size // 4, size - 16, size - 1})
        shorter += [
            sized
            for wanted in sizes
            if 0 < wanted < size and (sized := self.sized(wanted)) is not None
        ]
        if self.is_payload(request):
            parts = (slice(size // 2, None), slice(size // 2), slice(size // 4, -(size // 4)))
            ends = (slice(1, None), slice(-1), slice(-2, None), slice(2))
            shorter += [part for cut in (*parts, *ends) if 0 < len(part := request[cut]) < size]
        return sorted(dict.fromkeys(shorter), key=len)

    def is_payload(self, data: bytes) -> bool:
        """Say whether any bytes, and so `data`, are a request by themselves."""
        return self.protocol.payload_request(data) == data

    def sized(self, size_bytes: int) -> bytes | None:
        """Return a valid request of this size, or None."""
        if size_bytes > self.protocol.max_request_bytes:
            return None
        return self.protocol.sized_request(size_bytes)

    def of_about(self, least_bytes: int, most_bytes: int) -> bytes | None:
        """Return a valid request of `least_bytes`, or a drawn one up to `most_bytes`, or None."""
        drawn = (one for one in self.long_requests if least_bytes <= len(one) <= most_bytes)
        return self.sized(least_bytes) or next(drawn, None)
