"""Connections that are open before they are needed."""

import socket
from collections.abc import Iterator

import pytest

from wireproof.target import parse_target, resolve
from wireproof.wire.ahead import Ahead


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server's socket; the test accepts by itself."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening


def ahead_of(listener: socket.socket, count: int) -> Ahead:
    """Return connections ahead of need to `listener`."""
    return Ahead(resolve(parse_target(f"tcp://127.0.0.1:{listener.getsockname()[1]}"))[0], count)


def test_the_oldest_is_taken_and_another_opened(listener: socket.socket) -> None:
    """A server accepts in the order of connects, so the oldest is greeted first."""
    ahead = ahead_of(listener, 2)
    taken = [ahead.take(), ahead.take()]
    names = [one.connection.socket.getsockname() for one in taken if one is not None]
    accepted = [listener.accept() for _ in range(4)]
    assert names == [name for _, name in accepted][:2]
    for connection, _ in accepted:
        connection.close()
    ahead.close()
    for one in taken:
        assert one is not None
        one.connection.close()


def test_one_that_the_server_has_closed_is_not_taken(listener: socket.socket) -> None:
    """Nor one that was reset: what comes of it would be blamed on the conversation."""
    ahead = ahead_of(listener, 1)
    ahead.open(2)
    first, name = listener.accept()
    first.close()
    second, other = listener.accept()
    opened = ahead.take()
    assert opened is not None
    assert opened.connection.socket.getsockname() == other != name
    second.close()
    opened.connection.close()
    ahead.close()


def test_those_left_over_end_in_order(listener: socket.socket) -> None:
    """A greeting that nobody read would have the kernel reset the connection at its close."""
    ahead = ahead_of(listener, 1)
    ahead.open(1)
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"hello\r\n")
        connection.shutdown(socket.SHUT_WR)
        ahead.close()
        assert connection.recv(1) == b""


def test_without_a_server_there_is_none(listener: socket.socket) -> None:
    """The conversation itself then tells that nothing listens."""
    ahead = ahead_of(listener, 3)
    listener.close()
    assert ahead.take() is None
