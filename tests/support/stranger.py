"""Somebody who speaks Locust's language to a master's port: with no secret, a wrong one, or ours.

It uses ZeroMQ as it comes, not gevent's, so a test's own process can be the stranger.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import zmq
from zmq.utils import z85

from wireproof.load.job import Job
from wireproof.load.secret import RunSecret

_TIMEOUT_S = 30


class Stranger:
    """A peer of a master, which may or may not belong to its run."""

    def __init__(self, port: int, name: str, secret: RunSecret | None) -> None:
        self.name = name
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IDENTITY, name.encode())
        if secret is not None:
            own = z85.encode(secret.key("wireproof worker 1"))
            self._socket.curve_secretkey = own
            self._socket.curve_publickey = zmq.curve_public(own)
            master = z85.encode(secret.key("wireproof master 1"))
            self._socket.curve_serverkey = zmq.curve_public(master)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def send(self, kind: str, data: Any = None, name: str | None = None) -> None:
        """A message of Locust's, under our own name unless another is given."""
        self.send_bytes(msgspec.msgpack.encode((kind, data, name or self.name)))

    def send_bytes(self, data: bytes) -> None:
        """What may be no message at all; who has been refused already has nobody to tell it to."""
        with suppress(zmq.Again):
            self._socket.send(data, zmq.DONTWAIT)

    def join(self, job: Job) -> None:
        """Say what a worker of the run would, and be ready."""
        self.send("wireproof join", msgspec.to_builtins(job))
        self.send("client_ready", "2.47.0")

    def receive(self, timeout_s: float = _TIMEOUT_S) -> tuple[str, Any] | None:
        """Kind and data of the master's next message; None where there is none in time."""
        if not self._socket.poll(timeout_s * 1000):
            return None
        kind, data, _ = msgspec.msgpack.decode(self._socket.recv())
        return kind, data

    def await_message(self, wanted: str) -> Any:
        """Data of the next message of this kind."""
        until_s = time.monotonic() + _TIMEOUT_S
        while (found := self.receive(until_s - time.monotonic())) is not None:
            if found[0] == wanted:
                return found[1]
        raise AssertionError(f"no {wanted} in time")

    def close(self) -> None:
        """Leave."""
        self._context.destroy(linger=0)


@contextmanager
def stranger(
    port: int, name: str = "stranger", secret: RunSecret | None = None
) -> Iterator[Stranger]:
    """One who leaves at the end."""
    peer = Stranger(port, name, secret)
    try:
        yield peer
    finally:
        peer.close()


class BadMaster:
    """A master that holds the run's secret, and orders what is not a master's to order.

    Attributes:
        port: where it listens.

    """

    def __init__(self, secret: RunSecret) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.curve_secretkey = z85.encode(secret.key("wireproof master 1"))
        self._socket.curve_server = 1
        self.port = self._socket.bind_to_random_port("tcp://127.0.0.1")

    def await_worker(self) -> None:
        """Take the next worker in, as a master does."""
        until_s = time.monotonic() + _TIMEOUT_S
        while self._socket.poll((until_s - time.monotonic()) * 1000):
            self._worker, data = self._socket.recv_multipart()
            if msgspec.msgpack.decode(data)[0] == "client_ready":
                self.order("ack", {"index": 0})
                return
        raise AssertionError("no worker in time")

    def await_message(self, wanted: str) -> Any:
        """Data of the worker's next message of this kind."""
        until_s = time.monotonic() + _TIMEOUT_S
        while self._socket.poll((until_s - time.monotonic()) * 1000):
            kind, data, _ = msgspec.msgpack.decode(self._socket.recv_multipart()[1])
            if kind == wanted:
                return data
        raise AssertionError(f"no {wanted} in time")

    def order(self, kind: str, data: Any) -> None:
        """Send the worker a message of Locust's."""
        message = msgspec.msgpack.encode((kind, data, self._worker.decode()))
        self._socket.send_multipart([self._worker, message])

    def close(self) -> None:
        """Leave."""
        self._context.destroy(linger=0)
