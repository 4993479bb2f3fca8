"""Connections whose replies stand in a file: whose a line is, and when the end may be told."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from wireproof.deadline import Deadline
from wireproof.errors import UsageError
from wireproof.target import Target, parse_target, resolve
from wireproof.wire.connecting import connect
from wireproof.wire.connection import Connection
from wireproof.wire.observations import END_OF_STREAM, TIMED_OUT, Data
from wireproof.wire.written import WrittenConnection, readable

SOON_S = 5.0


class Peers:
    """A listener, and the server's side of what connects to it."""

    def __init__(self, written: Path) -> None:
        """Listen."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        where = parse_target(f"tcp://127.0.0.1:{self.listener.getsockname()[1]}")
        self.target: Target = replace(resolve(where)[0], written=str(written))
        self.written = written
        self.opened: list[contextlib.AbstractContextManager[object]] = [self.listener]

    def pair(self, key: bytes) -> tuple[WrittenConnection, socket.socket]:
        """Return a connection that has sent its key, and the server's side of it."""
        connection = connect(self.target)
        assert isinstance(connection, WrittenConnection)
        peer, _ = self.listener.accept()
        self.opened += [connection, peer]
        connection.send(b"text of " + key[:4])
        connection.send(key[4:] + b"\n")
        return connection, peer

    def write(self, data: bytes) -> None:
        """Append to the file."""
        with self.written.open("ab") as file:
            file.write(data)


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Peers]:
    """Peers with a file in which something stands already."""
    written = tmp_path / "written"
    written.write_bytes(b"old wp00000001 line\n")
    with contextlib.ExitStack() as stack:
        made = Peers(written)
        yield made
        for one in made.opened:
            stack.enter_context(one)


def seen(connection: Connection, within_s: float = SOON_S) -> object:
    """Return what comes next, a line as its bytes."""
    found = connection.next_observation(Deadline(within_s))
    return found.data if isinstance(found, Data) else found


def test_a_line_goes_to_the_connection_whose_key_is_in_it(peers: Peers) -> None:
    """However the key was cut as it was sent, and the line as it was written; others go nowhere."""
    one, _ = peers.pair(b"wp00000001")
    two, _ = peers.pair(b"wp00000002")
    peers.write(b"no key\nto wp00000002\nwp00000003\nto wp000")
    assert seen(two) == b"to wp00000002\n"
    peers.write(b"00001\nagain wp00000002\n")
    assert seen(one) == b"to wp00000001\n"
    assert seen(two) == b"again wp00000002\n"
    assert seen(one, 0.05) is TIMED_OUT


def test_the_end_comes_behind_the_lines(peers: Peers) -> None:
    """A server may close before it has written; it is waited for, and at once told else."""
    one, peer = peers.pair(b"wp00000001")
    peer.shutdown(socket.SHUT_WR)
    writer = threading.Timer(0.1, peers.write, [b"wp00000001\n"])
    writer.start()
    assert seen(one) == b"wp00000001\n"
    assert seen(one) is END_OF_STREAM
    writer.join()


def test_what_is_never_written_does_not_keep_the_end(peers: Peers) -> None:
    """After a while without a line it is told."""
    one, peer = peers.pair(b"wp00000001")
    peer.shutdown(socket.SHUT_WR)
    assert seen(one) is END_OF_STREAM


def test_nothing_sent_is_not_waited_for(peers: Peers) -> None:
    """A connection without a key owes the file nothing."""
    connection = connect(peers.target)
    peer, _ = peers.listener.accept()
    peers.opened += [connection, peer]
    peer.shutdown(socket.SHUT_WR)
    assert connection.next_observation(Deadline(0.3)) is END_OF_STREAM


def test_what_the_server_sends_is_seen_too(peers: Peers) -> None:
    """It is judged as a reply, and so told from silence."""
    one, peer = peers.pair(b"wp00000001")
    peer.sendall(b"what?\n")
    assert seen(one) == b"what?\n"


def test_a_new_file_is_read_from_its_start(peers: Peers) -> None:
    """One that was emptied, or put there under the name."""
    one, _ = peers.pair(b"wp00000001")
    peers.written.write_bytes(b"wp00000001\n")
    assert seen(one) == b"wp00000001\n"
    fresh = peers.written.with_suffix(".new")
    fresh.write_bytes(b"2 wp1\n")
    fresh.replace(peers.written)
    peers.write(b"3 wp00000001\n")
    assert seen(one) == b"3 wp00000001\n"


def test_closed_twice_it_hears_nothing_more(peers: Peers) -> None:
    """Its number may be another descriptor's then, to which nothing is written."""
    one, _ = peers.pair(b"wp00000001")
    one.close()
    one.close()
    other, _ = peers.pair(b"wp00000002")
    peers.write(b"wp00000001\nwp00000002\n")
    assert seen(other) == b"wp00000002\n"
    one.take(b"wp00000001\n")
    assert one.closed


def test_a_line_may_stand_there_as_soon_as_its_key_is_sent(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the send has returned, even: somebody else's line is waited for meanwhile."""
    other, _ = peers.pair(b"wp00000002")
    connection = connect(peers.target)
    peer, _ = peers.listener.accept()
    peers.opened += [connection, peer]
    send = Connection.send

    def send_and_wait(self: Connection, data: bytes, **more: bool) -> int | None:
        sent = send(self, data, **more)
        peers.write(b"wp00000001\nwp00000002\n")
        assert seen(other) == b"wp00000002\n"
        return sent

    monkeypatch.setattr(Connection, "send", send_and_wait)
    connection.send(b"wp00000001\n")
    assert seen(connection) == b"wp00000001\n"


def test_what_cannot_be_read_is_told_before_a_server_is_blamed(tmp_path: Path) -> None:
    """A folder, or a name in none; a file that is still to come is fine."""
    assert [readable(path) for path in ("", str(tmp_path / "soon"))] == ["", f"{tmp_path}/soon"]
    with pytest.raises(UsageError, match="is not a file"):
        readable(str(tmp_path))
    with pytest.raises(UsageError, match="no folder"):
        readable(str(tmp_path / "none" / "lines"))
