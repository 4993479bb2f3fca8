"""Draws what a load sends: as the spec says, from what the protocol says."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING, NamedTuple, Self

from wireproof.errors import UsageError
from wireproof.learnt.protocol import LearntProtocol
from wireproof.load.spec import DEFAULT_PAYLOAD_BYTES, LoadSpec, PayloadSizes, parse_payload
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.corpus import Corpus, Privacy
from wireproof.load.workload.cutting import cuts_of
from wireproof.load.workload.predictor import (
    datagram_predictor_of,
    is_private,
    predictor_of,
    required_replies,
)
from wireproof.load.workload.scripted import scripted_corpus
from wireproof.load.workload.written import fed_requests, written_requests
from wireproof.protocols.base import Protocol, as_sent, overrides
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.exchange import Exchange

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    _Workload = Mapping[str, tuple[SearchStrategy[bytes], float]]

_DRAWS = 256
_LEARNT_DRAWS = 64
"""Requests whose replies have to be learnt, each once a second: an oracle may take 300 us."""
_LEAST_PLACES = 8
_ALL_PLACES = 1024
"""Of the rings of all connections: each is gone round twice with the oracle, at 50 us a place and
more. A load that is short, or on a busy machine, is to be measured when that is over."""
_MOST_WRITTEN_PLACES = 8192
_BYTES_A_PLACE = 512
_MAX_DATAGRAM_BYTES = 65507
_LEAST_CHANGED = 8
_MOST_MERGED = 32
_MOST_MERGED_CUT_BYTES = 1024
"""Octet by octet, more than this takes longer than a reply may."""
_MOST_BESIDE = 64
"""Sizes on either side in which a request is looked for: lengths in digits leave gaps."""
_MAX_CORPUS_BYTES = 64 * 1024 * 1024


def draw_corpus(spec: LoadSpec, protocol: Protocol, *, datagrams: bool = False) -> Corpus:
    """Return what the spec asks to send.

    Args:
        spec: sizes, grouping and cutting.
        protocol: makes the requests.
        datagrams: whether each is a datagram of its own.

    Raises:
        UsageError: the protocol has no requests of the size asked for, or forbids pipelining.

    """
    _refuse(spec, protocol, datagrams=datagrams)
    if isinstance(protocol, LearntProtocol) and protocol.is_scripted:
        return scripted_corpus(spec, protocol)
    room_bytes = _MAX_CORPUS_BYTES // max(spec.pipeline, spec.coalesced)  # each stands in so many
    drawn = _requests(spec, protocol, room_bytes, datagrams=datagrams)
    requests, kinds = drawn.requests, drawn.kinds
    private = not datagrams and is_private(protocol, requests)
    # A connection that closes after one request must not be sent another in advance.
    predictor = datagram_predictor_of(protocol, requests) if datagrams else None
    if not (datagrams or private or protocol.one_request):
        predictor = predictor_of(protocol, requests)
    if predictor is not None and predictor.learns_replies and not predictor.reply(requests[:1]):
        requests = requests[:_LEARNT_DRAWS]
    silent = [False] * len(requests)
    if spec.rate_per_s is None and not (datagrams or protocol.one_request):
        silent = [not replies for replies in required_replies(protocol, requests)]
    batches = _batches(list(map(_Piece, requests, kinds, silent)), spec, drawn.names)
    opening_requests = 0 if datagrams else len(protocol.opening())
    if private:
        places = _places(spec, batches)
        privacy = Privacy(protocol, places, opening_requests, is_written=is_written(spec))
        return Corpus(batches, None, privacy=privacy, kinds=drawn.names)
    if not datagrams and overrides(protocol, Protocol, "numbered"):
        # By its place: the same for each connection, and in each lap.
        number = opening_requests
        for at, batch in enumerate(batches):
            batches[at] = batch.made_of(as_sent(protocol, batch.requests, 0, number))
            number += batch.count
    return Corpus(batches, predictor, datagrams=datagrams, kinds=drawn.names)


def is_written(spec: LoadSpec) -> bool:
    """Say whether the user has written what is sent, or what it is about."""
    return bool(spec.requests_file or spec.feed_file)


class _Drawn(NamedTuple):
    """Requests, and of which kind each is; `names` is empty where kinds are not told apart."""

    requests: list[bytes]
    kinds: list[int]
    names: tuple[str, ...] = ()

    @classmethod
    def of_one_kind(cls, requests: list[bytes]) -> Self:
        return cls(requests, [0] * len(requests))


class _Piece(NamedTuple):
    """A request, its kind, and whether it has no reply, so that it leaves with the next."""

    request: bytes
    kind: int
    silent: bool


def _places(spec: LoadSpec, batches: Sequence[Batch]) -> int:
    """Return how many batches each connection's own ring has."""
    connections = math.ceil(max(spec.users) / spec.processes)
    bytes_a_place = _BYTES_A_PLACE + 3 * sum(batch.size for batch in batches) // len(batches)
    # What is drawn to find faults comes back to a state only where a lap has each kind of request.
    wanted = _ALL_PLACES * (4 if spec.payload == "any" else 1)
    if is_written(spec):  # what somebody has written is to be sent
        wanted = max(wanted, min(len(batches), _MOST_WRITTEN_PLACES))
    most = min(wanted, _MAX_CORPUS_BYTES // bytes_a_place) // connections
    return min(len(batches), max(_LEAST_PLACES, most))


def _requests(spec: LoadSpec, protocol: Protocol, room_bytes: int, *, datagrams: bool) -> _Drawn:
    """Draw what is sent, in the order in which it is."""
    if spec.requests_file:
        return _Drawn.of_one_kind(written_requests(spec, protocol, room_bytes, datagrams=datagrams))
    if spec.feed_file:
        return _Drawn(*fed_requests(spec, protocol, room_bytes, datagrams=datagrams))
    sizes = parse_payload(spec.payload)
    mixed = overrides(protocol, Protocol, "workload") or (
        isinstance(protocol, Datagrams) and overrides(protocol, Datagrams, "datagram_workload")
    )
    sized = protocol.sized_request
    if datagrams and isinstance(protocol, Datagrams):
        sized = protocol.sized_datagram
    if sizes is None and not (spec.payload or spec.mix or mixed) and sized(DEFAULT_PAYLOAD_BYTES):
        sizes = PayloadSizes(least_bytes=DEFAULT_PAYLOAD_BYTES, most_bytes=DEFAULT_PAYLOAD_BYTES)
    if sizes is not None:
        requests = _sized(protocol.called, sized, sizes, spec.seed, room_bytes)
        if datagrams and len(requests) == 1 and isinstance(protocol, Echo | TimestampEcho):
            requests = _numbered(requests[0])
        return _Drawn.of_one_kind(requests)
    if spec.payload:
        return _drawn(protocol, {"any": (_any(protocol, datagrams), 1)}, spec.seed, room_bytes)
    workload = protocol.workload()
    known = dict(protocol.kinds())
    if datagrams and isinstance(protocol, Datagrams):
        workload, known = protocol.datagram_workload(), {}
    if spec.mix:
        known |= {kind: strategy for kind, (strategy, _) in workload.items()}
        workload = _mixed(protocol.called, known, spec.mix)
    return _drawn(protocol, workload, spec.seed, room_bytes)


def _mixed(
    name: str, known: Mapping[str, SearchStrategy[bytes]], mix: Mapping[str, float]
) -> _Workload:
    """Return the kinds that are asked for, with the weights that are asked for."""
    for kind in mix:
        if kind not in known:
            raise UsageError(
                f"{name} has no kind of request {kind!r}", f"it has {', '.join(sorted(known))}"
            )
    return {kind: (known[kind], weight) for kind, weight in mix.items() if weight > 0}


def _any(protocol: Protocol, datagrams: bool) -> SearchStrategy[bytes]:
    if datagrams and isinstance(protocol, Datagrams):
        return protocol.datagrams()
    return protocol.requests()


def _refuse(spec: LoadSpec, protocol: Protocol, *, datagrams: bool) -> None:
    if protocol.exchange is not Exchange.REQUEST_REPLY:
        raise UsageError(
            f"{protocol.called} has no replies to time",
            "load needs a protocol of requests and replies",
        )
    if protocol.one_request and spec.pipeline > 1:
        raise UsageError(f"{protocol.called} has one request on each connection")
    if datagrams:
        _refuse_for_datagrams(spec, protocol)
    if spec.pipeline > 1 and not protocol.pipelining:
        raise UsageError(f"{protocol.called} does not allow a request before the last reply")


def _refuse_for_datagrams(spec: LoadSpec, protocol: Protocol) -> None:
    if not isinstance(protocol, Datagrams):
        raise UsageError(
            f"{protocol.called} is not spoken over UDP",
            "write tcp://, or base it on DatagramProtocol",
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


def _batches(requests: Sequence[_Piece], spec: LoadSpec, kinds: Sequence[str]) -> list[Batch]:
    """Put requests together and cut them as the spec says.

    A request that has no reply leaves together with the next one: a closed loop sends that at once.

    Args:
        requests: what is drawn.
        spec: says how many leave together, and how they are cut.
        kinds: their names; none where they are not told apart.

    """
    draw = random.Random(spec.seed)  # noqa: S311 - load, not secrets
    changed = spec.segment != "whole" and spec.segment_share > 0
    count = len(requests)
    if changed and spec.segment_share < 1:
        # Enough batches to hold the share: 1 in 20 for 5 %.
        count = max(count, math.ceil(_LEAST_CHANGED / spec.segment_share))
    supply = cycle(requests)
    batches = []
    share = 0.0
    while count > 0:
        share += spec.segment_share if changed else 0.0
        change = share >= 1 - 1e-9
        share -= change
        together = max(spec.coalesced, spec.pipeline) if change else spec.pipeline
        taken = list(islice(supply, together))
        room = _MOST_MERGED_CUT_BYTES if change else _MAX_CORPUS_BYTES
        while (
            taken[-1].silent
            and len(taken) < together + _MOST_MERGED
            and sum(len(piece.request) for piece in taken) < room
        ):
            taken.append(next(supply))
        count -= 1 + max(0, len(taken) - together)
        group = [piece.request for piece in taken]
        size = sum(map(len, group))
        cuts = cuts_of(spec.segment, size, draw) if change else ()
        in_order = sorted(taken, key=lambda piece: piece.silent)  # what is answered comes first
        batches.append(Batch(group, cuts, [piece.kind for piece in in_order] if kinds else ()))
    return batches


def _sized(
    name: str,
    sized: Callable[[int], bytes | None],
    sizes: PayloadSizes,
    seed: int,
    room: int,
) -> list[bytes]:
    """Return requests of sizes drawn from a range; where there is none of a size, of the next."""
    draw = random.Random(seed)  # noqa: S311 - load, not secrets
    draws = 1 if sizes.least_bytes == sizes.most_bytes else _DRAWS
    requests: list[bytes] = []
    while len(requests) < draws and (room > 0 or not requests):
        size = draw.randint(sizes.least_bytes, sizes.most_bytes)
        upwards = range(size, min(sizes.most_bytes, size + _MOST_BESIDE) + 1)
        downwards = range(size - 1, max(sizes.least_bytes, size - _MOST_BESIDE) - 1, -1)
        request = next(filter(None, map(sized, (*upwards, *downwards))), None)
        if request is None:
            raise UsageError(
                f"{name} has no request of {size} bytes, nor of the sizes around it",
                "write --payload any, or give the protocol a sized_request()",
            )
        requests.append(request)
        room -= len(request)
    return requests


def _drawn(protocol: Protocol, workload: _Workload, seed: int, room_bytes: int) -> _Drawn:
    """Draw each kind to its share, and mix them; a seed always draws the same."""
    total = sum(weight for _, weight in workload.values())
    mixed: list[tuple[bytes, int]] = []
    for kind, (strategy, weight) in enumerate(workload.values()):
        wanted = round(_DRAWS * weight / total) or 1
        found = _drawn_from(strategy, wanted, seed, int(room_bytes * weight / total))
        if not found:
            raise UsageError(f"{protocol.called} draws no request that has a byte in it")
        # A strategy that has few is drawn from again; one that has large ones fills its room.
        several = found if len(workload) == 1 else islice(cycle(found), wanted)
        mixed += [(request, kind) for request in several]
    random.Random(seed).shuffle(mixed)  # noqa: S311 - Hypothesis draws small ones first
    names = tuple(workload) if len(workload) > 1 else ()
    return _Drawn([request for request, _ in mixed], [kind for _, kind in mixed], names)


def _drawn_from(
    strategy: SearchStrategy[bytes], most: int, drawn_seed: int, room_bytes: int
) -> list[bytes]:
    from hypothesis import HealthCheck, Phase, given, seed, settings

    requests: list[bytes] = []

    @seed(drawn_seed)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(request: bytes) -> None:
        if request and sum(map(len, requests)) < room_bytes:
            requests.append(request)

    draw()
    return requests
