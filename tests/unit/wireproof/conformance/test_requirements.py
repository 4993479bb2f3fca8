from collections.abc import Iterator
from types import MappingProxyType

import msgspec
import pytest

from tests.support.played import failure
from tests.support.servers import Shout
from wireproof.conformance.execution.failure import Owed, Seen
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.requirements import (
    irrelevance,
    level_of,
    needs_half_close,
    needs_pipelining,
    requirement,
)
from wireproof.conformance.subject import DEPTHS, Subject
from wireproof.protocols.base import Protocol
from wireproof.protocols.exchange import Exchange
from wireproof.results import Level
from wireproof.target import parse_target, resolve


def _subject(target: str = "tcp://127.0.0.1:7", protocol: Protocol | None = None) -> Subject:
    return Subject(
        protocol or Shout(),
        resolve(parse_target(target))[0],
        DEPTHS["quick"],
        half_close=True,
        concurrent=True,
        smallest=b"\n",
        plain_request=b"\n",
        requests=(b"\n",),
    )


class Lenient(Shout):
    """A protocol that binds some requirements more, some less."""

    half_close = Level.MUST
    levels = MappingProxyType({"SEG-SINGLE": Level.MAY})


def test_a_requirement_is_made_of_the_plans_below_it() -> None:
    """The decorator turns a function of plans into the record."""

    @requirement("A-B", Level.MUST, "It holds.", source="s", reason="r")
    def made(_: Subject) -> Iterator[Plan]:
        yield from ()

    assert (made.id, made.level, made.title) == ("A-B", Level.MUST, "It holds.")
    assert made.unsupported(_subject()) == ""
    assert made.level_for(_subject()) is Level.MUST


def test_the_protocol_may_bind_more_or_less() -> None:
    """By ID, and half-close by a word of its own."""
    assert level_of("SEG-SINGLE", Level.MUST, Lenient()) is Level.MAY
    assert level_of("SEG-HELD", Level.MUST, Lenient()) is Level.MUST
    assert level_of("CLOSE-HALF", Level.SHOULD, Lenient()) is Level.MUST
    assert level_of("CLOSE-HALF", Level.MUST, Shout()) is Level.SHOULD


def test_what_a_target_or_a_protocol_has_not() -> None:
    """Each says why, in words for the report."""

    class OneAtATime(Shout):
        pipelining = False

    assert needs_pipelining(_subject()) == ""
    assert "one request at a time" in needs_pipelining(_subject(protocol=OneAtATime()))
    assert needs_half_close(_subject()) == ""
    assert needs_half_close(_subject("tls://127.0.0.1:7")) == "TLS has no half-close"


@pytest.mark.parametrize("identifier", ["SEG-SINGLE", "CLOSE-HALF"])
def test_what_means_nothing_without_requests(identifier: str) -> None:
    """A server that only announces has no requests that could be cut."""

    class Announcing(Shout):
        exchange = Exchange.ANNOUNCEMENT

    assert "no replies to requests" in irrelevance(identifier, Announcing())
    assert irrelevance(identifier, Shout()) == ""
    assert irrelevance("CAP-CONCURRENT", Announcing()) == ""


def test_what_is_given_back_late_need_not_be_early() -> None:
    """That descriptors go back is a must; when, a server's own time limit may say."""

    @requirement("A-B", Level.MUST, "It holds.", source="s", reason="r")
    def made(_: Subject) -> Iterator[Plan]:
        yield from ()

    kept = msgspec.structs.replace(failure(Seen.LESS), owed=Owed.RELEASE)
    late = msgspec.structs.replace(kept, seen=Seen.LATE)
    assert made.level_of_failure(_subject(), kept) is Level.MUST
    assert made.level_of_failure(_subject(), late) is Level.SHOULD
