import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wireproof.accept_queue.serving import Serving, count_served, example_request
from wireproof.protocols.loading.registry import find_protocol
from wireproof.target import Target
from wireproof.wire.kernel.queue_sampler import QueueSampler

StartServer = Callable[..., Any]
"""See conftest.py."""

TargetOf = Callable[[socket.socket], Target]

ECHO = find_protocol("echo")


@pytest.fixture
def echo_one_at_a_time() -> Iterator[socket.socket]:
    """Serve one connection after another until the test is over."""
    with socket.create_server(("127.0.0.1", 0), backlog=5) as server:

        def serve() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:  # the test is over
                    return
                with connection, contextlib.suppress(OSError):  # a client that has left
                    while data := connection.recv(1024):
                        connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_one_is_served_and_the_rest_wait(
    echo_one_at_a_time: socket.socket, target_of: TargetOf
) -> None:
    """Of five that ask at once a server of one at a time answers one; four are in its queue."""
    target = target_of(echo_one_at_a_time)
    with QueueSampler(target) as sampler:
        assert count_served(target, ECHO, 5, sampler) == Serving(5, 1, 4)
    assert count_served(target, ECHO, 1) == Serving(1, 1, None)


def test_nobody_is_served(start_server: StartServer) -> None:
    """A server that accepts and says nothing serves nobody, though nobody waits in its queue."""
    server = start_server(5)
    with QueueSampler(server.target) as sampler:
        assert count_served(server.target, ECHO, 3, sampler) == Serving(3, 0, 0)


def test_a_wrong_reply_is_no_service(
    echo_one_at_a_time: socket.socket, target_of: TargetOf
) -> None:
    """Only right replies count: an echo is wrong where a timestamp is due."""
    found = count_served(target_of(echo_one_at_a_time), find_protocol("timestamp-echo"), 1)
    assert found.served == 0


def test_refused_connects_end_the_count_at_once(target_of: TargetOf) -> None:
    """Where nobody listens, nobody is served, and nothing is waited for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = target_of(server)
    assert count_served(target, ECHO, 4) == Serving(4, 0, None)


@pytest.mark.parametrize("name", ["echo", "timestamp-echo"])
def test_a_request_has_64_bytes_where_there_is_one(name: str) -> None:
    """A protocol with requests of every size is asked with 64 bytes."""
    assert len(example_request(find_protocol(name))) == 64
