"""The socket under a connection of a swarm: opened, watched, stamped, and closed."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterable
from enum import IntEnum
from functools import partial
from select import EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from typing import Any

from wireproof.causes import Cause
from wireproof.load.failures import ConnectionFailedError
from wireproof.load.swarm.connections.dialogue import Dialogue
from wireproof.load.swarm.connections.opening import Opening
from wireproof.load.swarm.connections.surroundings import Surroundings
from wireproof.protocols.base import Protocol
from wireproof.target import Target
from wireproof.wire.client_tls import send_records
from wireproof.wire.kernel.timestamps import enable_timestamps, receive_stamped

_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux alone has it."""
_OVER_TCP = {"tcp", "tls"}
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.05, 1.0


class State(IntEnum):
    """What a connection is doing."""

    CLOSED = 0
    OPENING = 1
    IDLE = 2
    BUSY = 3
    """Requests are under way."""


class Link:
    """A socket, and the next one after it was closed.

    Attributes:
        fd: of the socket, -1 while there is none.
        state: what it is doing.
        receive: takes a limit and returns bytes; `recv`, or the same with a timestamp.
        send: takes bytes and returns how many left.
        acks_at_once: whether what was received is acknowledged then, and not up to 40 ms later.
        expires_ns: when its lifetime is over; 0 for never.
        expired: whether it sends nothing more, its lifetime being over.

    """

    __slots__ = (
        "_dialogue",
        "_is_stamped",
        "_is_tls",
        "_on_stamp",
        "_opening",
        "_pause_s",
        "_protocol",
        "_registered",
        "_sock",
        "_stamp_all",
        "_surroundings",
        "_target",
        "_watched",
        "acks_at_once",
        "expired",
        "expires_ns",
        "fd",
        "receive",
        "send",
        "state",
    )

    receive: Callable[[int], bytes]
    send: Callable[[bytes | memoryview], int]

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        on_stamp: Callable[[bytes, int], None],
        surroundings: Surroundings,
    ) -> None:
        """Be closed.

        Args:
            target: resolved.
            protocol: says how a connection opens.
            on_stamp: is told what was received with a timestamp, and that, in ns of the wall clock.
            surroundings: where sockets come from.

        """
        self._surroundings = surroundings
        self._target = target
        self._protocol = protocol
        self._on_stamp = on_stamp
        self._dialogue = Dialogue(protocol)
        self._opening: Opening | None = None
        self._sock: Any = None
        self._pause_s = 0.0
        self._is_stamped = self._stamp_all = self._is_tls = False
        self._watched = self._registered = 0
        self.fd = -1
        self.state = State.CLOSED
        self.expired = self.acks_at_once = False
        self.expires_ns = 0

    # From the connect to the end.

    def connect(self, source: str, serial: int, opening: Iterable[bytes] = ()) -> None:
        """Start to connect.

        Args:
            source: the local address to come from; empty for the system's choice.
            serial: this connection's number, which no other of the run has.
            opening: requests that open it behind the protocol's own.

        Raises:
            ConnectionFailedError: it failed at once.

        """
        self.expired = False
        self._dialogue.begin(serial)
        self._opening = Opening(
            self._target,
            self._protocol,
            self._dialogue,
            source,
            self._surroundings,
            more=opening,
        )
        self.fd = self._opening.sock.fileno()
        self._watched = self._opening.watched
        self.state = State.OPENING

    def go_on(self, event: int) -> bool:
        """Go on with the opening as `event` of epoll allows; returns whether it is done.

        Raises:
            ConnectionFailedError: it failed.
            OSError: so did a read.

        """
        assert self._opening is not None
        done = self._opening.go_on(event)
        self._watched = self._opening.watched
        if done:
            self._is_tls = self._opening.is_tls
            self._be_open(self._opening.sock)
            self._opening = None
        return done

    def _be_open(self, sock: Any) -> None:
        self._sock = sock
        self._pause_s = 0.0
        self._is_stamped = not self._is_tls and enable_timestamps(sock)
        self._watched = EPOLLIN
        self.send = partial(send_records, sock) if self._is_tls else sock.send
        self.state = State.IDLE
        self.stamp(always=self._stamp_all)

    @property
    def is_starting(self) -> bool:
        """Whether it opens, and its server is a process that starts for it."""
        return self._opening is not None and self._target.scheme == "exec"

    def expire(self) -> None:
        """Send nothing more; the next attempt says so."""
        self.expired = True
        self.send = _refuse_to_send

    def overdue(self, *, ending: bool) -> ConnectionFailedError:
        """Return what it means that nothing came for too long; `ending` once nothing more is due.

        A request that is without a reply when the load has ended is unanswered, not timed out.
        """
        if self._opening is not None:
            connected = self._opening.is_connected
            return ConnectionFailedError(Cause.TIMEOUT if connected else Cause.CONNECT_TIMEOUT)
        return ConnectionFailedError(Cause.UNANSWERED if ending else Cause.TIMEOUT)

    def close(self) -> None:
        """Give the socket back."""
        self.state = State.CLOSED
        if self.fd >= 0:
            (self._sock if self._opening is None else self._opening.sock).close()
            self.fd = -1
        self._opening = None

    def next_pause_s(self) -> float:
        """Return how long to wait until the next connect: each time twice as long."""
        self._pause_s = min(_LAST_PAUSE_S, self._pause_s * 2 or _FIRST_PAUSE_S)
        return self._pause_s

    # What epoll tells of it.

    def register(self, epoll: select.epoll) -> None:
        """Have `epoll` tell of it."""
        epoll.register(self.fd, self._watched)
        self._registered = self._watched

    def watch(self, epoll: select.epoll) -> None:
        """Have `epoll` tell what it waits for now."""
        if self._registered != self._watched and self.state is not State.CLOSED:
            epoll.modify(self.fd, self._watched)
            self._registered = self._watched

    def look_again(self) -> None:
        """Have the next `watch` ask anew: what is there, and is left, would show no edge."""
        if self._registered & EPOLLET:
            self._registered = 0

    def watch_edges(self) -> None:
        """Wait for replies that are read to their end, which needs no second look.

        Over TLS one record is not the end, nor one datagram over UDP. The end of the stream shows
        no edge of its own if it was there with the reply.
        """
        whole = self._target.is_stream and not self._is_tls
        self._watched = EPOLLIN | EPOLLET | EPOLLRDHUP if whole else EPOLLIN

    def watch_level(self, *, writable: bool = False) -> None:
        """Wait for anything that is left to read, and until more can be sent."""
        self._watched = EPOLLIN | EPOLLOUT if writable else EPOLLIN

    @property
    def has_more_to_send(self) -> bool:
        """Whether it waits until more can be sent."""
        return bool(self._watched & EPOLLOUT)

    def pending(self) -> bool:
        """Whether TLS holds bytes that epoll knows nothing of."""
        return self._is_tls and self._sock.pending() > 0

    # The kernel's timestamps.

    def stamp(self, *, always: bool) -> None:
        """Receive with a timestamp from now on, or only when asked to."""
        self._stamp_all = always
        if self.state >= State.IDLE:
            stamped = self._is_stamped and always
            self.receive = self._receive_with_stamp if stamped else self._receive_plainly

    @property
    def _receive_plainly(self) -> Callable[[int], bytes]:
        if not self._acks:
            receive: Callable[[int], bytes] = self._sock.recv
            return receive
        return self._receive_and_acknowledge

    @property
    def _acks(self) -> bool:
        return self.acks_at_once and self._target.scheme in _OVER_TCP

    def _receive_and_acknowledge(self, limit_bytes: int) -> bytes:
        data: bytes = self._sock.recv(limit_bytes)
        self._acknowledge()
        return data

    def _acknowledge(self) -> None:
        """Acknowledge what was received; the kernel forgets the wish at the next send."""
        if self._acks and _QUICK_ACK is not None:
            self._sock.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def stamp_next(self) -> None:
        """Receive once with a timestamp."""
        if self._is_stamped and self.state is State.BUSY:
            self.receive = self._receive_with_stamp

    def _receive_with_stamp(self, limit_bytes: int) -> bytes:
        data, stamp_ns = receive_stamped(self._sock, limit_bytes)
        if not self._stamp_all:
            self.receive = self._receive_plainly
        self._acknowledge()
        if stamp_ns:
            self._on_stamp(data, stamp_ns)
        return data


def _refuse_to_send(data: object) -> int:
    del data
    raise ConnectionAbortedError
