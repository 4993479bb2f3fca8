"""A relay: it listens, connects on to a server for each client, and passes on what comes.

One thread waits for all connections (epoll(7)). What becomes of what arrives is decided by the
courses that it is given, see `forwarding`; who is told of it, by an observer.
"""

import contextlib
import errno
import resource
import select
import socket
import time
from collections.abc import Callable
from typing import Final, Self

from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.traffic.ends import Dialling
from wireproof.traffic.forwarding import Course, Side
from wireproof.traffic.pairs import Observer, Pair
from wireproof.traffic.settling import Readers, open_diag
from wireproof.wire.connection import ConnectError, Connection

_BACKLOG: Final = 4096
_MOST_ACCEPTS: Final = 64
"""So many clients are accepted before the others have their turn."""
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def listen(target: Target) -> socket.socket:
    """Return a listening socket, or a bound one for datagrams.

    Args:
        target: resolved; port 0 stands for a free one.

    Raises:
        CannotRunError: there can be none.

    """
    made = socket.socket(target.family, target.socket_type)
    try:
        if target.scheme == "tcp":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(target.address)
        if target.is_stream:
            made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise CannotRunError(f"cannot listen on {target}: {error.strerror}") from None
    made.setblocking(False)
    return made


class Relay:
    """Relays streams between those who connect and a server.

    Attributes:
        connections: how many clients have connected so far.

    """

    def __init__(
        self,
        listener: socket.socket,
        target: Target,
        observer: Observer,
        course: Callable[[], Course],
    ) -> None:
        """Begin to accept.

        Args:
            listener: listening and non-blocking; the relay closes it.
            target: the server, resolved.
            observer: is told what passes.
            course: makes what decides on one connection.

        """
        self.connections = 0
        self._listener = listener
        self._target = target
        self._observer = observer
        self._course = course
        self._epoll = select.epoll()
        self._epoll.register(listener, select.EPOLLIN)
        self._awaited: dict[int, tuple[Pair, Side, int]] = {}
        self._descriptors: dict[Pair, set[int]] = {}
        self._due: set[Pair] = set()
        self._is_full = False
        self._diag = open_diag()
        _raise_descriptor_limit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close all that is open."""
        for pair in tuple(self._descriptors):
            pair.close()
        self._listener.close()
        self._epoll.close()
        if self._diag is not None:
            self._diag.close()

    @property
    def is_idle(self) -> bool:
        """Whether no connection is open."""
        return not self._descriptors

    def wake_for(self, descriptor: int) -> None:
        """Return from `serve_once` when something can be read from a descriptor, or it ended."""
        self._epoll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        """No longer wait for a descriptor of `wake_for`."""
        self._epoll.unregister(descriptor)

    def serve_once(self, timeout_s: float | None = None) -> None:
        """Wait until something happens, or for a time, and do what it makes possible."""
        now_s = time.monotonic()
        waits = [max(0.0, one.due_s - now_s) for one in self._due if one.due_s is not None]
        if timeout_s is not None:
            waits.append(timeout_s)
        may_accept = False
        for descriptor, events in self._epoll.poll(min(waits, default=-1)):
            if descriptor == self._listener.fileno():
                may_accept = True
            elif descriptor in self._awaited:
                pair, side, _ = self._awaited[descriptor]
                pair.handle(side, events)
                self._watch(pair)
        now_s = time.monotonic()
        for pair in tuple(self._due):
            if pair.due_s is not None and pair.due_s <= now_s:
                pair.go_on()
            self._watch(pair)
        if may_accept:  # at last: a descriptor that was closed above may be given out again
            self._accept()

    def _accept(self) -> None:
        for _ in range(_MOST_ACCEPTS):
            try:
                peer, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:  # until one of ours is over
                    self._epoll.modify(self._listener, 0)
                    self._is_full = True
                    return
                continue  # a client that is gone again
            self._begin(peer, _shown(address))

    def _begin(self, peer: socket.socket, name: str) -> None:
        number = self.connections
        self.connections += 1
        peer.setblocking(False)
        if peer.family != socket.AF_UNIX:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._observer.opened(number, name)
        client = Connection(peer)
        try:
            dialling = Dialling(self._target)
        except ConnectError as error:
            self._observer.refused(number, error.reason)
            client.reset()
            return
        readers = Readers(self._diag)
        self._watch(Pair(number, client, dialling, self._course(), self._observer, readers=readers))

    def _watch(self, pair: Pair) -> None:
        """Wait for what a pair waits for now."""
        awaited = {} if pair.is_over else pair.awaited()
        before = self._descriptors.get(pair, set())
        for descriptor in before - awaited.keys():
            del self._awaited[descriptor]
            with contextlib.suppress(OSError, ValueError):  # closed, so no longer waited for
                self._epoll.unregister(descriptor)
        for descriptor, (side, events) in awaited.items():
            if descriptor not in before:
                self._epoll.register(descriptor, events)
            elif self._awaited[descriptor][2] != events:
                self._epoll.modify(descriptor, events)
            self._awaited[descriptor] = pair, side, events
        if pair.is_over:
            self._descriptors.pop(pair, None)
            self._due.discard(pair)
            if self._is_full:
                self._is_full = False
                self._epoll.modify(self._listener, select.EPOLLIN)
            return
        self._descriptors[pair] = set(awaited)
        if pair.due_s is None:
            self._due.discard(pair)
        else:
            self._due.add(pair)


def _shown(address: object) -> str:
    """Return a client's address, as far as it has one."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""


def _raise_descriptor_limit() -> None:
    """Allow as many connections as the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
