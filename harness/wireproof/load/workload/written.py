"""Requests that a user has written down, or what they are about, as a protocol takes them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from wireproof.errors import UsageError, WireproofError
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.predictor import keeps_state
from wireproof.load.workload.requests_file import MOST_REQUESTS, read_requests, read_values
from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.built_in.private_keys import PLACEHOLDER
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.user_code import call_user_code
from wireproof.words import printable

_CONNECTION = b"{connection}"
"""What is another on each connection."""
_TOGETHER = 16
"""Values whose requests are mixed."""
_TRIED = 256
_MOST_COPIES = 100
"""Of one kind of request about a value."""


def written_requests(
    spec: LoadSpec, protocol: Protocol, room_bytes: int, *, datagrams: bool
) -> list[bytes]:
    """Read what is to be sent, and see that the protocol knows a reply to each.

    Args:
        spec: names the files.
        protocol: judges the replies.
        room_bytes: how much there may be.
        datagrams: whether each is a datagram of its own.

    Raises:
        UsageError: it does not; or connections would change each other's replies.

    """
    requests = read_requests(
        spec.requests_file, spec.feed_file, form=spec.requests_as, room_bytes=room_bytes
    )
    if datagrams:
        return requests
    if overrides(protocol, Protocol, "personalise"):
        requests = [request.replace(_CONNECTION, PLACEHOLDER) for request in requests]
        _refuse_shared_state(spec, protocol, requests)
    _see_taken(protocol, requests)
    return requests


def fed_requests(
    spec: LoadSpec, protocol: Protocol, room_bytes: int, *, datagrams: bool
) -> tuple[list[bytes], list[int], tuple[str, ...]]:
    """Return the protocol's own requests about the values of a feed, as often as their weights say.

    The requests about some values are mixed, and then come those about the next: a connection that
    sends a part of all of them still asks for what it has stored.

    Returns:
        The requests, the kind of each, and the kinds' names; none where there is one kind.

    Raises:
        UsageError: the protocol has none about a value, or not of a kind that is asked for.

    """
    found: list[tuple[bytes, int]] = []
    names: list[str] = []
    draw = random.Random(spec.seed)  # noqa: S311 - load, not secrets
    values = read_values(spec.feed_file)
    for at in range(0, len(values), _TOGETHER):
        together = []
        for number, value in enumerate(values[at : at + _TOGETHER], at + 1):
            kinds = _about(protocol, value, datagrams=datagrams)
            if not kinds:
                raise UsageError(
                    f"{spec.feed_file}: {protocol.called} has no request about value number"
                    f" {number}, {printable(value, 40)}",
                    "fix it, or write the requests too: --requests FILE, with {line} in them",
                )
            names = names or list(kinds)
            copies = _copies(protocol, {kind: weight for kind, (_, weight) in kinds.items()}, spec)
            for kind, times in copies.items():
                together += [(kinds[kind][0], names.index(kind))] * times
        draw.shuffle(together)
        room_bytes -= sum(len(request) for request, _ in together)
        if found and (room_bytes < 0 or len(found) >= MOST_REQUESTS):
            break
        found += together
    requests = [request for request, _ in found]
    if not datagrams:
        _see_taken(protocol, requests[:_TRIED])
    return requests, [kind for _, kind in found], tuple(names) if len(names) > 1 else ()


def _about(
    protocol: Protocol, value: bytes, *, datagrams: bool
) -> Mapping[str, tuple[bytes, float]]:
    if datagrams and isinstance(protocol, Datagrams):
        return call_user_code(protocol.fed_datagram, value)
    return call_user_code(protocol.fed, value)


def _copies(protocol: Protocol, weights: Mapping[str, float], spec: LoadSpec) -> dict[str, int]:
    """Return how often each kind is sent about a value."""
    for kind in spec.mix:
        if kind not in weights:
            raise UsageError(
                f"{protocol.called} has no kind of request {kind!r} about a value of a feed",
                f"it has {', '.join(sorted(weights))}",
            )
    asked = {kind: weight for kind, weight in (spec.mix or weights).items() if weight > 0}
    least = min(asked.values())
    return {kind: min(_MOST_COPIES, round(weight / least)) for kind, weight in asked.items()}


def _see_taken(protocol: Protocol, requests: Sequence[bytes]) -> None:
    """Refuse requests to which the protocol knows no reply."""
    for number, request in enumerate(requests, 1):
        oracle = protocol.oracle()
        try:
            oracle.announce(protocol.personalise(request, 0))
            oracle.sent(len(request))
        except WireproofError as error:
            raise UsageError(
                f"{protocol.called} takes no request like number {number} of the file: {error}",
                printable(request, 60),
            ) from None


def _refuse_shared_state(spec: LoadSpec, protocol: Protocol, requests: Sequence[bytes]) -> None:
    """Refuse requests by which connections would change each other's replies."""
    shared = [one for one in requests if protocol.personalise(one, 1) == one]
    if max(spec.users) > 1 and isinstance(protocol, RequestReply) and keeps_state(protocol, shared):
        raise UsageError(
            f"{protocol.called} keeps what is sent, and several connections would send the same"
            " keys",
            "write {connection} into each key, or --users 1",
        )
