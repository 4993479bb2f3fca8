"""Requests that were seen, made longer, and what is foretold of their replies."""

from tests.support.learnt_scripts import constant, scripts
from wireproof.learning.growing.counts import Count
from wireproof.learning.growing.stretch import Stretch, stretches_of
from wireproof.learning.patterns.pattern import Literal, Pattern, Span
from wireproof.learning.values.kinds import Random
from wireproof.learnt.cast import Cast, Cue
from wireproof.learnt.grown import Grown, replies_of
from wireproof.learnt.oracle import LearntOracle

ECHO, REPLY = b"$2\r\nhi\r\n", b"+2:hi,\r\n"
LONGER = Stretch(ECHO, 6, b"i", (Count("decimal", 1, 1, 2, 4, 6),))
USUAL = Pattern(0, (Literal(REPLY),))


def test_the_reply_repeats_what_got_longer_or_stays() -> None:
    """With the number that counts it there."""
    found = [one.grown(9) if one else None for one in replies_of(LONGER, USUAL)]
    assert None in found
    assert b"+11:hiiiiiiiiii,\r\n" in found


def test_what_varies_in_a_reply_stays_where_it_was() -> None:
    """Only what is constant of it gets longer, behind and before it."""
    dated = Span(Random(), "digits", 3, 3)
    usual = Pattern(4, (Literal(b"2 at "), dated, Literal(b": hi\n")))
    reply = Stretch(b"2 at : hi\n", 9, b"i", (Count("decimal", 0, 1, 2, 7, 9),))
    longer = Grown(LONGER, reply).pattern(usual, 98)
    assert longer == Pattern(4, (Literal(b"100 at "), dated, Literal(b": h" + b"i" * 99 + b"\n")))


def test_a_size_beyond_what_was_tried_is_not_made() -> None:
    """Nor one below the request that was seen."""
    one = Grown(LONGER, None, most_bytes=100)
    assert one.sized(100) is not None
    assert one.sized(101) is one.sized(7) is None


def test_a_longer_request_is_judged_by_the_longer_reply() -> None:
    """The oracle knows it by its own bytes."""
    stretch = next(iter(stretches_of(ECHO)))
    reply = Stretch(REPLY, 5, b"i", (Count("decimal", 1, 1, 2, 3, 5),))
    known = scripts(constant((ECHO, REPLY)), grown=(Grown(stretch, reply, 500),))
    cast = Cast(known)
    request = known.grown[0].sized(300)
    assert request is not None
    assert Cue(cast).pattern_for(request).typical_bytes > 290
    oracle = LearntOracle(cast, None, lambda: 0.0)
    oracle.announce(request)
    oracle.sent(len(request))
    oracle.receive_data(reply.grown(stretch.growth_to(300) or 0))
    assert not oracle.owed
