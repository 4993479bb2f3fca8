"""Conversations that were seen, each from its beginning to its end on a connection of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence

from wireproof.errors import UsageError
from wireproof.learnt.protocol import LearntProtocol
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.corpus import Corpus, Privacy
from wireproof.load.workload.cutting import cuts_of
from wireproof.load.workload.predictor import is_private, predictor_of


def scripted_corpus(spec: LoadSpec, protocol: LearntProtocol) -> Corpus:
    """Return conversations whose requests can't be sent again on the same connection.

    Args:
        spec: how many requests leave together, and how they are cut.
        protocol: knows the conversations.

    Raises:
        UsageError: the spec asks for other requests, or for some before it is known what they say.

    """
    if spec.payload or spec.mix or spec.requests_file:
        raise UsageError(
            "no request in this traffic gets the same answer twice, so whole"
            " conversations are sent",
            "leave --payload, --mix and --requests out",
        )
    if spec.pipeline > 1 and protocol.carries:
        raise UsageError(
            "requests repeat what replies gave: they can't be sent before those",
            "leave --pipeline out",
        )
    draw = random.Random(spec.seed)  # noqa: S311 - load, not secrets
    batches: list[Batch] = []
    longest = 1
    for whole in protocol.conversations():
        conversation = _answered(protocol, whole)
        begin = len(batches)
        for at in range(0, len(conversation), spec.pipeline):
            together = conversation[at : at + spec.pipeline]
            size = sum(map(len, together))
            changed = draw.random() < spec.segment_share
            batches.append(Batch(together, cuts_of(spec.segment, size, draw) if changed else ()))
        batches[begin].begins = True
        longest = max(longest, len(batches) - begin)
    requests = [request for batch in batches for request in batch.requests]
    if is_private(protocol, requests):
        privacy = Privacy(protocol, longest, len(protocol.opening()))
        return Corpus(batches, None, privacy=privacy)
    return Corpus(batches, predictor_of(protocol, requests))


def _answered(protocol: LearntProtocol, conversation: Sequence[bytes]) -> Sequence[bytes]:
    """Return a conversation without the goodbye that nobody answers: it says nothing of a server.

    The server ends the connection behind it, and when it does so is its own affair.
    """
    last = max(
        at for at, one in enumerate(conversation) if at == 0 or protocol.usual_reply_bytes(one)
    )
    return conversation[: last + 1]
