"""Whatever was started ends with the command that started it, at whatever moment that is killed.

WIREPROOF_EXTENDED=1 kills at fifty moments instead of two, and every command at its first child.
"""

import contextlib
import os
import random
import select
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server_process import TIMEOUT_S, wait_until_ended
from tests.support.servers import Serving, echoing

_EXTENDED = bool(os.environ.get("WIREPROOF_EXTENDED"))
_KILLS = 50 if _EXTENDED else 2
_MARK = "WIREPROOF_TEST_MARK"
_PROGRAM = (sys.executable, "-c", "from wireproof.cli import main; main()")
_LOCUSTFILE = Path(__file__).parents[2] / "harness" / "locustfile.py"
_STUBBORN = """
import os, signal, socket, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
if "WIREPROOF_HOST" in os.environ:
    there = socket.create_connection((os.environ["WIREPROOF_HOST"], os.environ["WIREPROOF_PORT"]))
time.sleep(600)
"""
"""Hears no signal, and has a child in a session of its own that lost its parent."""
_PYTHON = (sys.executable, "-S", "-E", "-c", _STUBBORN)
_ON_PIPES = f"exec:{shlex.join(_PYTHON)}"
_STUBBORN_ONES = {
    "a command between": (*_PROGRAM, "between", "TARGET", "--", *_PYTHON),
    "a server on pipes between": (*_PROGRAM, "between", _ON_PIPES, "--", *_PYTHON),
    "a server on pipes": (*_PROGRAM, "check", _ON_PIPES, "--protocol", "echo"),
}
_COMMANDS = {
    "run": (*_PROGRAM, "run", "--depth", "quick", "--for", "1"),
    "load": (*_PROGRAM, "load", "TARGET", "--protocol", "echo", "--for", "60s"),
    "load on processes": (
        *(*_PROGRAM, "load", "TARGET", "--protocol", "echo", "--for", "60s", "--processes", "2"),
    ),
    "backlog": (*_PROGRAM, "backlog", "TARGET", "--protocol", "echo"),
    "serve": (*_PROGRAM, "serve", "--port", "0", "--workers", "2"),
    "locust": (
        *(sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--headless", "-u", "2"),
        *("--processes", "2", "--master-bind-port", "0"),
    ),
}


def _processes(mark: str) -> list[int]:
    """All processes that have the mark in their environment, whoever their parent is now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{_MARK}={mark}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


@contextlib.contextmanager
def _marked(
    command: tuple[str, ...], target: str, folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The command as a process, and the mark of all that it starts; all killed in any case."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [target if word == "TARGET" else word for word in command],
        env={**os.environ, _MARK: mark},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process, mark
    finally:
        process.kill()
        process.wait(TIMEOUT_S)
        for pid in _processes(mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _await_processes(process: subprocess.Popen[bytes], mark: str, least: int = 2) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while len(_processes(mark)) < least:
        assert process.poll() is None
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


def _kill(process: subprocess.Popen[bytes], mark: str, number: signal.Signals) -> None:
    """Kill the command itself, alone; the processes that were its own, and that it left."""
    before = _processes(mark)
    process.send_signal(number)
    process.wait(TIMEOUT_S)
    for pid in {*before, *_processes(mark)} - {process.pid}:
        wait_until_ended(pid)


@pytest.mark.parametrize("name", _COMMANDS if _EXTENDED else ["load on processes", "locust"])
def test_its_children_end_with_a_command_that_is_killed(name: str, tmp_path: Path) -> None:
    """SIGKILL, which no command can answer, the moment that its first child is there."""
    with (
        Serving(echoing) as server,
        _marked(_COMMANDS[name], str(server.target), tmp_path) as (process, mark),
    ):
        _await_processes(process, mark)
        _kill(process, mark, signal.SIGKILL)  # the first may have been one that ends by itself
        assert _processes(mark) == []


@pytest.mark.parametrize("name", _STUBBORN_ONES)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_hears_no_signal_ends_with_its_command(
    name: str, number: signal.Signals, tmp_path: Path
) -> None:
    """Its child that got away, too: the program, what guards it, it, and the child are there."""
    with (
        Serving(echoing) as server,
        _marked(_STUBBORN_ONES[name], str(server.target), tmp_path) as (process, mark),
    ):
        _await_processes(process, mark, 4)
        _kill(process, mark, number)
        assert _processes(mark) == []


@pytest.mark.parametrize("seed", range(_KILLS))
def test_nothing_is_left_by_a_kill_at_any_moment(seed: int, tmp_path: Path) -> None:
    """SIGKILL and SIGTERM in turn, to a command that has run for a random while."""
    chance = random.Random(seed)
    name = list(_COMMANDS)[seed % len(_COMMANDS)]
    number = (signal.SIGKILL, signal.SIGTERM)[seed // len(_COMMANDS) % 2 ^ seed % 2]
    with (
        Serving(echoing) as server,
        _marked(_COMMANDS[name], str(server.target), tmp_path) as (process, mark),
    ):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.0, 5.0))
        _kill(process, mark, number)
        assert _processes(mark) == [], f"{name} leaves them after {number.name}"
