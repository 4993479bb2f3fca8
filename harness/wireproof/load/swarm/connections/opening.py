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
        watched: what epoll is to tell of it.

    """

    __slots__ = (
        "_dialogue",
        "_more",
        "_protocol",
        "_requests",
        "_step",
        "_surroundings",
        "_target",
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
            self._step = _Step.HANDSHAKE
            if self._target.scheme == "tls":
                self.sock = self._surroundings.with_tls(self.sock, self._target.host)
        if self._step is _Step.HANDSHAKE:
            if self._target.scheme == "tls" and not self._shake_hands():
                return False
            self._step = _Step.TALKING
            self._requests = deque((*self._protocol.opening(), *self._more))
            self.watched = EPOLLIN
        else:
            if event & ~EPOLLOUT:
                self._dialogue.hear(self.sock.recv(RECEIVE_BYTES))
            self._push()
        return self._has_said_all()

    def _shake_hands(self) -> bool:
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
            if not self._requests:
                return True
            self._dialogue.open_with(self._requests.popleft())
            self._push()
        return False

    def _push(self) -> None:
        is_tls = self._target.scheme == "tls"
        send = partial(send_records, self.sock) if is_tls else self.sock.send
        goes_on = self._dialogue.push(send)
        self.watched = EPOLLIN | EPOLLOUT if goes_on else EPOLLIN
