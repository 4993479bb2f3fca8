import contextlib
import errno
import socket
import ssl
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.wire.client_tls import send_records
from wireproof.wire.connecting import reachable
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.observations import END_OF_STREAM, RESET, TIMED_OUT, Data

TargetOf = Callable[[socket.socket], Target]
Pair = tuple[Connection, socket.socket]
RST = struct.pack("ii", 1, 0)


@pytest.fixture
def pair(target_of: TargetOf):
    """A connection and the server's end of it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Connection.open(target_of(server)) as connection,
    ):
        peer, _ = server.accept()
        with peer:
            yield connection, peer


def test_data_end_and_silence_are_three_things(pair: Pair) -> None:
    """Each is seen as what it is."""
    connection, peer = pair
    assert connection.receive() is None
    assert connection.next_observation(Deadline(0.01)) is TIMED_OUT
    peer.sendall(b"abc")
    assert connection.next_observation(Deadline(5)) == Data(b"abc")
    peer.shutdown(socket.SHUT_WR)
    assert connection.next_observation(Deadline(5)) is END_OF_STREAM


def test_a_reset_is_no_end(pair: Pair) -> None:
    """RST is told apart from FIN."""
    connection, peer = pair
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    peer.close()
    assert connection.next_observation(Deadline(5)) is RESET


def test_a_reset_that_a_send_heard_of_first(pair: Pair) -> None:
    """The kernel tells of a reset once; who reads afterwards still learns of it."""
    connection, peer = pair
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    peer.close()
    assert connection.wait(Deadline(5))
    assert connection.send(b"late") is None
    assert connection.receive() is RESET


def _exchange(pair: Pair, *, patience_s: float) -> bool:
    """Ask once, be answered in two pieces; say whether the second came within the patience."""
    connection, peer = pair
    connection.send(b"request")
    assert peer.recv(10) == b"request"
    peer.sendall(b"a")
    peer.sendall(b"b")  # Nagle's algorithm keeps it until the first is acknowledged
    soon, got = Deadline(5), b""
    while not got:
        assert connection.wait(soon)
        seen = connection.receive()
        got += seen.data if isinstance(seen, Data) else b""
    came = got == b"ab" or connection.wait(Deadline(patience_s))
    if got == b"a":
        assert connection.next_observation(soon) == Data(b"b")
    return came


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="a facility of Linux")
def test_no_server_waits_for_our_acknowledgement(pair: Pair) -> None:
    """A reply in two small writes comes at once, not when the kernel sees fit to acknowledge."""
    connection, _ = pair
    for _ in range(10):  # a young connection acknowledges at once by itself
        _exchange(pair, patience_s=5)
    assert sum(_exchange(pair, patience_s=0.02) for _ in range(20)) > 10
    # And this is what it is good for:
    connection._acknowledges = False
    for _ in range(10):
        _exchange(pair, patience_s=5)
    assert sum(_exchange(pair, patience_s=0.02) for _ in range(20)) < 10


def test_a_wait_after_a_reset_only_waits(pair: Pair) -> None:
    """A connection that is gone has nothing to acknowledge; the wait ends, and reading tells."""
    connection, peer = pair
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    peer.close()
    for _ in range(2):
        assert connection.wait(Deadline(5))
    assert connection.receive() is RESET
    assert connection.wait(Deadline(5))


def test_half_close_leaves_the_other_direction_open(pair: Pair) -> None:
    """After our end of stream replies still come."""
    connection, peer = pair
    assert connection.send(b"last") == 4
    connection.half_close()
    assert peer.recv(10) == b"last"
    assert peer.recv(10) == b""
    peer.sendall(b"reply")
    assert connection.next_observation(Deadline(5)) == Data(b"reply")
    assert connection.send(b"more") is None


def test_our_reset_is_one(pair: Pair) -> None:
    """The peer sees RST, not FIN."""
    connection, peer = pair
    connection.reset()
    assert connection.closed
    peer.settimeout(5)
    with pytest.raises(ConnectionResetError):
        peer.recv(1)


def test_a_full_buffer_takes_nothing(pair: Pair) -> None:
    """A send never blocks: it says 0, and the wait ends when there is room."""
    connection, peer = pair
    sent = 0
    while taken := connection.send(b"x" * 65536):
        sent += taken
    assert not connection.wait(Deadline(0.01), readable=False, writable=True)
    while sent > 0:
        sent -= len(peer.recv(min(sent, 65536)))
    assert connection.wait(Deadline(5), readable=False, writable=True)


def test_a_small_window_is_agreed_on_at_the_connect(target_of: TargetOf) -> None:
    """The receive buffer is ours to choose, and can be widened later."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Connection.open(target_of(server), receive_buffer_bytes=4096) as connection,
    ):
        size = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert size <= 2 * 4096
        connection.widen_window()
        wide = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert wide > size


