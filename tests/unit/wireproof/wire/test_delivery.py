import fcntl
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.support.certificates import server_context

# ruff: noqa: D102 - what a stand-in does is what it stands for
# ruff: noqa: SIM117 - a server, its client and its connection, one inside the other
from wireproof.deadline import Deadline
from wireproof.target import Target
from wireproof.wire.connection import Connection
from wireproof.wire.delivery import (
    DeliveryWatch,
    GapWatch,
    GoneWatch,
    KernelWatch,
    UnixWatch,
    pause_between_looks,
    watch,
)
from wireproof.wire.kernel.sock_diag import ExactQuery, SockDiag
from wireproof.wire.observations import Data

RST = struct.pack("ii", 1, 0)
SIOCOUTQ = 0x5411
SERVERS = {"127.0.0.1": "127.0.0.1", "::1": "::1", "mapped": "::"}
TIMES = 50


@pytest.fixture
def diag() -> Iterator[SockDiag]:
    """The kernel's word."""
    with closing(SockDiag()) as opened:
        yield opened


@contextmanager
def _answered(name: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection, and the server's end of it, which has answered: its kernel delays ACKs now."""
    host = SERVERS[name]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    dualstack = {"dualstack_ipv6": True} if name == "mapped" else {}
    with socket.create_server((host, 0), family=family, **dualstack) as server:
        address = ("127.0.0.1" if name == "mapped" else host, server.getsockname()[1])
        with socket.create_connection(address) as ours:
            theirs, _ = server.accept()
            with theirs:
                for end in (ours, theirs):
                    end.settimeout(5)
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for _ in range(3):
                    _answer(ours, theirs)
                yield ours, theirs


def _answer(ours: socket.socket, theirs: socket.socket) -> None:
    ours.sendall(b"request")
    assert theirs.recv(10) == b"request"
    theirs.sendall(b"reply")
    assert ours.recv(10) == b"reply"


def _until_delivered(watcher: DeliveryWatch) -> None:
    over = Deadline(5)
    while not watcher.delivered():
        assert not over.expired
        pause_between_looks()


def _acknowledged(ours: socket.socket) -> bool:
    return fcntl.ioctl(ours.fileno(), SIOCOUTQ, bytes(4)) == bytes(4)


@pytest.mark.parametrize("name", SERVERS)
def test_what_was_read_is_delivered_before_it_is_acknowledged(name: str, diag: SockDiag) -> None:
    """A server that delays its ACK is not waited for: its own count says what has arrived."""
    delayed = 0
    with _answered(name) as (ours, theirs):
        watcher = watch(Connection(ours), diag, 0.0)
        for _ in range(TIMES):
            _answer(ours, theirs)
            ours.sendall(b"abc")
            watcher.sent_more()
            assert not watcher.delivered()
            assert theirs.recv(10) == b"abc"
            _until_delivered(watcher)
            assert watcher.unread_bytes() == 0
            delayed += not _acknowledged(ours)
    assert delayed > TIMES / 2


@pytest.mark.parametrize("name", SERVERS)
def test_what_has_arrived_is_not_delivered_until_it_is_read(name: str, diag: SockDiag) -> None:
    """Between a server that reads late and one that acknowledges late there is a difference."""
    with _answered(name) as (ours, theirs):
        watcher = watch(Connection(ours), diag, 0.0)
        ours.sendall(b"abc")
        watcher.sent_more()
        select.select([theirs], [], [], 5)
        assert not any(watcher.delivered() for _ in range(TIMES))
        assert watcher.unread_bytes() == 3
        theirs.recv(2)
        assert not any(watcher.delivered() for _ in range(TIMES))
        assert watcher.unread_bytes() == 1
        theirs.recv(1)
        assert watcher.delivered()
        ours.sendall(b"d")
        watcher.sent_more()
        select.select([theirs], [], [], 5)
        assert not watcher.delivered()


@pytest.mark.parametrize("name", SERVERS)
def test_our_end_of_stream_is_no_byte(name: str, diag: SockDiag) -> None:
    """The kernel counts a FIN as one; who is told of unread bytes is not told of it."""
    with _answered(name) as (ours, theirs):
        watcher = watch(Connection(ours), diag, 0.0)
        ours.sendall(b"abc")
        ours.shutdown(socket.SHUT_WR)
        watcher.sent_more()
        select.select([theirs], [], [], 5)
        over = Deadline(5)
        while watcher.unread_bytes() != 3:
            assert not over.expired
        assert theirs.recv(10) == b"abc"
        assert watcher.unread_bytes() == 0
        assert theirs.recv(10) == b""
        assert watcher.unread_bytes() == 0
        _until_delivered(watcher)


@pytest.mark.parametrize("answers", [False, True])
def test_a_server_that_reads_late_reads_each_segment_alone(
    diag: SockDiag, *, answers: bool
) -> None:
    """Confirmed is exact: a server busy between its reads never finds two segments in one."""
    segments = 1000
    reads: list[int] = []

    def serve() -> None:
        for number in range(segments):
            sum(range(number % 7 * 50))  # late by a little, or not at all
            reads.append(len(theirs.recv(100)))

    with _answered("127.0.0.1") as (ours, theirs):
        if not answers:  # a connection as young as that acknowledges at once
            theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        watcher = watch(Connection(ours), diag, 0.0)
        server = threading.Thread(target=serve)
        server.start()
        for _ in range(segments):
            ours.sendall(b"x")
            watcher.sent_more()
            _until_delivered(watcher)
        server.join(5)
    assert reads == [1] * segments


def test_records_are_counted_as_the_kernel_counts_them(diag: SockDiag) -> None:
    """Under TLS more bytes are sent than a program writes, and the kernel's count is of those."""
    delayed = 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        target = Target("tls", *address, family=socket.AF_INET, address=address)
        accepted: list[ssl.SSLSocket] = []

        def accept() -> None:
            raw, _ = server.accept()
            accepted.append(server_context().wrap_socket(raw, server_side=True))

        accepting = threading.Thread(target=accept)
        accepting.start()
        with Connection.open(target) as ours:
            accepting.join(5)
            with accepted[0] as theirs:
                theirs.settimeout(5)
                watcher = watch(ours, diag, 0.0)
                assert isinstance(watcher, KernelWatch)
                for _ in range(TIMES):
                    theirs.sendall(b"reply")
                    assert ours.next_observation(Deadline(5)) == Data(b"reply")
                    ours.send(b"abc")
                    watcher.sent_more()
                    assert not watcher.delivered()
                    assert watcher.unread_bytes() > 3
                    assert theirs.recv(10) == b"abc"
                    _until_delivered(watcher)
                    delayed += not _acknowledged(ours.socket)
    assert delayed > TIMES / 2


class OldKernel:
    """Of a peer's socket it tells the queue alone."""

    def __init__(self, query: ExactQuery) -> None:
        self.receive_queue_bytes = query.receive_queue_bytes

    def received_bytes(self) -> None:
        return


def test_without_the_count_the_acknowledgement_is_waited_for(diag: SockDiag) -> None:
    """A kernel that does not tell what arrived is asked in the old way."""
    with _answered("127.0.0.1") as (ours, theirs):
        query = OldKernel(diag.exact(ours.family, ours.getpeername(), ours.getsockname()))
        watcher = KernelWatch(ours, cast(ExactQuery, query))
        ours.sendall(b"abc")
        watcher.sent_more()
        theirs.recv(10)
        over = Deadline(5)
        while not _acknowledged(ours):
            assert not watcher.delivered() or _acknowledged(ours)
            assert not over.expired
        assert watcher.delivered()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_delivered_means_read(host: str, diag: SockDiag) -> None:
    """A segment is delivered when the peer's process has taken it, not when it has arrived."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        with socket.create_connection(server.getsockname()[:2]) as ours:
            theirs, _ = server.accept()
            with theirs:
                watcher = watch(Connection(ours), diag, 0.0)
                assert isinstance(watcher, KernelWatch)
                assert watcher.delivered()
                ours.sendall(b"abc")
                watcher.sent_more()
                select.select([theirs], [], [], 5)
                assert not watcher.delivered()
                assert watcher.unread_bytes() == 3
                theirs.recv(2)
                assert watcher.unread_bytes() == 1
                theirs.recv(1)
                assert watcher.delivered()


def test_a_dual_stack_server_is_seen(diag: SockDiag) -> None:
    """An IPv4 client of an IPv6 socket has a peer with a mapped address."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        with socket.create_connection(("127.0.0.1", server.getsockname()[1])) as ours:
            assert isinstance(watch(Connection(ours), diag, 0.0), KernelWatch)


def test_a_unix_socket_tells_by_itself(tmp_path: Path) -> None:
    """The sender's own queue empties when the peer reads."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as ours:
        server.bind(str(tmp_path / "s"))
        server.listen()
        ours.connect(str(tmp_path / "s"))
        theirs, _ = server.accept()
        with theirs:
            watcher = watch(Connection(ours), None, 0.0)
            assert isinstance(watcher, UnixWatch)
            ours.sendall(b"abc")
            watcher.sent_more()
            assert not watcher.delivered()
            assert (watcher.unread_bytes() or 0) > 0
            theirs.recv(3)
            assert watcher.delivered()


def test_a_socket_that_is_gone_reads_nothing_more(diag: SockDiag) -> None:
    """Once the peer's socket is gone there is nothing to wait for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as ours:
            theirs, _ = server.accept()
            watcher = watch(Connection(ours), diag, 0.0)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            theirs.close()
            select.select([ours], [], [], 5)
            assert watcher.delivered()


def test_a_reset_before_the_watch_is_no_error_of_ours(diag: SockDiag) -> None:
    """There is no peer any more whose name could be asked for; reading tells what became of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as ours:
            theirs, _ = server.accept()
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            theirs.close()
            select.select([ours], [], [], 5)
            watcher = watch(Connection(ours), diag, 0.0)
            watcher.sent_more()
            assert isinstance(watcher, GoneWatch)
            assert watcher.confirms
            assert watcher.delivered()
            assert watcher.unread_bytes() is None
            with pytest.raises(ConnectionResetError):
                ours.recv(1)


def test_a_reset_between_the_questions_is_not_taken_for_a_far_server(
    diag: SockDiag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that was there a moment ago is gone, not out of sight."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as ours:
            theirs, _ = server.accept()
            exact = diag.exact

            def reset_and_ask(*which: object) -> ExactQuery:
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
                theirs.close()
                select.select([ours], [], [], 5)
                return cast(Callable[..., ExactQuery], exact)(*which)

            monkeypatch.setattr(diag, "exact", reset_and_ask)
            assert isinstance(watch(Connection(ours), diag, 0.0), GoneWatch)


@pytest.mark.parametrize(("round_trip_s", "gap_s"), [(0.0, 0.002), (0.01, 0.04), (10.0, 0.25)])
def test_the_gap_follows_the_round_trip(round_trip_s: float, gap_s: float) -> None:
    """Where nobody can look, four round trips within reason keep segments apart."""
    watcher = GapWatch(round_trip_s)
    watcher.sent_more()
    assert watcher.gap_s == gap_s
    assert not watcher.confirms
    assert not watcher.delivered()
    assert watcher.unread_bytes() is None


def test_without_sock_diag_time_keeps_apart() -> None:
    """TCP without the kernel's word falls back to gaps."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as ours:
            assert isinstance(watch(Connection(ours), None, 0.01), GapWatch)
