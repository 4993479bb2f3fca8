"""The same for datagrams: each client's go to the server from a socket of their own, and back."""

import contextlib
import select
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Self

from wireproof.target import Target
from wireproof.traffic.forwarding import Course, Hold, Send, Side
from wireproof.traffic.pairs import Observer
from wireproof.wire.observations import Data

MOST_CLIENTS: Final = 1024
"""When one more speaks, the one that was silent the longest is forgotten."""
_LARGEST_BYTES: Final = 65535
_MOST_READS: Final = 64


class _Peer:
    """One client's address, and the socket that speaks to the server for it."""

    def __init__(self, number: int, address: Any, server: socket.socket, course: Course) -> None:
        self.number = number
        self.address = address
        self.server = server
        self.course = course
        self.held_until_s: float | None = None


class DatagramRelay:
    """Relays datagrams between those who send them to a socket, and a server.

    Attributes:
        connections: how many clients there were so far, told apart by their addresses.

    """

    def __init__(
        self,
        listener: socket.socket,
        target: Target,
        observer: Observer,
        course: Callable[[], Course],
    ) -> None:
        """Begin.

        Args:
            listener: bound and non-blocking; the relay closes it.
            target: the server, resolved.
            observer: is told what passes.
            course: makes what decides on one client's datagrams.

        """
        self.connections = 0
        self._listener = listener
        self._target = target
        self._observer = observer
        self._course = course
        self._peers: OrderedDict[Any, _Peer] = OrderedDict()
        self._by_descriptor: dict[int, _Peer] = {}
        self._epoll = select.epoll()
        self._epoll.register(listener, select.EPOLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close all sockets."""
        for peer in self._peers.values():
            peer.server.close()
        self._listener.close()
        self._epoll.close()

    def serve_once(self, timeout_s: float | None = None) -> None:
        """Wait until something happens, or for a time, and do what it makes possible."""
        now_s = time.monotonic()
        held = [one for one in self._peers.values() if one.held_until_s is not None]
        waits = [max(0.0, (one.held_until_s or 0.0) - now_s) for one in held]
        if timeout_s is not None:
            waits.append(timeout_s)
        for descriptor, _ in self._epoll.poll(min(waits, default=-1)):
            if descriptor == self._listener.fileno():
                self._from_clients()
            elif descriptor in self._by_descriptor:
                self._from_server(self._by_descriptor[descriptor])
        for peer in held:
            self._go_on(peer)

    def _from_clients(self) -> None:
        for _ in range(_MOST_READS):
            try:
                data, address = self._listener.recvfrom(_LARGEST_BYTES)
            except OSError:  # nothing more, or a client's system refused a reply
                return
            peer = self._peer(address)
            if peer is not None:
                self._take(peer, Side.CLIENT, data)

    def _peer(self, address: Any) -> _Peer | None:
        peer = self._peers.get(address)
        if peer is not None:
            self._peers.move_to_end(address)
            return peer
        if len(self._peers) >= MOST_CLIENTS:
            self._forget(next(iter(self._peers)))
        number = self.connections
        self.connections += 1
        self._observer.opened(number, f"{address[0]}:{address[1]}")
        try:
            server = self._connected()
        except OSError as error:
            self._observer.refused(number, error.strerror or str(error))
            return None
        peer = _Peer(number, address, server, self._course())
        self._peers[address] = peer
        self._by_descriptor[server.fileno()] = peer
        self._epoll.register(server, select.EPOLLIN)
        return peer

    def _connected(self) -> socket.socket:
        server = socket.socket(self._target.family, socket.SOCK_DGRAM)
        server.setblocking(False)
        try:
            server.connect(self._target.address)
        except OSError:
            server.close()
            raise
        return server

    def _forget(self, address: Any) -> None:
        peer = self._peers.pop(address)
        del self._by_descriptor[peer.server.fileno()]
        peer.server.close()

    def _from_server(self, peer: _Peer) -> None:
        for _ in range(_MOST_READS):
            try:
                data = peer.server.recv(_LARGEST_BYTES)
            except BlockingIOError:
                return
            except OSError as error:  # ICMP says that nobody listens there
                self._observer.refused(peer.number, (error.strerror or str(error)).lower())
                return
            self._take(peer, Side.SERVER, data)

    def _take(self, peer: _Peer, source: Side, data: bytes) -> None:
        arrival = Data(data)
        self._observer.arrived(peer.number, source, arrival)
        peer.course.take(source, arrival, time.monotonic())
        self._go_on(peer)

    def _go_on(self, peer: _Peer) -> None:
        """Do what the course says; a datagram that the kernel has no room for is lost, as any."""
        peer.held_until_s = None
        for to in Side:
            while (step := peer.course.next_step(to, time.monotonic())) is not None:
                if isinstance(step, Hold):
                    peer.held_until_s = min(step.until_s, peer.held_until_s or step.until_s)
                    break
                if isinstance(step, Send):
                    with contextlib.suppress(OSError):
                        self._send(peer, to, step.data)

    def _send(self, peer: _Peer, to: Side, data: bytes) -> None:
        if to is Side.SERVER:
            peer.server.send(data)
        else:
            self._listener.sendto(data, peer.address)
