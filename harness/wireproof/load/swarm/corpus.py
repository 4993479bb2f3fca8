"""What the connections of a load run send: drawn beforehand, so that sending costs nothing."""

from __future__ import annotations

import math
import random
import typing
from collections.abc import Callable, Collection, Sequence
from itertools import cycle, islice

from wireproof.errors import UsageError
from wireproof.load.spec import DEFAULT_PAYLOAD_BYTES, LoadSpec, PayloadSizes, parse_payload
from wireproof.load.swarm.predictor import Predictor, datagram_predictor_of, predictor_of
from wireproof.protocols.base import Exchange, Protocol
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
from wireproof.protocols.datagram import Datagrams

if typing.TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

RECEIVE_BYTES = 65536
_DRAWS = 256
_LEARNT_DRAWS = 64
"""Requests whose replies have to be learnt, each once a second: an oracle may take 300 us."""
_MAX_DATAGRAM_BYTES = 65507
_LEAST_CHANGED = 8
_MOST_CUTS = 8
_MAX_CORPUS_BYTES = 64 * 1024 * 1024


class Batch:
    """Requests that leave together, and the reply to them where it is known.

    Attributes:
        requests: each by itself.
        payload: all of them.
        size: of the payload, in bytes.
        first: what the first send takes: all, or the first piece of a payload that is cut.
        cuts: the offsets at which later pieces begin.
        count: how many requests.
        reply: the right reply to all of them, as far as it is known now.
        learnt_ns: when the oracle accepted `reply`, on the monotonic clock; 0 where it was
            foretold.
        receive_bytes: how many bytes to ask for: one more than the reply, so that surplus shows.
        left: what a send returns after which the reply can be awaited by itself: `size`, where the
            reply is known, and else nothing that a send returns.
        next: what a connection sends after it.
        previous: what it sent before it.

    """

    __slots__ = (
        "count",
        "cuts",
        "first",
        "learnt_ns",
        "left",
        "next",
        "payload",
        "previous",
        "receive_bytes",
        "reply",
        "requests",
        "size",
    )

    def __init__(self, requests: Sequence[bytes], cuts: Sequence[int] = ()) -> None:
        """Link to itself, with no reply known."""
        self.requests = tuple(requests)
        self.payload = b"".join(requests)
        self.size = len(self.payload)
        self.cuts = tuple(cuts)
        self.first = self.payload[: self.cuts[0]] if self.cuts else self.payload
        self.count = len(self.requests)
        self.reply: bytes | None = None
        self.learnt_ns = 0
        self.receive_bytes = RECEIVE_BYTES
        self.left = -1
        self.next = self
        self.previous = self


class _HasBatch(typing.Protocol):
    """What has a batch under way."""

    hot: Batch


class Corpus:
    """A ring of batches that all connections of a worker go round.

    Attributes:
        batches: the ring.
        predictor: what knows their replies, or None where only the oracle can judge.

    """

    def __init__(
        self, batches: Sequence[Batch], predictor: Predictor | None, *, datagrams: bool = False
    ) -> None:
        """Link the batches to a ring; a read of datagrams must have room for any of them."""
        self._datagrams = datagrams
        self.predictor = predictor
        self.batches = list(batches)
        counts = {batch.count for batch in self.batches}
        self._count = counts.pop() if len(counts) == 1 else 0
        for at, batch in enumerate(self.batches):
            batch.previous = self.batches[at - 1]
            batch.previous.next = batch
        self.predict()

    def requests_in(self, connections: Collection[_HasBatch]) -> int:
        """Return how many requests the hot batches of connections hold; mostly all hold as many."""
        if self._count:
            return self._count * len(connections)
        return sum(connection.hot.count for connection in connections)

    def predict(self) -> None:
        """Ask the predictor for every reply, again after it has learnt."""
        if self.predictor is None:
            return
        for batch in self.batches:
            self._know(batch, self.predictor.reply(batch.requests))

    def learn(self, batch: Batch, received: bytes, now_ns: int) -> None:
        """Take the whole reply to a batch, which the oracle accepted."""
        if self.predictor is None or received == batch.reply:
            return
        if self.predictor.learn(batch.payload, received):
            self.predict()
        elif self.predictor.learns_replies:
            self._know(batch, received, now_ns)

    def forget(self, before_ns: int) -> None:
        """Have the oracle judge anew what was learnt before then.

        A reply may hold a clock: a server whose clock stands still answers the same for ever.
        """
        for batch in self.batches:
            if 0 < batch.learnt_ns < before_ns:
                self._know(batch, None)

    def _know(self, batch: Batch, reply: bytes | None, learnt_ns: int = 0) -> None:
        batch.reply = reply
        batch.learnt_ns = learnt_ns
        batch.left = -1 if reply is None else batch.size
        batch.receive_bytes = RECEIVE_BYTES if reply is None or self._datagrams else len(reply) + 1


