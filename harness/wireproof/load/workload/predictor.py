"""Replies known to the byte before they come, so that one comparison verifies them.

An oracle judges any conversation. Under load nearly every batch is the simplest one: on a
connection that owes nothing, some requests leave in one piece, and all replies come back in one
piece. Where such a batch has one right reply only, a `Predictor` knows it.

Where replies depend on the request alone and are known by a pattern, a mask or a judge, a reply is
known once the oracle has accepted it: one that equals it, byte for byte, is right as well.

Invariant: for requests sent so, the oracle accepts a predicted reply, and counts every request as
answered by it. What differs from the prediction is not wrong yet: the oracle judges it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate

from wireproof.learnt.protocol import LearntProtocol
from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.timestamp_echo import HEADER, HEADER_BYTES, TimestampEcho
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.judging.frozen import frozen
from wireproof.protocols.replies import replies_of
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.user_code import call_user_code

_BEYOND_PREDICTION = (
    "parts",
    "mask",
    "closes",
    "answerable_at",
    "numbered",
    "unsolicited",
    "session",
)
"""With these, `expected()` alone does not say what comes."""


class Predictor(ABC):
    """Foretells the reply to requests that leave together on a settled connection.

    Attributes:
        learns_replies: whether a reply that the oracle accepted is right for the same requests
            again, until it is too old: what is not known to the byte may have a clock in it.
        continues: whether an oracle that did not see the last reply has to be shown it.

    """

    learns_replies = False
    continues = False

    @abstractmethod
    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        """Return the reply, or None where it is not known now."""

    def ends(self, requests: Sequence[bytes]) -> Sequence[int]:
        """Return where in the reply that to each request ends; none where that is not known."""
        del requests
        return ()

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
    if isinstance(protocol, LearntProtocol):
        return _LearningPredictor() if protocol.repeats_itself else None
    if (
        not isinstance(protocol, RequestReply)
        or overrides(protocol, RequestReply, "oracle")
        or is_private(protocol, requests)
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
    if overrides(protocol, Datagrams, "datagram_oracle"):
        return None
    before = frozen(vars(protocol))
    for datagram in datagrams:
        call_user_code(protocol.expected_datagram, datagram)
    is_known = before is not None and frozen(vars(protocol)) == before
    return _DatagramPredictor(protocol) if is_known else None


def is_private(protocol: Protocol, requests: Sequence[bytes]) -> bool:
    """Say whether requests, or the replies to them, are a connection's own.

    Args:
        protocol: makes requests private to a connection, keeps state from one to the next, or
            learns from what it hears.
        requests: what will be sent; whether `expected()` keeps state is tried on them.

    """
    if overrides(protocol, Protocol, "personalise"):
        return True
    return (
        isinstance(protocol, RequestReply)
        and not overrides(protocol, RequestReply, "oracle")
        and (overrides(protocol, RequestReply, "heard") or keeps_state(protocol, requests))
    )


def keeps_state(protocol: RequestReply, requests: Sequence[bytes]) -> bool:
    """Say whether replies depend on what came before."""
    session = protocol.session()
    before = frozen(vars(session))
    for request in requests:
        for part in call_user_code(session.parts, request):
            call_user_code(session.expected, part)
    return before is None or frozen(vars(session)) != before


def required_replies(protocol: Protocol, requests: Sequence[bytes]) -> list[int]:
    """Return how many replies must come to each of some requests, sent in this order."""
    if not isinstance(protocol, RequestReply) or overrides(protocol, RequestReply, "oracle"):
        return [1] * len(requests)
    session = protocol.session()
    return [
        sum(
            not reply.optional
            for part in call_user_code(session.parts, request)
            for reply in replies_of(call_user_code(session.expected, part), session.expected)
        )
        for request in requests
    ]


class _EchoPredictor(Predictor):
    continues = True

    def reply(self, requests: Sequence[bytes]) -> bytes:
        return b"".join(requests)

    def ends(self, requests: Sequence[bytes]) -> Sequence[int]:
        return list(accumulate(map(len, requests)))


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

    def _exact(self, requests: Sequence[bytes]) -> list[bytes]:
        matchers = [call_user_code(self._protocol.expected, request) for request in requests]
        exact = [matcher for matcher in matchers if isinstance(matcher, bytes)]
        # A request without a reply, or one with an empty reply, is never seen to be answered.
        return exact if len(exact) == len(matchers) and all(exact) else []

    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        return b"".join(self._exact(requests)) or None

    def ends(self, requests: Sequence[bytes]) -> Sequence[int]:
        return list(accumulate(map(len, self._exact(requests))))


class _DatagramPredictor(Predictor):
    learns_replies = True

    def __init__(self, protocol: Datagrams) -> None:
        self._protocol = protocol

    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        (datagram,) = requests
        matcher = call_user_code(self._protocol.expected_datagram, datagram)
        return matcher if isinstance(matcher, bytes) else None


class _TimestampPredictor(Predictor):
    """Chunks as a server reads them that finds all there, each behind the header it sent last.

    The header changes once a second. A server that reads other chunks is right as well; the oracle
    tells.
    """

    continues = True

    def __init__(self, chunk_limit_bytes: int) -> None:
        self._limit = chunk_limit_bytes
        self._header: bytes | None = None

    def reply(self, requests: Sequence[bytes]) -> bytes | None:
        return None if self._header is None else self._framed(self._header, b"".join(requests))

    def ends(self, requests: Sequence[bytes]) -> Sequence[int]:
        return [
            end + -(-end // self._limit) * HEADER_BYTES for end in accumulate(map(len, requests))
        ]

    def learn(self, sent: bytes, received: bytes) -> bool:
        header = received[:HEADER_BYTES]
        if (
            header == self._header
            or received != self._framed(header, sent)
            or not HEADER.fullmatch(header)
        ):
            return False
        self._header = header
        return True

    def _framed(self, header: bytes, payload: bytes) -> bytes:
        starts = range(0, len(payload), self._limit)
        return b"".join(header + payload[start : start + self._limit] for start in starts)
