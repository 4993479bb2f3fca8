"""Locust users. A `SwarmUser` is one connection that the process's swarm drives."""

from __future__ import annotations

from gevent.event import Event as Flag
from locust import User, task

from harness.load.engine import engine_of


class SwarmUser(User):
    """A connection whose requests the swarm sends; this greenlet only waits to be stopped."""

    abstract = True

    @task
    def hold_connection(self) -> None:
        """Own the connection for as long as the user lives."""
        engine = engine_of(self.environment)
        channel = engine.join() if engine is not None else None
        try:
            Flag().wait()
        finally:
            if engine is not None and channel is not None:
                engine.leave(channel)
