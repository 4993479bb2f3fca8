import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from wireproof.accept_queue.pause import paused
from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError, UsageError
from wireproof.wire.kernel.process import descendants_of, is_stopped

StartServer = Callable[..., Any]
"""See conftest.py."""


_PAUSE_AND_HANG = """
import sys
from wireproof.accept_queue.pause import paused
with paused([int(sys.argv[1])], float(sys.argv[2])):
    print("paused", flush=True)
    input()
"""


def _goes_on(pid: int) -> bool:
    deadline = Deadline(10)
    while is_stopped(pid):
        if deadline.expired:
            return False
    return True


def test_a_process_is_stopped_for_the_block_only(start_server: StartServer) -> None:
    """Inside the block it stands still, with its workers if they are named; afterwards it runs."""
    server = start_server(5, workers=1)
    pids = [server.pid, *descendants_of(server.pid)]
    with paused(pids):
        assert all(map(is_stopped, pids))
    assert all(map(_goes_on, pids))


def test_an_error_inside_lets_it_go_on(start_server: StartServer) -> None:
    """Whatever the block raises, the server runs afterwards."""
    server = start_server(5)
    with pytest.raises(KeyboardInterrupt), paused([server.pid]):
        raise KeyboardInterrupt
    assert _goes_on(server.pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_while_paused(start_server: StartServer, number: signal.Signals) -> None:
    """A tool that is killed while a server is paused leaves nothing stopped."""
    server = start_server(5)
    with subprocess.Popen(
        [sys.executable, "-c", _PAUSE_AND_HANG, str(server.pid), "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == "paused\n"
        assert is_stopped(server.pid)
        tool.send_signal(number)
        tool.wait(10)
    assert tool.returncode == -number
    assert _goes_on(server.pid)


def test_a_tool_that_hangs(start_server: StartServer) -> None:
    """The watchdog lets the server go on after its time, even when nobody asks it to."""
    server = start_server(5)
    with paused([server.pid], at_most_s=0.05):
        assert _goes_on(server.pid)


def test_what_was_stopped_before_stays_stopped(start_server: StartServer) -> None:
    """A server that somebody else has stopped is left as it was found."""
    server = start_server(5)
    os.kill(server.pid, signal.SIGSTOP)
    deadline = Deadline(5)
    while not is_stopped(server.pid):
        assert not deadline.expired
    with paused([server.pid]):
        pass
    assert is_stopped(server.pid)


def test_nobody_and_ourselves() -> None:
    """A process that does not exist, and our own, are refused in words."""
    with pytest.raises(CannotRunError, match="there is no process"), paused([2**22 + 1]):
        pytest.fail("entered")
    with pytest.raises(UsageError, match="Wireproof itself"), paused([os.getpid()]):
        pytest.fail("entered")
