"""The reference server under pressure: slow readers, resets, limits, dying workers."""

import contextlib
import os
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.server_process import (
    TIMEOUT_S,
    Running,
    receive_all,
    receive_exactly,
    running,
    wait_until_ended,
)

HEADER = re.compile(rb"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] ")
ONE_WORKER = ("--port", "0", "--workers", "1")


def ask(sock: socket.socket, payload: bytes = b"ping") -> None:
    """One short round trip, checked."""
    sock.sendall(payload)
    assert receive_exactly(sock, 27 + len(payload))[27:] == payload


def fill(sock: socket.socket) -> int:
    """Send without reading until nothing more is taken; how much was."""
    sock.setblocking(False)
    sent = 0
    while select.select([], [sock], [], 0.5)[1]:
        with contextlib.suppress(BlockingIOError):
            sent += sock.send(b"z" * 65536)
    sock.settimeout(TIMEOUT_S)
    return sent


def memory_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def cpu_s(pid: int) -> float:
    """CPU time that a process has used."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


@pytest.mark.parametrize("model", ["prefork", "fork"])
def test_a_slow_reader_stalls_nobody_and_loses_nothing(model: str) -> None:
    """While one does not read, others are served and memory stays; then it gets every byte."""
    with running("--model", model, *ONE_WORKER) as server:
        with server.connect() as slow, server.connect() as other:  # ended before the server is
            ask(other)
            before = memory_bytes(server.children()[0])
            sent = fill(slow)
            ask(other)
            assert memory_bytes(server.children()[0]) - before < 4_000_000
            slow.shutdown(socket.SHUT_WR)
            received = receive_all(slow)
            assert len(HEADER.sub(b"", received)) == sent
            ask(other)
        assert server.stop() == 0


def test_little_may_be_buffered() -> None:
    """With room for a single frame, replies still come complete."""
    with (
        running("--max-buffered", "1", "--buffer", "7", *ONE_WORKER) as server,
        server.connect() as sock,
    ):
        sock.sendall(b"x" * 100_000)
        sock.shutdown(socket.SHUT_WR)
        assert len(HEADER.sub(b"", receive_all(sock))) == 100_000


def test_resets_end_only_their_own_connection() -> None:
    """A reset while idle, asking, or not reading leaves the worker and the others unharmed."""
    with running(*ONE_WORKER) as server:
        worker = server.children()
        with server.connect() as other:
            ask(other)
            for pending in (b"", b"x", b"x" * 1_000_000):
                for _ in range(10):
                    sock = server.connect()
                    sock.setblocking(False)
                    with contextlib.suppress(BlockingIOError):
                        sock.send(pending) if pending else None
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    sock.close()
                    ask(other)
        assert server.children() == worker
        assert server.stop() == 0


@pytest.mark.parametrize("model", ["prefork", "fork"])
def test_running_out_of_descriptors_is_survived(model: str) -> None:
    """Without descriptors it neither dies nor spins; as some free up, the waiting are served."""
    with running("--model", model, *ONE_WORKER) as server, contextlib.ExitStack() as stack:
        acceptor = server.children()[0] if model == "prefork" else server.process.pid
        resource.prlimit(acceptor, resource.RLIMIT_NOFILE, (30, 30))
        socks = [stack.enter_context(server.connect()) for _ in range(45)]
        for sock in socks:
            sock.sendall(b"x")
        waiting = set(socks)
        while served := select.select(list(waiting), [], [], 0.3)[0]:
            waiting.difference_update(served)
        assert waiting, "the limit was not reached"
        before_s, start_s = cpu_s(acceptor), time.monotonic()
        assert not select.select(list(waiting), [], [], 0.7)[0]
        busy_s, elapsed_s = cpu_s(acceptor) - before_s, time.monotonic() - start_s
        assert busy_s < elapsed_s / 2
        for sock in set(socks) - waiting:
            sock.close()
        while waiting:
            served = select.select(list(waiting), [], [], TIMEOUT_S)[0]
            assert served, "service did not go on"
            for sock in served:
                assert sock.recv(100)[27:] == b"x"
                sock.close()
            waiting.difference_update(served)


def test_idle_connections_are_closed_and_busy_ones_are_not() -> None:
    """Silence longer than the limit ends a connection with an end of file."""
    with (
        running("--idle-timeout", "0.5", *ONE_WORKER) as server,
        server.connect() as idle,
        server.connect() as busy,
    ):
        while not select.select([idle], [], [], 0.05)[0]:
            ask(busy)
        assert idle.recv(1) == b""
        ask(busy)


def test_connections_beyond_the_limit_wait() -> None:
    """The third of two allowed is answered when one of the two has gone."""
    with (
        running("--max-connections", "2", "--port", "0", "--workers", "2") as server,
        server.connect() as first,
        server.connect() as second,
        server.connect() as third,
    ):
        ask(first)
        ask(second)
        third.sendall(b"x")
        assert not select.select([third], [], [], 0.4)[0]
        first.close()
        assert receive_exactly(third, 28)[27:] == b"x"


def test_sigterm_ends_within_the_grace_despite_a_stuck_reader() -> None:
    """A connection that takes nothing delays the end by the grace period and no more."""
    with running("--grace", "0.3", *ONE_WORKER) as server, server.connect() as stuck:
        fill(stuck)
        assert server.stop() == 0


def test_statistics_are_printed_for_each_worker() -> None:
    """At its end each worker says how many connections, chunks and bytes it had."""
    with running("--stats", *ONE_WORKER) as server:
        with server.connect() as sock:
            ask(sock, b"12345")
            ask(sock, b"678")
        assert server.stop() == 0
        assert server.process.stderr is not None
        assert "1 connections, 2 chunks, 8 bytes" in server.process.stderr.read().decode()


def test_a_worker_that_cannot_start_ends_the_server() -> None:
    """It is not started for ever again: one line says why, and the exit code is 3."""
    program = """
