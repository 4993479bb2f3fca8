"""Requests found in scripts."""

from tests.support.learnt_scripts import constant, scripts
from wireproof.learnt.cast import Cast, Cue

A, B = (b"a\n", b"1\n"), (b"b\n", b"2\n")


def test_the_longest_way_behind_tells_the_line() -> None:
    """Of two places of a request, the one whose requests before fit best."""
    twice = scripts(constant(A, B), constant(B, A, B, first_reply=2))
    cue = Cue(Cast(twice))
    assert [cue.pattern_for(request).reply for request in (b"b\n", b"a\n", b"b\n")] == [2, 3, 4]
    other = Cue(Cast(twice))
    assert [other.pattern_for(request).reply for request in (b"a\n", b"b\n", b"b\n")] == [0, 1, 1]


def test_what_differs_from_connection_to_connection_is_no_part_of_the_key() -> None:
    """Its size is."""
    cast = Cast(scripts(constant((b"user-1 a", b"r")), vary=r"user-\d"))
    assert cast.key(b"user-1 a") == cast.key(b"user-9 a")
    assert cast.identities(b"user-9 a") == [b"user-9"]
