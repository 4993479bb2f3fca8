"""What the connections of a load run send: drawn beforehand, so that sending costs nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import cycle, islice

from harness.errors import UsageError
from harness.load.plan import DEFAULT_PAYLOAD_BYTES, LoadPlan, PayloadSizes, parse_payload
from harness.protocols.base import Exchange as Form
from harness.protocols.base import Protocol
from harness.protocols.echo import Echo
from harness.protocols.fast_path import Predictor, predictor_of
from harness.protocols.timestamp_echo import TimestampEcho

RECEIVE_BYTES = 65536
_DRAWS = 256
_MAX_DATAGRAM_BYTES = 65507
_LEAST_CHANGED = 8
_MOST_CUTS = 8
_MAX_CORPUS_BYTES = 64 * 1024 * 1024


class Exchange:
    """Requests that leave together, and the reply to them where it is known.

    Attributes:
        requests: each by itself.
        payload: all of them.
        size: of the payload, in bytes.
        first: what the first send takes: all, or the first piece of a payload that is cut.
        cuts: the offsets at which later pieces begin.
        count: how many requests.
        reply: the one right reply to all of them, if the predictor knows it now.
        receive_bytes: how many bytes to ask for: one more than the reply, so that surplus shows.
        next: what a connection sends after it.
        previous: what it sent before it.

    """

    __slots__ = (
        "count",
        "cuts",
        "first",
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
        self.receive_bytes = RECEIVE_BYTES
        self.next = self
        self.previous = self


class Corpus:
    """A ring of exchanges that all connections of a worker go round.

    Attributes:
        exchanges: the ring.
        predictor: what knows their replies, or None where only the oracle can judge.

    """

    def __init__(
        self, exchanges: Sequence[Exchange], predictor: Predictor | None, *, datagrams: bool = False
    ) -> None:
        """Link the exchanges to a ring; a read of datagrams must have room for any of them."""
        self._datagrams = datagrams
        self.predictor = predictor
        self.exchanges = list(exchanges)
        for at, exchange in enumerate(self.exchanges):
            exchange.previous = self.exchanges[at - 1]
            exchange.previous.next = exchange
        self.predict()

    def predict(self) -> None:
        """Ask the predictor for every reply, again after it has learnt."""
        if self.predictor is None:
            return
        for exchange in self.exchanges:
            exchange.reply = self.predictor.reply(exchange.requests)
            exchange.receive_bytes = (
                RECEIVE_BYTES
                if exchange.reply is None or self._datagrams
                else len(exchange.reply) + 1
            )


def draw_corpus(plan: LoadPlan, protocol: Protocol, *, datagrams: bool = False) -> Corpus:
    """Return what the plan asks to send.

    Args:
        plan: sizes, grouping and cutting.
        protocol: makes the requests.
        datagrams: whether each is a datagram of its own.

    Raises:
        UsageError: the protocol has no requests of the size asked for, or forbids pipelining.

    """
    if protocol.exchange is not Form.REQUEST_REPLY:
        raise UsageError(
            f"{protocol.name} has no replies to time",
            "load needs a protocol of requests and replies",
        )
    if protocol.one_request and plan.pipeline > 1:
        raise UsageError(f"{protocol.name} has one request on each connection")
    if datagrams:
        _refuse_for_datagrams(plan, protocol)
    if plan.pipeline > 1 and not protocol.pipelining:
        raise UsageError(f"{protocol.name} does not allow a request before the last reply")
    sizes = parse_payload(plan.payload)
    if sizes is None and not plan.payload and protocol.sized_request(DEFAULT_PAYLOAD_BYTES):
        sizes = PayloadSizes(least_bytes=DEFAULT_PAYLOAD_BYTES, most_bytes=DEFAULT_PAYLOAD_BYTES)
    room_bytes = _MAX_CORPUS_BYTES // max(plan.pipeline, plan.coalesced)  # each stands in so many
    requests = (
        _sized(protocol, sizes, plan.seed, room_bytes)
        if sizes
        else _drawn(protocol, plan.seed, room_bytes)
    )
    if datagrams and len(requests) == 1 and isinstance(protocol, Echo | TimestampEcho):
        requests = _numbered(requests[0])
    # A connection that closes after one request must not be sent another in advance.
    predictor = None if protocol.one_request else predictor_of(protocol, requests)
    return Corpus(_exchanges(requests, plan), predictor, datagrams=datagrams)


def _refuse_for_datagrams(plan: LoadPlan, protocol: Protocol) -> None:
    sizes = parse_payload(plan.payload)
    most = getattr(protocol, "buffer", _MAX_DATAGRAM_BYTES)
    if plan.pipeline > 1 or plan.segment != "whole":
        raise UsageError("a datagram is neither pipelined nor cut", "leave these options out")
    if sizes is None and plan.payload:
        raise UsageError("datagrams need a size, since not all draws fit", "write --payload 64")
    if sizes is not None and sizes.most_bytes > most:
        raise UsageError(f"a datagram of more than {most} bytes is cut by the server")


def _numbered(request: bytes) -> list[bytes]:
    """Return requests of that size that differ, so that a reply tells which one it answers."""
    size = len(request)
    count = min(_DRAWS, 256 ** min(size, 2))
    return [number.to_bytes(8, "big")[-size:] + request[8:] for number in range(count)]


def _exchanges(requests: Sequence[bytes], plan: LoadPlan) -> list[Exchange]:
    """Put requests together and cut them as the plan says."""
    draw = random.Random(plan.seed)  # noqa: S311 - load, not secrets
    changed = plan.segment != "whole" and plan.segment_share > 0
    count = len(requests)
    if changed and plan.segment_share < 1:
        # Enough exchanges to hold the share: 1 in 20 for 5 %.
        count = max(count, math.ceil(_LEAST_CHANGED / plan.segment_share))
    supply = cycle(requests)
    exchanges = []
    share = 0.0
    for _ in range(count):
        share += plan.segment_share if changed else 0.0
        change = share >= 1 - 1e-9
        share -= change
        together = max(plan.coalesced, plan.pipeline) if change else plan.pipeline
        group = list(islice(supply, together))
        size = sum(map(len, group))
        exchanges.append(Exchange(group, _cuts(plan.segment, size, draw) if change else ()))
    return exchanges


def _cuts(segment: str, size: int, draw: random.Random) -> Sequence[int]:
    if segment == "octets":
        return range(1, size)
    if segment == "random" and size > 1:
        return sorted(draw.sample(range(1, size), draw.randint(1, min(_MOST_CUTS, size - 1))))
    return ()


def _sized(protocol: Protocol, sizes: PayloadSizes, seed: int, room: int) -> list[bytes]:
    draw = random.Random(seed)  # noqa: S311 - load, not secrets
    draws = 1 if sizes.least_bytes == sizes.most_bytes else _DRAWS
    requests: list[bytes] = []
    while len(requests) < draws and (room > 0 or not requests):
        size = draw.randint(sizes.least_bytes, sizes.most_bytes)
        request = protocol.sized_request(size)
        if request is None:
            raise UsageError(
                f"{protocol.name} has no request of {size} bytes",
                "write --payload any, or give the protocol a sized_request()",
            )
        requests.append(request)
        room -= size
    return requests


def _drawn(protocol: Protocol, drawn_seed: int, room_bytes: int) -> list[bytes]:
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
    @given(protocol.requests())
    def draw(request: bytes) -> None:
        if sum(map(len, requests)) < room_bytes:
            requests.append(request)

    draw()
    found = [request for request in requests if request]
    if not found:
        raise UsageError(f"{protocol.name} draws no request that has a byte in it")
    random.Random(drawn_seed).shuffle(found)  # noqa: S311 - Hypothesis draws small ones first
    return found