import sys
from reference_server import prefork, server
def broken(self):
    raise OSError("no epoll today")
prefork.Worker.start = broken
sys.exit(server.main(["--port", "0", "--workers", "3"]))
"""
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr == "reference_server: a worker cannot start: OSError: no epoll today\n"


def test_workers_that_end_at_once_are_not_replaced_for_ever() -> None:
    """A worker that starts and then ends by itself, again and again, ends the server."""
    program = """
import sys
from reference_server import prefork, server
prefork.Worker.run = lambda self: sys.exit(1)
sys.exit(server.main(["--port", "0", "--workers", "2"]))
"""
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 3
    assert "as soon as they start, with exit code 1" in ended.stderr


class Caller(threading.Thread):
    """Asks for ever, on a new connection whenever the old one breaks; stops at a wrong byte."""

    def __init__(self, server: Running, seed: int) -> None:
        super().__init__()
        self.server = server
        self.random = random.Random(seed)
        self.over = threading.Event()
        self.answered = self.broken = 0
        self.wrong: str | None = None

    def run(self) -> None:
        """Ask until told to stop."""
        while not self.over.is_set() and self.wrong is None:
            try:
                with self.server.connect() as sock:
                    while not self.over.is_set() and self.wrong is None:
                        self.ask(sock)
            except (ConnectionError, EOFError):
                self.broken += 1
            except OSError as error:
                self.wrong = f"service stopped: {error}"

    def ask(self, sock: socket.socket) -> None:
        """One request of random bytes, and its reply."""
        sent = self.random.randbytes(self.random.randint(1, 3000)).replace(b"[", b"(")
        sock.sendall(sent)
        received = b""
        while len(payload := HEADER.sub(b"", received)) < len(sent) or b"[" in payload:
            more = sock.recv(65536)
            if not more:
                raise EOFError
            received += more
        if payload != sent:
            self.wrong = f"sent {sent!r}, got {received!r}"
        self.answered += 1


def test_workers_killed_under_load_never_yield_a_wrong_byte() -> None:
    """Each kill breaks some connections; all others, and all new ones, are answered exactly."""
    with running("--port", "0", "--workers", "2") as server:
        callers = [Caller(server, seed) for seed in range(6)]
        for caller in callers:
            caller.start()
        chance = random.Random(1)
        for _ in range(15):
            victim = chance.choice(server.children())
            answered = sum(caller.answered for caller in callers)
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            wait_until_ended(victim)
            timeout_s = time.monotonic() + TIMEOUT_S
            while sum(caller.answered for caller in callers) < answered + 50:
                assert time.monotonic() < timeout_s, "service stopped"
                callers[0].over.wait(0.01)
        for caller in callers:
            caller.over.set()
        for caller in callers:
            caller.join(TIMEOUT_S)
        assert [caller.wrong for caller in callers] == [None] * len(callers)
        assert sum(caller.broken for caller in callers) > 0
        assert server.stop() == 0
