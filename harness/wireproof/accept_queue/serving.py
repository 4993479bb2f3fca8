"""How many connections are served when all of them ask at the same time, and where the rest are.

Throughput does not tell: a server of one connection at a time is as fast with a hundred of them,
and ninety-nine have no reply. So all connect at once, each sends one request, and what is answered
is counted until nothing has come for longer than a SYN takes to be sent again.
"""

import select
from collections import deque
from dataclasses import dataclass

from wireproof.deadline import Deadline
from wireproof.protocols.base import Protocol
from wireproof.protocols.oracle import WrongReplyError
from wireproof.target import Target
from wireproof.wire.connection import Connection
from wireproof.wire.connects import Attempt, Connects, require_descriptors
from wireproof.wire.kernel.queue_sampler import QueueSampler
from wireproof.wire.observations import Data

_REQUEST_BYTES = 64
_QUIET_S = 1.25
"""Longer than the first timeout of a SYN, 1 s, and a timer's lateness."""
_AT_MOST_S = 8.0
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Serving:
    """What became of connections that all asked at once.

    Attributes:
        connections: how many.
        served: those that had a right reply.
        waiting: those in the accept queue at the end; None where it cannot be seen.

    """

    connections: int
    served: int
    waiting: int | None


def count_served(
    target: Target, protocol: Protocol, count: int, sampler: QueueSampler | None = None
) -> Serving:
    """Open `count` connections, send one request on each, and keep all of them open.

    Args:
        target: resolved; `tcp` or `unix`.
        protocol: says what to ask, and judges the replies.
        count: connections.
        sampler: of the listener, where it is on this machine.

    Raises:
        CannotRunError: we lack descriptors.

    """
    require_descriptors(count)
    request = example_request(protocol)
    end, quiet = Deadline(_AT_MOST_S), Deadline(_QUIET_S)
    with Connects(target) as connects, select.epoll() as replies:
        waiting_to_ask = connects.start(count)
        asking: dict[int, _Asking] = {}
        served = over = 0
        while served + over < count and not end.expired and not quiet.expired:
            connects.wait(Deadline(0.0 if asking else _STEP_S))
            connected = [one for one in waiting_to_ask if not one.pending]
            waiting_to_ask = [one for one in waiting_to_ask if one.pending]
            for attempt in connected:
                if (client := _ask(attempt, target, protocol, request)) is None:
                    over += 1
                    continue
                asking[client.descriptor] = client
                replies.register(client.descriptor, select.EPOLLIN)
            events = replies.poll(_STEP_S if asking else 0.0)
            for descriptor, _ in events:
                client = asking[descriptor]
                if client.take():
                    replies.unregister(descriptor)
                    served += client.served
                    over += not client.served
            if connected or events:
                quiet = Deadline(_QUIET_S)
        return Serving(count, served, None if sampler is None else sampler.sample())


def example_request(protocol: Protocol) -> bytes:
    """Return one valid request: of 64 bytes where the protocol has one, else its plain one."""
    sized = protocol.sized_request(_REQUEST_BYTES)
    if sized is not None:
        return sized
    if example := protocol.example():
        return example
    from hypothesis import find, settings

    return find(protocol.requests(), bool, settings=settings(database=None, derandomize=True))


class _Asking:
    """A connection on its way through the opening exchange and one request.

    Attributes:
        descriptor: of its socket.
        served: whether its request had a right reply.

    """

    def __init__(self, connection: Connection, protocol: Protocol, request: bytes) -> None:
        self.descriptor = connection.socket.fileno()
        self.served = False
        self._connection = connection
        self._oracle = protocol.oracle()
        self._requests = deque([*protocol.opening(), request])
        self._send_next()

    def take(self) -> bool:
        """Take what has arrived; return whether this connection is done, served or not."""
        seen = self._connection.receive()
        if seen is None:
            return False
        if not isinstance(seen, Data):
            return True
        try:
            self._oracle.receive_data(seen.data)
        except WrongReplyError:
            return True
        while self._oracle.settled and self._oracle.owed == 0:
            if not self._requests:
                self.served = True
                return True
            self._send_next()
        return False

    def _send_next(self) -> None:
        request = self._requests.popleft()
        self._oracle.announce(request)
        self._oracle.sent(len(request))
        # A fresh connection's buffer takes a request whole; where it does not, there is no reply.
        self._connection.send(request)


def _ask(attempt: Attempt, target: Target, protocol: Protocol, request: bytes) -> _Asking | None:
    if not attempt.completed or attempt.connection is None:
        return None
    return _Asking(Connection.adopt(attempt.connection, target), protocol, request)
