"""reference_server.connection."""

import socket
import struct
from collections.abc import Callable, Iterator
from select import EPOLLIN, EPOLLOUT

import pytest

from reference_server.connection import Connection
from reference_server.framing import Framer
from reference_server.variants.base import SteppedConnection


class FakeLoop:
    """A loop that only takes notes."""

    def __init__(self) -> None:
        self.framer = Framer(8)
        self.framer.set_time(0)
        self.read_bytes = 1 << 20
        self.answers: list[tuple[Connection, bytes]] = []
        self.watched: list[tuple[int, Callable[[], None]]] = []
        self.forgotten = self.lingering = 0

    def watch(self, connection: Connection, events: int, handler: Callable[[], None]) -> None:
        """Note."""
        self.watched.append((events, handler))

    def forget(self, connection: Connection) -> None:
        """Note."""
        self.forgotten += 1

    def linger(self, connection: Connection) -> None:
        """Note."""
        self.lingering += 1


class Pair:
    """A connection in a fake loop, and its peer."""

    def __init__(self, kind: type[Connection]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.peer = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
        ours.setblocking(False)
        self.peer.settimeout(10)
        self.loop = FakeLoop()
        self.connection = kind(ours, self.loop)

    def receive(self) -> None:
        """What a turn of the loop does with one event."""
        self.connection.receive()
        for connection, replies in self.loop.answers:
            connection.send(replies)
        self.loop.answers.clear()


@pytest.fixture(params=[Connection, SteppedConnection])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """The connection of the hot path, and the one in steps that the zoo is made of."""
    made = Pair(request.param)
    yield made
    made.peer.close()
    made.connection.sock.close()


def test_input_is_answered_at_once(pair: Pair) -> None:
    """Read, framed by the chunk, sent; the loop need not be told anything."""
    pair.peer.sendall(b"0123456789")
    pair.receive()
    header = pair.loop.framer.header
    assert pair.peer.recv(1000) == header + b"01234567" + header + b"89"
    assert not pair.loop.watched


@pytest.mark.parametrize("size", [447, 448, 449, 5000])
def test_a_segment_longer_than_a_short_read_is_read_whole(pair: Pair, size: int) -> None:
    """The short first read leaves no trace: what arrived together is framed together."""
    for _ in range(2):  # a connection that has been read at length stays so
        pair.peer.sendall(b"x" * size)
        pair.receive()
        frames = pair.loop.framer.frames(b"x" * size)
        assert pair.peer.recv(len(frames), socket.MSG_WAITALL) == frames


def test_a_short_reply_waits_for_the_end_of_the_turn() -> None:
    """A turn reads all connections before it answers any."""
    pair = Pair(Connection)
    with pair.peer, pair.connection.sock:
        pair.peer.sendall(b"short")
        pair.connection.receive()
        assert pair.loop.answers == [(pair.connection, pair.loop.framer.header + b"short")]
        pair.peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            pair.peer.recv(1)


def test_a_false_alarm_changes_nothing(pair: Pair) -> None:
    """An event without input is no end of file."""
    pair.receive()
    assert not pair.loop.forgotten
    assert pair.connection.sock.fileno() >= 0


def test_end_of_input_closes(pair: Pair) -> None:
    """Nothing is owed when a connection is read, so it can close."""
    pair.peer.shutdown(socket.SHUT_WR)
    pair.receive()
    assert pair.loop.forgotten == 1
    assert pair.peer.recv(1) == b""


def test_a_reset_is_a_close(pair: Pair) -> None:
    """It raises nothing that could end the loop."""
    pair.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pair.peer.close()
    pair.receive()
    assert pair.loop.forgotten == 1


def test_what_is_not_taken_is_owed_and_not_read_on(pair: Pair) -> None:
    """The rest waits for room; reading starts again when the last byte has gone."""
    pair.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sent = b""
    while not pair.loop.watched:
        pair.peer.sendall(b"x" * 8000)
        sent += b"x" * 8000
        pair.receive()
    assert pair.loop.watched == [(EPOLLOUT, pair.connection.flush)]
    received = b""
    while pair.connection.owed:
        received += pair.peer.recv(1 << 16)
        pair.connection.flush()
    assert pair.loop.watched[-1] == (EPOLLIN, pair.connection.receive)
    header = pair.loop.framer.header
    while received.count(header) * 8 < len(sent):
        received += pair.peer.recv(1 << 16)
    assert received.replace(header, b"") == sent


def test_finishing_lingers_until_the_peer_ends(pair: Pair) -> None:
    """The peer sees the end; what it still sends is thrown away, without a reset."""
    pair.connection.finish()
    assert pair.peer.recv(1) == b""
    assert pair.loop.watched == [(EPOLLIN, pair.connection.discard)]
    assert pair.loop.lingering == 1
    pair.peer.sendall(b"late")
    pair.connection.discard()
    assert not pair.loop.forgotten
    pair.peer.shutdown(socket.SHUT_WR)
    pair.connection.discard()
    assert pair.loop.forgotten == 1
