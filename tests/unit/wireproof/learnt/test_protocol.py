"""What a learnt protocol says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.learnt_scripts import BEGAN_S, constant, script, scripts
from wireproof.learnt.judges import protocol_of
from wireproof.learnt.protocol import LearntProtocol, variant

LOGIN, PING, QUIT = (b"login\n", b"hi\n"), (b"ping\n", b"pong\n"), (b"quit\n", b"bye\n")


@given(name=st.from_regex(r"[a-z]{1,4}[0-9]{2,3}", fullmatch=True), others=st.integers(1, 99))
def test_names_have_one_size_and_differ(name: str, others: int) -> None:
    """A name for each connection."""
    first, other = variant(name.encode(), 0), variant(name.encode(), others)
    assert first == name.encode()
    assert other != first
    assert len(other) == len(first)


def test_conversations_stand_behind_the_opening() -> None:
    """What opens a connection is no part of what is cut, and what ends one is not repeated."""
    learnt = scripts(constant(LOGIN, PING, QUIT, closes=True), opening=1, independent=(b"ping\n",))
    protocol = LearntProtocol(learnt, lambda: 0.0)
    assert list(protocol.opening()) == [b"login\n"]
    assert protocol.conversations() == [(b"ping\n", b"quit\n")]
    assert protocol.example() == b"ping\n"
    assert protocol.is_last(b"quit\n")
    assert protocol.usual_reply_bytes(b"ping\n") == len(b"pong\n")
    assert not protocol.is_last(b"ping\n")
    assert not protocol.one_request


@pytest.mark.parametrize(("opening", "one"), [(0, False), (1, True)])
def test_one_request_is_all_where_the_server_closes_behind_it(opening: int, one: bool) -> None:
    """The opening doesn't count."""
    learnt = scripts(constant(LOGIN, PING, closes=True), opening=opening)
    assert LearntProtocol(learnt, lambda: 0.0).one_request is one


def test_what_is_answered_alike_once_follows_nothing_but_its_script() -> None:
    """A server that counts a connection's requests answers none of them alike a second time."""
    counted = LearntProtocol(scripts(constant(LOGIN, PING, PING)), lambda: 0.0)
    assert counted.is_conversation([b"login\n", b"ping\n"])
    assert counted.is_conversation([])
    assert not counted.is_conversation([b"login\n", b"login\n"])
    assert not counted.is_conversation([b"login\n", b"ping\n", b"ping\n", b"ping\n"])
    learnt = scripts(constant(LOGIN, PING), opening=1, independent=(b"ping\n",))
    assert LearntProtocol(learnt, lambda: 0.0).is_conversation([b"ping\n"] * 9)


def test_what_only_a_pause_ends_is_known() -> None:
    """A reply at whose end the first play had something more has no end by itself."""
    replies = [[b"yo\nlate\n", b"pong\n"], *[[b"yo\n", b"pong\n"]] * 5]
    protocol = protocol_of(scripts(script([b"hi\n", b"ping\n"], replies)), clock=lambda: BEGAN_S)
    assert not protocol.ends_itself(b"hi\n")
    assert protocol.ends_itself(b"ping\n")
