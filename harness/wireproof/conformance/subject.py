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
from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.protocols.base import Protocol
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.user_code import call_user_code
from wireproof.target import Target

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

KIB = 1024


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is tried.

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
        sees_server: whether the server's processes can be looked at.
        started: whether they were started for the check, so that their limits may be changed.
        rests: whether they do next to nothing when nobody asks.
        echoes: whether a long request was answered at about its own length.
        greeting_s: how long the server takes before it greets a client; 0 where it doesn't.
        request_s: how long the smallest takes in a run of many, judged; 0 where that is unknown.
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
    sees_server: bool = False
    started: bool = False
    rests: bool = False
    echoes: bool = False
    greeting_s: float = 0.0
    request_s: float = 0.0
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

    def allows(self, plan: Plan) -> bool:
        """Say whether the protocol knows conversations like `plan`."""
        too_long = any(len(each) > self.most_requests for each in plan.requests)
        if too_long or not all(map(self.protocol.is_conversation, plan.requests)):
            return False
        return self.protocol.pipelining or not plan.pipelines

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


def plain_request(protocol: Protocol, target: Target, requests: Sequence[bytes]) -> bytes:
    """Return what an ordinary user would send: what the protocol names, else a middling request."""
    named = protocol.example
    if isinstance(protocol, Datagrams) and not target.is_stream:
        named = protocol.datagram_example
    if example := call_user_code(named):
        return checked(protocol, example)
    usual = [one for one in requests if 4 <= len(one) <= 64]
    return usual[len(usual) // 2] if usual else requests[0]


def draw_requests(
    protocol: Protocol, target: Target, seed: int, count: int = 60
) -> tuple[bytes, ...]:
    """Draw valid requests or datagrams, reproducibly, the smallest of all among them.

    Returns:
        Different requests in order of length.

    Raises:
        UsageError: the protocol is not spoken over the target's transport.
        ProtocolCodeError: the protocol's strategy is none, draws no bytes, or raises.

    """
    if target.scheme not in protocol.transports:
        spoken = ", ".join(sorted(protocol.transports))
        raise UsageError(
            f"{protocol.name} is not spoken over {target.scheme}", f"it is spoken over {spoken}"
        )
    if target.scheme in {"tls", "exec"} and any(map(protocol.begins_tls, protocol.opening())):
        instead = "write tcp://HOST:PORT or unix:/PATH"
        raise UsageError(f"TLS cannot begin inside a connection to {target}", instead)
    if isinstance(protocol, Datagrams) and not target.is_stream:
        return draw_bytes(protocol, protocol.datagrams(), seed, count)
    return draw_bytes(protocol, requests_of(protocol), seed, count)


def draw_bytes(
    protocol: Protocol, strategy: "SearchStrategy[bytes]", seed: int, count: int
) -> tuple[bytes, ...]:
    """Draw from one of the protocol's strategies; see `draw_requests`."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as with_seed

    drawn: set[bytes] = set()

    @with_seed(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(request: bytes) -> None:
        drawn.add(checked(protocol, request))

    _as_users(protocol, collect)
    return tuple(sorted(drawn, key=lambda request: (len(request), request)))


def requests_of(protocol: Protocol) -> "SearchStrategy[bytes]":
    """Return the protocol's strategy.

    Raises:
        ProtocolCodeError: it is none.

    """
    from hypothesis.strategies import SearchStrategy

    strategy = protocol.requests()
    if not isinstance(strategy, SearchStrategy):
        raise ProtocolCodeError(
            f"{type(protocol).__name__}.requests returned {type(strategy).__name__}",
            "return a Hypothesis strategy, such as hypothesis.strategies.binary(min_size=1)",
        )
    return strategy


def conversations_of(
    protocol: Protocol, min_size: int, max_size: int
) -> "SearchStrategy[list[bytes]]":
    """Return a strategy for conversations: given ones, where requests belong together."""
    from hypothesis import strategies as st

    if given := protocol.conversations():
        return st.sampled_from([list(one) for one in given])
    return st.lists(requests_of(protocol), min_size=min_size, max_size=max_size)


def checked(protocol: Protocol, request: object) -> bytes:
    """Return a drawn request if it is one.

    Raises:
        ProtocolCodeError: it is not bytes, or empty.

    """
    if not isinstance(request, bytes) or not request:
        raise ProtocolCodeError(
            f"{type(protocol).__name__}.requests drew {request!r:.80}",
            "draw bytes, at least one",
        )
    return request


def _as_users(protocol: Protocol, collect: object) -> None:
    """Run the user's strategy; what it raises is the user's fault."""
    try:
        collect()  # type: ignore[operator]  # given() hides the signature
    except UsageError:
        raise
    except Exception as error:
        raise ProtocolCodeError(
            f"{type(protocol).__name__}.requests raised {type(error).__name__}: {error}"
        ) from error