def _nowhere(target_of: TargetOf) -> Target:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return target_of(server)


def test_refused(target_of: TargetOf) -> None:
    """Nobody listening is a reason of its own."""
    with pytest.raises(ConnectError) as error:
        Connection.open(_nowhere(target_of))
    assert error.value.reason == "connection refused"


def test_the_first_address_that_answers_is_taken(target_of: TargetOf) -> None:
    """`localhost` has two addresses, and the server may serve one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = target_of(server)
        assert reachable((_nowhere(target_of), found)) == found


def test_nothing_answers(target_of: TargetOf) -> None:
    """Then it is said why, and what to do."""
    with pytest.raises(CannotRunError, match="connection refused") as error:
        reachable((_nowhere(target_of),))
    assert error.value.instead == "start the server first"


def test_whether_datagrams_are_answered_only_a_reply_tells() -> None:
    """A UDP target is taken as it is."""
    target = Target("udp", host="127.0.0.1", port=9)
    assert reachable((target,)) is target


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EADDRNOTAVAIL])
def test_what_this_machine_lacks_is_not_the_servers_fault(
    number: int, target_of: TargetOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptor, no port: ours, said so, with what to do."""

    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    target = Target("tcp", "127.0.0.1", 9, family=socket.AF_INET, address=("127.0.0.1", 9))
    with pytest.raises(CannotRunError, match=r"this (process|machine) has no"):
        Connection.open(target)


class _Records:
    """A TLS socket that takes so many bytes, a record at a time."""

    def __init__(self, room_bytes: int) -> None:
        self.room_bytes = room_bytes
        self.offered: list[bytes] = []

    def send(self, data: memoryview) -> int:
        """Take a whole record, or none."""
        self.offered.append(bytes(data))
        if len(data) > self.room_bytes:
            raise ssl.SSLWantWriteError
        self.room_bytes -= len(data)
        return len(data)


@pytest.mark.parametrize(
    ("size", "room_bytes", "taken"),
    [(100, 100, 100), (40_000, 20_000, 16_384), (40_000, 40_000, 40_000), (0, 0, 0)],
)
def test_tls_says_how_much_has_left(size: int, room_bytes: int, taken: int) -> None:
    """Record by record, or some would leave of which nobody knows."""
    secured = _Records(room_bytes)
    assert send_records(cast(ssl.SSLSocket, secured), bytes(size)) == taken
    assert all(len(one) <= 16_384 for one in secured.offered)


def test_tls_that_takes_nothing_says_so() -> None:
    """The caller waits, and offers the same again."""
    with pytest.raises(ssl.SSLWantWriteError):
        send_records(cast(ssl.SSLSocket, _Records(10)), bytes(40_000))


def test_a_full_queue_of_a_unix_socket_is_waited_for(target_of: TargetOf, tmp_path: Path) -> None:
    """As over TCP: connect() is told EAGAIN there, though the server only takes its time."""
    with socket.socket(socket.AF_UNIX) as server, contextlib.ExitStack() as open_ones:
        server.bind(str(tmp_path / "s"))
        server.listen(0)
        target = target_of(server)
        open_ones.enter_context(Connection.open(target, Deadline(5)))
        with pytest.raises(ConnectError, match="no answer in time"):
            Connection.open(target, Deadline(0.02))
        accepted = ThreadPoolExecutor(1)
        open_ones.enter_context(accepted)
        late = accepted.submit(Connection.open, target, Deadline(5))
        for _ in range(2):
            peer, _ = server.accept()
            open_ones.enter_context(peer)
        open_ones.enter_context(late.result())
