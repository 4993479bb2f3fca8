"""Replies known to the byte before they come, so that one comparison verifies them.

An oracle judges any conversation. Under load nearly every batch is the simplest one: on a
connection that owes nothing, some requests leave in one piece, and all replies come back in one
piece. Where such a batch has one right reply only, a `Predictor` knows it.

Where replies depend on the request alone and are known by a pattern, a mask or a judge, a reply is
known once the oracle has accepted it: one that equals it, byte for byte, is right as well.

Invariant: for requests sent so, the oracle accepts a predicted reply, and counts every request as
answered by it. What differs from the prediction is not wrong yet: the oracle judges it.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence

from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.timestamp_echo import HEADER, HEADER_BYTES, TimestampEcho
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.user_code import call_user_code

_BEYOND_LEARNING = ("oracle", "session", "unsolicited", "personalise", "numbered")
"""With these, requests differ from connection to connection, or replies from time to time."""
_BEYOND_PREDICTION = (*_BEYOND_LEARNING, "parts", "pauses", "mask", "closes", "answerable_at")
"""With these, `expected()` alone does not say what comes."""


class Predictor(ABC):
    """Foretells the reply to requests that leave together on a settled connection.

    Attributes:
        learns_replies: whether a reply that the oracle accepted is right for the same requests
            again, until it is too old: what is not known to the byte may have a clock in it.

    """

    learns_replies = False

    @abstractmethod
    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        """Return the reply, or None where it is not known now."""

    def learn(self, sent: bytes, received: bytes) -> bool:
        """Take a whole batch that the oracle accepted.

        Returns:
            Whether predictions changed.

        """
        del sent, received
        return False


def predictor_of(protocol: Protocol, requests: Sequence[bytes] = ()) -> Predictor | None:
    """Return what foretells this protocol's replies, or None where only the oracle can judge.

    Args:
        protocol: judges.
        requests: what will be sent; whether `expected()` keeps state is tried on them.

    """
    if isinstance(protocol, Echo) and not overrides(protocol, Echo, "oracle"):
        return _EchoPredictor()
    if isinstance(protocol, TimestampEcho) and not overrides(protocol, TimestampEcho, "oracle"):
        return _TimestampPredictor(protocol.buffer)
    if (
        not isinstance(protocol, RequestReply)
        or any(overrides(protocol, RequestReply, hook) for hook in _BEYOND_LEARNING)
        or _keeps_state(protocol, requests)
        or any(call_user_code(protocol.pauses, request) for request in requests)
    ):
        return None
    if any(overrides(protocol, RequestReply, hook) for hook in _BEYOND_PREDICTION):
        return _LearningPredictor()
    return _RequestReplyPredictor(protocol)


def datagram_predictor_of(protocol: Protocol, datagrams: Sequence[bytes]) -> Predictor | None:
    """Return what foretells replies to datagrams, or None where they depend on what came before.

    Args:
        protocol: judges; spoken over UDP.
        datagrams: what will be sent.

    """
    if isinstance(protocol, TimestampEcho):
        return _TimestampPredictor(protocol.buffer)
    assert isinstance(protocol, Datagrams)
    before = copy.deepcopy(vars(protocol))
    for datagram in datagrams:
        call_user_code(protocol.expected_datagram, datagram)
    return _DatagramPredictor(protocol) if vars(protocol) == before else None


def _keeps_state(protocol: RequestReply, requests: Sequence[bytes]) -> bool:
    """Say whether replies depend on what came before."""
    session = protocol.session()
    before = copy.deepcopy(vars(session))
    for request in requests:
        call_user_code(session.expected, request)
        if vars(session) != before:
            return True
    return False


class _EchoPredictor(Predictor):
    def reply(self, requests: Sequence[bytes]) -> bytes:
        return b"".join(requests)


class _LearningPredictor(Predictor):
    """Knows nothing beforehand."""

    learns_replies = True

    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        del requests
        return None


class _RequestReplyPredictor(Predictor):
    learns_replies = True  # of those that are not known to the byte

    def __init__(self, protocol: RequestReply) -> None:
        self._protocol = protocol

    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        matchers = [call_user_code(self._protocol.expected, request) for request in requests]
        exact = [matcher for matcher in matchers if isinstance(matcher, bytes)]
        # A request without a reply, or one with an empty reply, is never seen to be answered.
        return b"".join(exact) if len(exact) == len(matchers) and all(exact) else None


class _DatagramPredictor(Predictor):
    learns_replies = True

    def __init__(self, protocol: Datagrams) -> None:
        self._protocol = protocol

    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        (datagram,) = requests
        matcher = call_user_code(self._protocol.expected_datagram, datagram)
        return matcher if isinstance(matcher, bytes) else None


class _TimestampPredictor(Predictor):
    """One chunk behind the header that the server sent last; it changes once a second."""

    def __init__(self, chunk_limit_bytes: int) -> None:
        self._limit = chunk_limit_bytes
        self._header: bytes | None = None

    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        payload = b"".join(requests)
        if self._header is None or len(payload) > self._limit:
            return None
        return self._header + payload

    def learn(self, sent: bytes, received: bytes) -> bool:
        header = received[:HEADER_BYTES]
        if (
            header == self._header
            or received[HEADER_BYTES:] != sent
            or not HEADER.fullmatch(header)
        ):
            return False
        self._header = header
        return True
