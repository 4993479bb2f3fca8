"""What a server says without being asked: heard on a connection that has gone quiet."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from wireproof.conversation import Conversation
from wireproof.deadline import Deadline
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learning.unasked import Sieve, learn_unasked
from wireproof.wire.connection import Connection
from wireproof.wire.observations import Data

_LISTENED_S: Final = 1.1
"""A heartbeat of one second is heard; slower ones are rare enough to make no alarm twice."""
_LISTENED_ON_S: Final = 3.5
"""Where something came: until it has come often enough to be known."""
_ENOUGH: Final = 4
_TRICKLED_S: Final = 1.0
_MOST_TRICKLE_BYTES: Final = 64 * 1024


def overheard(connection: Connection) -> tuple[Pattern, ...]:
    """Listen on a connection on which nothing is owed.

    Returns:
        What came again and again; none where nobody can say what it looks like.

    """
    heard: list[tuple[float, bytes]] = []
    until = Deadline(_LISTENED_S)
    while len(heard) < _ENOUGH and isinstance(seen := connection.next_observation(until), Data):
        if not heard:
            until = Deadline(_LISTENED_ON_S)
        heard.append((time.time(), seen.data))
    return learn_unasked(heard)


def trickling(arrivals: Sequence[tuple[float, bytes]]) -> tuple[Pattern, ...]:
    """Return what a reply that doesn't end goes on with again and again; none where it isn't that.

    Args:
        arrivals: of the reply so far: seconds of the epoch, and what came then.

    """
    last = arrivals[1:][-_ENOUGH:]  # behind what began the reply
    if len(last) < _ENOUGH or last[-1][0] - arrivals[0][0] < _TRICKLED_S:
        return ()
    if sum(len(data) for _, data in last) > _MOST_TRICKLE_BYTES:
        return ()
    return learn_unasked(last)


def without_unasked(conversation: Conversation, unasked: Sequence[Pattern]) -> Conversation:
    """Return a conversation without what the server said unasked."""
    if not unasked:
        return conversation
    sieve = Sieve(unasked)
    turns = [replace(turn, reply=sieve.cleaned([turn.reply])) for turn in conversation.turns]
    kept = tuple(turn for turn in turns if turn.request or turn.reply)
    return replace(conversation, turns=kept)
