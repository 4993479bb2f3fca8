"""A relay in a thread of the test's own process, and what it saw pass."""

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from wireproof.deadline import Deadline
from wireproof.target import Target, parse_target, resolve
from wireproof.traffic.datagram_relay import DatagramRelay
from wireproof.traffic.forwarding import Arrival, Course, Side, Transparent
from wireproof.traffic.relay import Relay, listen

TIMEOUT_S = 20.0


class Seen:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.peers: list[str] = []
        self.arrivals: list[tuple[int, Side, Arrival]] = []
        self.refusals: list[str] = []

    def opened(self, connection: int, peer: str) -> None:
        """Keep it."""
        assert connection == len(self.peers)
        self.peers.append(peer)

    def arrived(self, connection: int, source: Side, arrival: Arrival) -> None:
        """Keep it."""
        self.arrivals.append((connection, source, arrival))

    def refused(self, connection: int, reason: str) -> None:
        """Keep it."""
        self.refusals.append(reason)

    def last(self, source: Side) -> Arrival | None:
        """Return what came from a side last."""
        found = [arrival for _, side, arrival in self.arrivals if side is source]
        return found[-1] if found else None


class Relaying:
    """A relay to a target, on a free port or a path.

    Attributes:
        seen: what passed.
        relay: it runs in a thread of its own.
        address: where to connect.

    """

    def __init__(
        self,
        target: Target,
        course: Callable[[], Course] = Transparent,
        own: str = "",
    ) -> None:
        kind = "tcp" if target.is_stream else "udp"
        self._listener = listen(
            resolve(parse_target(own or f"{kind}://127.0.0.1:0", any_port=True))[0]
        )
        self.address = self._listener.getsockname()
        self.seen = Seen()
        relay = Relay if target.is_stream else DatagramRelay
        self.relay = relay(self._listener, target, self.seen, course)
        self._is_over = False
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while not self._is_over:
            self.relay.serve_once(0.02)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over = True
        self._thread.join()
        self.relay.__exit__(kind, error, trace)

    def connect(self) -> socket.socket:
        """Connect a client."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        client = socket.socket(family)
        client.settimeout(TIMEOUT_S)
        try:
            client.connect(self.address)
        except OSError:
            client.close()
            raise
        return client


def received(peer: socket.socket, size: int = 1 << 40) -> bytes:
    """Read so many bytes, or to the end."""
    data = bytearray()
    while len(data) < size and (piece := peer.recv(min(65536, size - len(data)))):
        data += piece
    return bytes(data)


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something has become true, which other threads are about."""
    deadline = Deadline(TIMEOUT_S)
    event = threading.Event()
    while not condition():
        assert not deadline.expired, "it never became true"
        event.wait(0.005)
