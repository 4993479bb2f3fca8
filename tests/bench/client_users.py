"""Clients to compare the swarm with: a plain Locust user, and greenlets without Locust.

Both verify as the swarm does: header and payload against what must come, the header itself whenever
it changes. `locust -f client_users.py` runs the one, `python client_users.py PORT CONNECTIONS` the
other; each prints `measured ROUND_TRIPS CPU_SECONDS` of its steady part.
"""

import os
import re
import sys
import time
from typing import Any

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import socket

import gevent
from locust import User, events, task

SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
WARM_UP_S = 0.3
PAYLOAD = (bytes(range(256)) * 1)[:64]
HEADER_BYTES = 27
HEADER = re.compile(
    rb"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ 123][0-9] [0-9:]{8} [0-9]{4}\] "
)


class Verifier:
    """Knows the reply to `PAYLOAD`, and learns each new header."""

    def __init__(self) -> None:
        self.expected = b""

    def verify(self, reply: bytes) -> bool:
        """Whether the reply is right."""
        if reply == self.expected:
            return True
        header = reply[:HEADER_BYTES]
        if HEADER.fullmatch(header) is None or reply[HEADER_BYTES:] != PAYLOAD:
            return False
        self.expected = reply
        return True


verifier = Verifier()


def exchange(connection: socket.socket) -> int:
    """One verified round trip; the reply's length."""
    connection.sendall(PAYLOAD)
    reply = connection.recv(4096)
    while len(reply) < HEADER_BYTES + len(PAYLOAD):
        more = connection.recv(4096)
        if not more:
            raise ConnectionError("end of stream")
        reply += more
    if not verifier.verify(reply):
        raise ValueError(f"wrong reply: {reply!r}")
    return len(reply)


class PlainUser(User):
    """What one writes when one follows Locust's documentation on other systems."""

    def on_start(self) -> None:
        """Connect."""
        host, _, port = self.host.rpartition("/")[2].rpartition(":")
        self.connection = socket.create_connection((host, int(port)))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @task
    def round_trip(self) -> None:
        """Send, receive, verify, tell Locust."""
        began = time.perf_counter()
        error = None
        length = 0
        try:
            length = exchange(self.connection)
        except (OSError, ValueError) as problem:
            error = problem
        self.environment.events.request.fire(
            request_type="tcp",
            name="echo",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=length,
            exception=error,
            context={},
        )


@events.spawning_complete.add_listener
def _measure(user_count: int) -> None:
    del user_count
    gevent.spawn(_watch)


def _watch() -> None:
    gevent.sleep(WARM_UP_S)
    total, cpu_s = _environment.stats.total, time.process_time()
    before = total.num_requests
    gevent.sleep(SECONDS)
    print("measured", total.num_requests - before, time.process_time() - cpu_s, flush=True)
    if total.num_failures:
        _environment.process_exit_code = 1
    _environment.runner.quit()


_environment: Any = None


@events.init.add_listener
def _remember(environment: Any, **_: Any) -> None:
    global _environment  # noqa: PLW0603 - Locust hands it over once
    _environment = environment


def without_locust(port: int, connections: int) -> None:
    """Run greenlets that do nothing but round trips."""
    trips = 0

    def client() -> None:
        nonlocal trips
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                exchange(connection)
                trips += 1

    clients = [gevent.spawn(client) for _ in range(connections)]
    gevent.sleep(WARM_UP_S)
    before, cpu_s = trips, time.process_time()
    gevent.sleep(SECONDS)
    print("measured", trips - before, time.process_time() - cpu_s, flush=True)
    gevent.killall(clients)


if __name__ == "__main__":
    without_locust(int(sys.argv[1]), int(sys.argv[2]))
