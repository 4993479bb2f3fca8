"""The reference server as a program: what is seen on the wire and of its processes."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server_process import (
    COMMAND,
    TIMEOUT_S,
    Running,
    receive_all,
    receive_exactly,
    running,
    wait_until_ended,
)

HEADER = re.compile(rb"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] ")


@pytest.fixture
def server() -> Iterator[Running]:
    """A default server on a free port."""
    with running("--port", "0", "--workers", "2") as started:
        yield started


def test_first_line_names_the_bound_address(server: Running) -> None:
    """With port 0 the one line on standard output tells a program where to connect."""
    assert re.fullmatch(r"listening on tcp://127\.0\.0\.1:[1-9]\d*\n", server.line)


def test_a_chunk_is_answered_with_one_frame(server: Running) -> None:
    """Input that fits the buffer and arrives at once comes back behind one timestamp."""
    with server.connect() as sock:
        sock.sendall(b"hello")
        reply = receive_exactly(sock, 27 + 5)
    assert HEADER.fullmatch(reply[:27])
    assert reply[27:] == b"hello"


def test_half_close_is_answered_in_full(server: Running) -> None:
    """All that was sent before the end of input comes back, then an end of file."""
    sent = bytes(range(256)) * 1000
    with server.connect() as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        received = receive_all(sock)
    assert HEADER.sub(b"", received) == sent


def test_sigterm_answers_what_has_arrived_and_exits_with_0(server: Running) -> None:
    """Replies owed at SIGTERM are sent, each connection then ends, and the exit code is 0."""
    socks = [server.connect() for _ in range(10)]
    for sock in socks:
        sock.sendall(b"before the end")
    server.process.send_signal(signal.SIGTERM)
    for sock in socks:
        with sock:
            assert receive_all(sock)[27:] == b"before the end"
    assert server.process.wait(TIMEOUT_S) == 0


def test_a_killed_worker_is_replaced(server: Running) -> None:
    """SIGKILL on every worker in turn leaves the service running with as many workers."""
    for pid in server.children():
        os.kill(pid, signal.SIGKILL)
        wait_until_ended(pid)
        with server.connect() as sock:
            sock.sendall(b"x")
            assert len(receive_exactly(sock, 28)) == 28
    assert server.stop() == 0


def test_workers_end_when_the_parent_is_killed(server: Running) -> None:
    """No worker outlives a parent that had no chance to say goodbye."""
    workers = server.children()
    assert len(workers) == 2
    server.process.kill()
    for pid in workers:
        wait_until_ended(pid)


def test_a_port_in_use_is_one_line_and_exit_code_3(server: Running) -> None:
    """What cannot be had is said in one line, without a traceback."""
    second = subprocess.run(
        [*COMMAND, "--port", str(server.address[1])],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert second.returncode == 3
    assert second.stderr.count("\n") == 1
    assert "in use" in second.stderr


def test_wrong_usage_is_exit_code_2() -> None:
    """An option out of range is refused before anything is bound."""
    wrong = subprocess.run(
        [*COMMAND, "--port", "70000"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert wrong.returncode == 2
    assert "70000" in wrong.stderr


def test_a_folder_of_the_same_name_is_not_run(tmp_path: Path) -> None:
    """Where our tests start the server makes no difference to which server starts."""
    (tmp_path / "reference_server").mkdir()
    (tmp_path / "reference_server" / "__main__.py").write_text("raise SystemExit('another')")
    (tmp_path / "reference_server" / "__init__.py").touch()
    ours = subprocess.run(
        [*COMMAND, "--help"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
        cwd=tmp_path,
    )
    assert "A timestamp-echo server" in ours.stdout
