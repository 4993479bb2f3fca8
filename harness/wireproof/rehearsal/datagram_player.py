"""Plays datagrams, each alone, and sees what answers them: one datagram, or nothing, or more."""

import contextlib
import select
import socket
import time
from typing import Final

from wireproof.conversation import Conversation
from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learning.plays import Moment, Play
from wireproof.rehearsal.player import Performance
from wireproof.target import Target

_FIRST_WAIT_S: Final = 2.0
_LEAST_QUIET_S: Final = 0.05
_QUIET_FACTOR: Final = 10.0
"""Times the slowest reply so far: a second one, where there is one, comes right behind."""
_LARGEST_BYTES: Final = 65535


class DatagramPlayer:
    """Plays conversations of datagrams to one server.

    Attributes:
        overheard: nothing; a datagram that comes unasked is a second reply.
        misheard: so nothing is taken for that.

    """

    overheard: tuple[Pattern, ...] = ()
    misheard = False

    def __init__(self, target: Target) -> None:
        """Play to `target`, which is resolved."""
        self._target = target
        self._slowest_s = 0.0

    def play(
        self, conversation: Conversation, *, patience: float = 1.0, pause_s: float = 0.0
    ) -> Performance:
        """Play a conversation from a socket of its own.

        Args:
            conversation: its requests, a datagram each.
            patience: how many times the usual quiet tells that no second reply comes.
            pause_s: how long to wait before each request.

        Raises:
            CannotRunError: nobody listens there.

        """
        replies: list[bytes] = []
        moments: list[Moment] = []
        several = False
        with socket.socket(self._target.family, socket.SOCK_DGRAM) as peer:
            peer.setblocking(False)
            try:
                peer.connect(self._target.address)
                for turn in conversation.turns:
                    if pause_s:
                        time.sleep(pause_s)  # not to wait for anything: a slow client is a client
                    since_s = time.time()
                    peer.send(turn.request)
                    heard = self._heard(peer, patience)
                    several = several or len(heard) > 1
                    replies.append(b"".join(heard[:1]))
                    moments.append(Moment(since_s, time.time()))
            except OSError as error:
                said = (error.strerror or str(error)).lower()
                raise CannotRunError(
                    f"no datagrams to {self._target}: {said}", "start the server first"
                ) from None
        return Performance(Play(tuple(replies), tuple(moments)), several=several)

    def _heard(self, peer: socket.socket, patience: float) -> list[bytes]:
        """Return the datagrams that come, two at most."""
        begun_s = time.monotonic()
        heard: list[bytes] = []
        wait = Deadline(_FIRST_WAIT_S)
        while len(heard) <= 1 and select.select([peer], [], [], wait.remaining_s())[0]:
            with contextlib.suppress(BlockingIOError):
                heard.append(peer.recv(_LARGEST_BYTES))
                self._slowest_s = max(self._slowest_s, time.monotonic() - begun_s)
                wait = Deadline(max(_LEAST_QUIET_S, _QUIET_FACTOR * self._slowest_s) * patience)
        return heard
