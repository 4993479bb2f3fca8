"""The first connection of a closed loop is alone for a moment."""

from types import SimpleNamespace
from typing import Any

import pytest

from wireproof.load.swarm.connections.link import State
from wireproof.load.swarm.unloaded_start import UnloadedStart

MS = 1_000_000


def connection(state: State = State.BUSY, sent_ns: int = 0) -> Any:
    """What is asked of a connection."""
    return SimpleNamespace(state=state, sent_ns=sent_ns)


def test_all_but_the_first_wait_until_it_is_over():
    """The first connection that could send does; when its time is up, nobody waits any more."""
    start, first, second = UnloadedStart(wanted=True), connection(), connection()
    assert not start.under_way
    assert not start.holds_back(first, 5 * MS)
    assert start.under_way
    assert start.holds_back(second, 6 * MS)
    assert not start.holds_back(first, 7 * MS)
    first.sent_ns = 7 * MS
    assert not start.ends(35 * MS)
    assert start.ends(36 * MS)
    assert not start.under_way
    assert not start.ends(37 * MS)
    assert not start.holds_back(second, 38 * MS)


def test_nobody_waits_where_it_is_not_wanted():
    """An open loop's schedule says who sends."""
    start = UnloadedStart(wanted=False)
    assert not start.holds_back(connection(), 0)
    assert not start.holds_back(connection(), 0)
    assert not start.under_way
    assert not start.ends(10**12)


@pytest.mark.parametrize(
    ("alone", "over_at_ms"),
    [
        (connection(State.BUSY, sent_ns=1), 31),
        (connection(State.CLOSED), 31),
        (connection(State.BUSY), 1031),
    ],
)
def test_it_lasts_until_a_reply_was_seen_or_for_a_second(alone: Any, over_at_ms: int):
    """A connection without a first reply keeps the others waiting, but not for ever."""
    start = UnloadedStart(wanted=True)
    start.holds_back(alone, 0)
    assert not start.ends((over_at_ms - 1) * MS)
    assert start.ends(over_at_ms * MS)
