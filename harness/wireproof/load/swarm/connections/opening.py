"""A socket on its way to a connection: the connect, the TLS handshake, the protocol's opening."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Iterable
from enum import Enum, auto
from functools import partial
from select import EPOLLIN, EPOLLOUT
from typing import Any

from wireproof.causes import Cause
from wireproof.load.failures import ConnectionFailedError
from wireproof.load.swarm.connections.dialling import see_connected
from wireproof.load.swarm.connections.dialogue import Dialogue
from wireproof.load.swarm.connections.surroundings import Surroundings
from wireproof.load.workload.batch import RECEIVE_BYTES
from wireproof.protocols.base import Protocol
from wireproof.target import Target
from wireproof.wire.client_tls import send_records


class _Step(Enum):
    CONNECTING = auto()
    HANDSHAKE = auto()
    TALKING = auto()
    """The protocol's greeting or log-in."""


class Opening:
    """One socket until requests can be sent on it.

    Attributes:
        sock: the socket, under TLS once that is due.
        is_tls: whether it is.
        watched: what epoll is to tell of it.

    """

    __slots__ = (
        "_begins_tls",
        "_dialogue",
        "_more",
        "_protocol",
        "_requests",
        "_step",
        "_surroundings",
        "_target",
        "is_tls",
        "sock",
        "watched",
    )

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        dialogue: Dialogue,
        source: str,
        surroundings: Surroundings,
        *,
        more: Iterable[bytes],
    ) -> None:
        """Start to connect.

        Args:
            target: resolved.
            protocol: says how a connection opens.
            dialogue: judges the greeting and the log-in.
            source: the local address to come from; empty for the system's choice.
            surroundings: where sockets come from.
            more: requests that open the connection behind the protocol's own.

        Raises:
            ConnectionFailedError: it failed at once.

        """
        self._surroundings = surroundings
        self._target = target
        self._protocol = protocol
        self._dialogue = dialogue
        self._requests: deque[bytes] = deque()
        self._more = more
        self._begins_tls = target.scheme == "tls"
        self.is_tls = False
        self._step = _Step.CONNECTING
        self.sock: Any = surroundings.dial(target, source)
        self.watched = EPOLLOUT

    @property
    def is_connected(self) -> bool:
        """Whether the server's kernel has taken the connection."""
        return self._step is not _Step.CONNECTING

    def go_on(self, event: int) -> bool:
        """Go on as `event` of epoll allows; returns whether requests can be sent.

        Raises:
            ConnectionFailedError: the connect, the handshake or the opening failed.
            OSError: so did a read.

        """
        if self._step is _Step.CONNECTING:
            see_connected(self.sock)
            self._requests = deque((*self._protocol.opening(), *self._more))
            self._step = _Step.TALKING
            self.watched = EPOLLIN
        elif self._step is _Step.TALKING:
            if event & ~EPOLLOUT:
                self._dialogue.hear(self.sock.recv(RECEIVE_BYTES))
            self._push()
            return self._has_said_all()
        return self._is_secured() and self._has_said_all()

    def _is_secured(self) -> bool:
        """Go on with the handshake, if one is due; return whether none is."""
        if self._begins_tls:
            self._begins_tls = False
            self.sock = self._surroundings.with_tls(self.sock, self._target.host)
            self.is_tls = True
            self._step = _Step.HANDSHAKE
        if self._step is _Step.HANDSHAKE:
            if not self._shakes_hands():
                return False
            self._step = _Step.TALKING
            self.watched = EPOLLIN
        return True

    def _shakes_hands(self) -> bool:
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            self.watched = EPOLLIN
            return False
        except ssl.SSLWantWriteError:
            self.watched = EPOLLOUT
            return False
        except (ssl.SSLError, OSError) as error:
            raise ConnectionFailedError(Cause.TLS, f"TLS handshake: {error.args[-1]}") from None
        return True

    def _has_said_all(self) -> bool:
        while self._dialogue.is_over:
            if not self._is_secured():
                return False
            if not self._requests:
                return True
            request = self._requests.popleft()
            self._begins_tls = self._protocol.begins_tls(request)
            self._dialogue.open_with(request)
            self._push()
        return False

    def _push(self) -> None:
        send = partial(send_records, self.sock) if self.is_tls else self.sock.send
        goes_on = self._dialogue.push(send)
        self.watched = EPOLLIN | EPOLLOUT if goes_on else EPOLLIN