def draw_corpus(spec: LoadSpec, protocol: Protocol, *, datagrams: bool = False) -> Corpus:
    """Return what the spec asks to send.

    Args:
        spec: sizes, grouping and cutting.
        protocol: makes the requests.
        datagrams: whether each is a datagram of its own.

    Raises:
        UsageError: the protocol has no requests of the size asked for, or forbids pipelining.

    """
    if protocol.exchange is not Exchange.REQUEST_REPLY:
        raise UsageError(
            f"{protocol.name} has no replies to time",
            "load needs a protocol of requests and replies",
        )
    if protocol.one_request and spec.pipeline > 1:
        raise UsageError(f"{protocol.name} has one request on each connection")
    if datagrams:
        _refuse_for_datagrams(spec, protocol)
    if spec.pipeline > 1 and not protocol.pipelining:
        raise UsageError(f"{protocol.name} does not allow a request before the last reply")
    # Datagrams that follow each other must differ, so that a reply tells which one it answers.
    takes_any_bytes = isinstance(protocol, Echo | TimestampEcho)
    sized, drawn = protocol.sized_request, protocol.requests
    if datagrams:
        assert isinstance(protocol, Datagrams)
        sized, drawn = protocol.sized_datagram, protocol.datagrams
    sizes = parse_payload(spec.payload)
    by_default = not spec.payload and (takes_any_bytes or not datagrams)
    if by_default and sized(DEFAULT_PAYLOAD_BYTES):
        sizes = PayloadSizes(least_bytes=DEFAULT_PAYLOAD_BYTES, most_bytes=DEFAULT_PAYLOAD_BYTES)
    room_bytes = _MAX_CORPUS_BYTES // max(spec.pipeline, spec.coalesced)  # each stands in so many
    requests = (
        _sized(protocol.name, sized, sizes, spec.seed, room_bytes)
        if sizes
        else _drawn(protocol.name, drawn(), spec.seed, room_bytes)
    )
    if datagrams and len(requests) == 1 and takes_any_bytes:
        requests = _numbered(requests[0])
    predictor = datagram_predictor_of(protocol, requests) if datagrams else None
    # A connection that closes after one request must not be sent another in advance.
    if not datagrams and not protocol.one_request:
        predictor = predictor_of(protocol, requests)
    if predictor is not None and not sizes and predictor.reply(requests[:1]) is None:
        requests = requests[:_LEARNT_DRAWS]
    return Corpus(_batches(requests, spec), predictor, datagrams=datagrams)


def _refuse_for_datagrams(spec: LoadSpec, protocol: Protocol) -> None:
    if not isinstance(protocol, Datagrams):
        raise UsageError(
            f"{protocol.name} is not spoken over UDP", "write tcp://, or derive it from Datagrams"
        )
    sizes = parse_payload(spec.payload)
    most = getattr(protocol, "buffer", _MAX_DATAGRAM_BYTES)
    if spec.pipeline > 1 or spec.segment != "whole":
        raise UsageError("a datagram is neither pipelined nor cut", "leave these options out")
    if sizes is not None and sizes.most_bytes > most:
        raise UsageError(f"a datagram of more than {most} bytes is cut by the server")


def _numbered(request: bytes) -> list[bytes]:
    """Return requests of that size that differ, so that a reply tells which one it answers."""
    size = len(request)
    count = min(_DRAWS, 256 ** min(size, 2))
    return [number.to_bytes(8, "big")[-size:] + request[8:] for number in range(count)]


def _batches(requests: Sequence[bytes], spec: LoadSpec) -> list[Batch]:
    """Put requests together and cut them as the spec says."""
    draw = random.Random(spec.seed)  # noqa: S311 - load, not secrets
    changed = spec.segment != "whole" and spec.segment_share > 0
    count = len(requests)
    if changed and spec.segment_share < 1:
        # Enough batches to hold the share: 1 in 20 for 5 %.
        count = max(count, math.ceil(_LEAST_CHANGED / spec.segment_share))
    supply = cycle(requests)
    batches = []
    share = 0.0
    for _ in range(count):
        share += spec.segment_share if changed else 0.0
        change = share >= 1 - 1e-9
        share -= change
        together = max(spec.coalesced, spec.pipeline) if change else spec.pipeline
        group = list(islice(supply, together))
        size = sum(map(len, group))
        batches.append(Batch(group, _cuts(spec.segment, size, draw) if change else ()))
    return batches


def _cuts(segment: str, size: int, draw: random.Random) -> Sequence[int]:
    if segment == "octets":
        return range(1, size)
    if segment == "random" and size > 1:
        return sorted(draw.sample(range(1, size), draw.randint(1, min(_MOST_CUTS, size - 1))))
    return ()


def _sized(
    name: str,
    sized: Callable[[int], bytes | None],
    sizes: PayloadSizes,
    seed: int,
    room: int,
) -> list[bytes]:
    draw = random.Random(seed)  # noqa: S311 - load, not secrets
    draws = 1 if sizes.least_bytes == sizes.most_bytes else _DRAWS
    requests: list[bytes] = []
    while len(requests) < draws and (room > 0 or not requests):
        size = draw.randint(sizes.least_bytes, sizes.most_bytes)
        request = sized(size)
        if request is None:
            raise UsageError(
                f"{name} has no request of {size} bytes",
                "write --payload any, or give the protocol a sized_request()",
            )
        requests.append(request)
        room -= size
    return requests


def _drawn(
    name: str, strategy: SearchStrategy[bytes], drawn_seed: int, room_bytes: int
) -> list[bytes]:
    """Draw from the protocol's own strategy; a seed always draws the same."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    requests: list[bytes] = []

    @seed(drawn_seed)
    @settings(
        max_examples=_DRAWS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(request: bytes) -> None:
        if sum(map(len, requests)) < room_bytes:
            requests.append(request)

    draw()
    found = [request for request in requests if request]
    if not found:
        raise UsageError(f"{name} draws no request that has a byte in it")
    random.Random(drawn_seed).shuffle(found)  # noqa: S311 - Hypothesis draws small ones first
    return found
