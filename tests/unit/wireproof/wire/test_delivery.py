import select
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

# ruff: noqa: SIM117 - a server, its client and its connection, one inside the other
from wireproof.wire.delivery import GapWatch, KernelWatch, UnixWatch, watch
from wireproof.wire.kernel.sock_diag import SockDiag


@pytest.fixture
def diag() -> Iterator[SockDiag]:
    """The kernel's word."""
    with closing(SockDiag()) as opened:
        yield opened


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_delivered_means_read(host: str, diag: SockDiag) -> None:
    """A segment is delivered when the peer's process has taken it, not when it has arrived."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        with socket.create_connection(server.getsockname()[:2]) as ours:
            theirs, _ = server.accept()
            with theirs:
                watcher = watch(ours, diag, 0.0)
                assert isinstance(watcher, KernelWatch)
                assert watcher.delivered()
                ours.sendall(b"abc")
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
            assert isinstance(watch(ours, diag, 0.0), KernelWatch)


def test_a_unix_socket_tells_by_itself(tmp_path: Path) -> None:
    """The sender's own queue empties when the peer reads."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as ours:
        server.bind(str(tmp_path / "s"))
        server.listen()
        ours.connect(str(tmp_path / "s"))
        theirs, _ = server.accept()
        with theirs:
            watcher = watch(ours, None, 0.0)
            assert isinstance(watcher, UnixWatch)
            ours.sendall(b"abc")
            assert not watcher.delivered()
            assert (watcher.unread_bytes() or 0) > 0
            theirs.recv(3)
            assert watcher.delivered()


def test_a_socket_that_is_gone_reads_nothing_more(diag: SockDiag) -> None:
    """Once the peer's socket is gone there is nothing to wait for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as ours:
            theirs, _ = server.accept()
            watcher = watch(ours, diag, 0.0)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0] + [0] * 4))
            theirs.close()
            select.select([ours], [], [], 5)
            assert watcher.delivered()


@pytest.mark.parametrize(("round_trip_s", "gap_s"), [(0.0, 0.002), (0.01, 0.04), (10.0, 0.25)])
def test_the_gap_follows_the_round_trip(round_trip_s: float, gap_s: float) -> None:
    """Where nobody can look, four round trips within reason keep segments apart."""
    watcher = GapWatch(round_trip_s)
    assert watcher.gap_s == gap_s
    assert not watcher.confirms
    assert not watcher.delivered()
    assert watcher.unread_bytes() is None


def test_without_sock_diag_time_keeps_apart() -> None:
    """TCP without the kernel's word falls back to gaps."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as ours:
            assert isinstance(watch(ours, None, 0.01), GapWatch)
