"""What the connections of a load run send: drawn beforehand, so that sending costs nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.errors import UsageError
from harness.load.plan import DEFAULT_PAYLOAD_BYTES, LoadPlan, PayloadSizes, parse_payload
from harness.protocols.base import Protocol
from harness.protocols.fast_path import Predictor, predictor_of

RECEIVE_BYTES = 65536
_DRAWS = 256
_MAX_CORPUS_BYTES = 64 * 1024 * 1024


class Exchange:
    """Requests that leave together, and the reply to them where it is known.

    Attributes:
        requests: each by itself.
        payload: all of them.
        size: of the payload, in bytes.
        count: how many requests.
        reply: the one right reply to all of them, if the predictor knows it now.
        receive_bytes: how many bytes to ask for: one more than the reply, so that surplus shows.
        next: what a connection sends after it.
        previous: what it sent before it.

    """

    __slots__ = (
        "count",
        "next",
        "payload",
        "previous",
        "receive_bytes",
        "reply",
        "requests",
        "size",
    )

    def __init__(self, requests: Sequence[bytes]) -> None:
        """Link to itself, with no reply known."""
        self.requests = tuple(requests)
        self.payload = b"".join(requests)
        self.size = len(self.payload)
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
        self, requests: Sequence[bytes], predictor: Predictor | None, pipeline: int = 1
    ) -> None:
        """Put `pipeline` requests into each exchange."""
        self.predictor = predictor
        if len(requests) == 1:
            groups = [list(requests) * pipeline]
        else:
            looped = list(requests) * pipeline
            groups = [looped[at : at + pipeline] for at in range(0, len(looped), pipeline)]
        self.exchanges = [Exchange(group) for group in groups]
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
                RECEIVE_BYTES if exchange.reply is None else len(exchange.reply) + 1
            )


def draw_corpus(plan: LoadPlan, protocol: Protocol) -> Corpus:
    """Return what the plan asks to send.

    Raises:
        UsageError: the protocol has no requests of the size asked for, or forbids pipelining.

    """
    if plan.pipeline > 1 and not protocol.pipelining:
        raise UsageError(f"{protocol.name} does not allow a request before the last reply")
    sizes = parse_payload(plan.payload)
    if sizes is None and not plan.payload and protocol.sized_request(DEFAULT_PAYLOAD_BYTES):
        sizes = PayloadSizes(least_bytes=DEFAULT_PAYLOAD_BYTES, most_bytes=DEFAULT_PAYLOAD_BYTES)
    requests = (
        _sized(protocol, sizes, plan) if sizes else _drawn(protocol, plan.seed, _room_bytes(plan))
    )
    return Corpus(requests, predictor_of(protocol, requests), plan.pipeline)


def _room_bytes(plan: LoadPlan) -> int:
    """Return how much may be drawn; every request stands in `pipeline` exchanges."""
    return _MAX_CORPUS_BYTES // plan.pipeline


def _sized(protocol: Protocol, sizes: PayloadSizes, plan: LoadPlan) -> list[bytes]:
    draw = random.Random(plan.seed)  # noqa: S311 - load, not secrets
    draws = 1 if sizes.least_bytes == sizes.most_bytes else _DRAWS
    requests: list[bytes] = []
    room = _room_bytes(plan)
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
