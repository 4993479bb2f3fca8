"""Requests that a user has written down, as a protocol takes them."""

from __future__ import annotations

from collections.abc import Sequence

from wireproof.errors import UsageError, WireproofError
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.predictor import keeps_state
from wireproof.load.workload.requests_file import read_requests
from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.built_in.private_keys import PLACEHOLDER
from wireproof.protocols.oracle import printable
from wireproof.protocols.request_reply import RequestReply

_CONNECTION = b"{connection}"
"""What is another on each connection."""


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
    requests = read_requests(spec.requests_file, spec.feed_file, room_bytes=room_bytes)
    if datagrams:
        return requests
    if overrides(protocol, Protocol, "personalise"):
        requests = [request.replace(_CONNECTION, PLACEHOLDER) for request in requests]
        _refuse_shared_state(spec, protocol, requests)
    for number, request in enumerate(requests, 1):
        oracle = protocol.oracle()
        try:
            oracle.announce(protocol.personalise(request, 0))
            oracle.sent(len(request))
        except WireproofError as error:
            raise UsageError(
                f"{protocol.name} takes no request like number {number} of the file: {error}",
                printable(request, 60),
            ) from None
    return requests


def _refuse_shared_state(spec: LoadSpec, protocol: Protocol, requests: Sequence[bytes]) -> None:
    """Refuse requests by which connections would change each other's replies."""
    shared = [one for one in requests if protocol.personalise(one, 1) == one]
    if max(spec.users) > 1 and isinstance(protocol, RequestReply) and keeps_state(protocol, shared):
        raise UsageError(
            f"{protocol.name} keeps what is sent, and several connections would send the same keys",
            "write {connection} into each key, or --users 1",
        )
