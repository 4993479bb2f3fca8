"""Conversations played to learn from: what a peer sends without end fills no memory."""

import pytest

from tests.support.servers import Serving, shouting
from wireproof.conversation import Conversation, Turn
from wireproof.errors import CannotRunError
from wireproof.learning.patterns.pattern import Literal, Pattern
from wireproof.rehearsal import player
from wireproof.rehearsal.player import Player
from wireproof.wire.connection import Connection
from wireproof.wire.observations import Data

BEAT = Pattern(0, (Literal(b"tick\n"),))


def test_what_comes_unasked_without_a_pause_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that belong to no reply count, too; and no greeting is looked for behind them."""
    monkeypatch.setattr(player, "_MOST_REPLY_BYTES", 1000)
    monkeypatch.setattr(player, "_GREETING_WAIT_S", 0.01)
    monkeypatch.setattr(Connection, "next_observation", lambda *_: Data(b"tick\n"))
    with Serving(shouting) as server:
        plays = Player(server.target, unasked=(BEAT,))
        assert not plays.is_greeted()
        with pytest.raises(CannotRunError, match="has no end: 1,005 bytes"):
            plays.play(Conversation("a test", (Turn(b"hello\n"),), replies_known=False))
