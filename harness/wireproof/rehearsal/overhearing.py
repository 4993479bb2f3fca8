"""What a server says without being asked: heard on a connection that has gone quiet."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from wireproof.conversation import Conversation, Turn
from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learning.unasked import Sieve, learn_unasked
from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.observations import Data

_MOST_TURNS: Final = 8
_SAID_S: Final = 3.0
"""For all turns: a log-in is among the first, and a heartbeat may wait for that."""
_FIRST_S: Final = 1.0
_QUIET_S: Final = 0.1
_MOST_REPLY_S: Final = 0.5
_LISTENED_S: Final = 1.1
"""A heartbeat of one second is heard; slower ones are rare enough to make no alarm twice."""
_LISTENED_ON_S: Final = 3.5
"""Where something came: until it has come often enough to be known."""
_ENOUGH: Final = 4


def overhear(target: Target, conversation: Conversation) -> tuple[Pattern, ...]:
    """Say what the client of a conversation says, then listen.

    Args:
        target: resolved; speaks streams.
        conversation: of which the beginning is said, whatever is answered.

    Returns:
        What came unasked again and again; none where nobody can say what it looks like.

    Raises:
        CannotRunError: there is no connection.

    """
    try:
        connection = connect(target)
    except ConnectError as error:
        raise CannotRunError(
            f"no connection to {target}: {error.reason}", "start the server first"
        ) from None
    with connection:
        said = Deadline(_SAID_S)
        for turn in conversation.turns[:_MOST_TURNS]:
            if connection.send(turn.request) != len(turn.request) or said.expired:
                break
            if turn.reply or not conversation.replies_known:
                _await_quiet(connection)
        return learn_unasked(_heard(connection))


def _await_quiet(connection: Connection) -> None:
    """Read until it is quiet for a moment, or it is clear that it won't be."""
    most = Deadline(_MOST_REPLY_S)
    until = Deadline(_FIRST_S)
    while isinstance(connection.next_observation(until), Data) and not most.expired:
        until = Deadline(_QUIET_S)


def _heard(connection: Connection) -> list[tuple[float, bytes]]:
    heard: list[tuple[float, bytes]] = []
    until = Deadline(_LISTENED_S)
    while len(heard) < _ENOUGH and isinstance(seen := connection.next_observation(until), Data):
        if not heard:
            until = Deadline(_LISTENED_ON_S)
        heard.append((time.time(), seen.data))
    return heard


def without_unasked(conversation: Conversation, unasked: Sequence[Pattern]) -> Conversation:
    """Return a conversation without what the server said unasked."""
    sieve = Sieve(unasked)
    turns = [
        Turn(turn.request, sieve.cleaned([turn.reply]), turn.at_s) for turn in conversation.turns
    ]
    kept = tuple(turn for turn in turns if turn.request or turn.reply)
    return replace(conversation, turns=kept) if unasked else conversation
