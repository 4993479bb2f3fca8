import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wireproof.accept_queue.probe import accepting_processes, probe_depth
from wireproof.target import Target
from wireproof.wire.kernel.process import is_stopped
from wireproof.wire.kernel.queue_sampler import QueueSampler

StartServer = Callable[..., Any]
"""See conftest.py."""

TargetOf = Callable[[socket.socket], Target]


def test_depth_of_a_server_that_is_paused(start_server: StartServer) -> None:
    """A server that accepts at once holds backlog + 1 while paused; those beyond come later."""
    server = start_server(7)
    with QueueSampler(server.target) as sampler:
        probe = probe_depth(server.target, sampler, [server.pid], beyond=3)
    assert (probe.limit, probe.depth, probe.completed_at_once) == (7, 8, 8)
    assert probe.turned_away == 3
    assert len(probe.late_s) == 3
    assert min(probe.late_s) > 0.9  # the first retry, not the queue's first gap
    assert not is_stopped(server.pid)


def test_connections_that_wait_already_are_part_of_the_depth(target_of: TargetOf) -> None:
    """Fewer connects complete when some wait already; the depth is the same."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=5) as server,
        socket.create_connection(server.getsockname(), timeout=5),
        QueueSampler(target_of(server)) as sampler,
    ):
        probe = probe_depth(target_of(server), sampler, (), late_connects_s=0)
    assert (probe.depth, probe.completed_at_once) == (6, 5)


class _Accepting(QueueSampler):
    """Accepts whatever waits whenever somebody looks."""

    def __init__(self, target: Target, server: socket.socket) -> None:
        super().__init__(target)
        self._server = server
        server.setblocking(False)

    def sample(self) -> int | None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._server.accept()[0].close()
        return super().sample()


def test_a_server_that_goes_on_accepting_has_no_depth(target_of: TargetOf) -> None:
    """Where somebody accepts all the while, the queue never fills, and no depth is claimed."""
    with socket.create_server(("127.0.0.1", 0), backlog=9) as server:
        target = target_of(server)
        with _Accepting(target, server) as sampler:
            probe = probe_depth(target, sampler, (), late_connects_s=0)
    assert probe.depth is None


def test_a_group_of_listeners_is_measured_as_one(target_of: TargetOf) -> None:
    """With SO_REUSEPORT the depth is what all queues held when connects were turned away."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=3, reuse_port=True) as first,
        socket.create_server(first.getsockname(), backlog=3, reuse_port=True),
        QueueSampler(target_of(first)) as sampler,
    ):
        probe = probe_depth(target_of(first), sampler, (), beyond=2, late_connects_s=0)
    assert probe.depth == probe.completed_at_once
    assert 4 <= probe.completed_at_once <= 8


def test_a_unix_socket(start_server: StartServer, tmp_path: Path) -> None:
    """A Unix socket holds backlog + 1, and connects beyond are told so at once."""
    server = start_server(4, path=str(tmp_path / "s"))
    probe = probe_depth(server.target, None, [server.pid], beyond=2)
    assert (probe.depth, probe.turned_away, probe.late_s) == (5, 2, ())


def test_who_accepts(start_server: StartServer) -> None:
    """Whoever holds the listener accepts; named processes and their children may be paused."""
    server = start_server(5, workers=2)
    with QueueSampler(server.target) as sampler:
        inodes = sampler.inodes
    by_parent = accepting_processes(inodes, [server.pid])
    assert len(by_parent.pids) == 3
    assert by_parent.others == ()
    by_nobody = accepting_processes(inodes, [])
    assert (by_nobody.pids, by_nobody.others) == ((), by_parent.pids)
    worker = next(pid for pid in by_parent.pids if pid != server.pid)
    assert accepting_processes(inodes, [worker]).pids == (worker,)
    assert accepting_processes(inodes, [os.getpid()]).others == ()  # it is our child
