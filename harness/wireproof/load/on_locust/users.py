"""Locust users: a connection that the swarm drives, and one that tasks use by hand."""

from __future__ import annotations

import functools
from typing import ClassVar

from gevent.event import Event as Flag
from locust import User, task

from wireproof.errors import UsageError
from wireproof.load.on_locust import closing
from wireproof.load.on_locust.client import Response, SocketClient
from wireproof.load.on_locust.distribution import guard
from wireproof.load.on_locust.engine import engine_of
from wireproof.protocols.base import Protocol
from wireproof.protocols.loading.registry import find_protocol
from wireproof.target import Target, parse_target, resolve

guard.install()
closing.install()


class SwarmUser(User):
    """A connection whose requests the swarm sends; this greenlet only waits to be stopped."""

    abstract = True

    @task
    def hold_connection(self) -> None:
        """Own the connection for as long as the user lives."""
        engine = engine_of(self.environment)
        connection = engine.join() if engine is not None else None
        try:
            Flag().wait()
        finally:
            if engine is not None and connection is not None:
                engine.leave(connection)


class SocketUser(User):
    r"""A user with a socket: write tasks with `self.client`, as with Locust's HttpUser.

        class Player(SocketUser):
            host = "tcp://127.0.0.1:7777"

            @task
            def move(self):
                self.client.request(b"MOVE 1 2\n", name="move", until=b"\n")

    Attributes:
        protocol: a built-in's name, `module:Class` or `file.py:Class`, which knows where replies
            end and verifies them; empty where each request says where its reply ends.
        settings: of the protocol.
        timeout_s: for a connect, and for a reply.
        allow_hosts: hosts beyond this machine that you own.
        client: the connection.

    """

    abstract = True
    protocol: ClassVar[str] = ""
    settings: ClassVar[dict[str, str]] = {}
    timeout_s: ClassVar[float] = 5.0
    allow_hosts: ClassVar[tuple[str, ...]] = ()

    def __init__(self, environment: object) -> None:
        """Get a client; it connects with the first request.

        Raises:
            UsageError: there is no host, or it is not one that load may go to.

        """
        super().__init__(environment)
        if not self.host:
            raise UsageError("the user has no host", "write --host tcp://127.0.0.1:PORT")
        target = _resolved(self.host, tuple(self.allow_hosts))
        judge: Protocol | None = None
        if self.protocol:
            judge = find_protocol(self.protocol, self.settings)
        self._scheme = target.scheme
        self.client = SocketClient(target, self._report, protocol=judge, timeout_s=self.timeout_s)

    def on_stop(self) -> None:
        """Close the connection."""
        self.client.close()

    def _report(self, name: str, reply: Response) -> None:
        self.environment.events.request.fire(
            request_type=self._scheme,
            name=name,
            response_time=reply.latency_us / 1000,
            response_length=len(reply.data),
            exception=reply.error,
            context=self.context(),
        )


@functools.cache
def _resolved(host: str, allow_hosts: tuple[str, ...]) -> Target:
    """Look a host up once for all users: they go where the first one went."""
    return resolve(parse_target(host), allow_hosts)[0]
