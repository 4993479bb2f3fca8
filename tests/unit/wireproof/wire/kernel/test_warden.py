import os
import select
import signal
import subprocess
import sys

import pytest

from wireproof.wire.kernel.warden import NOT_STARTED, guarded

_TIMEOUT_S = 30
# Forks twice, leaves the session, ignores signals, says who it is, and stays.
_AWAY = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        print(os.getpid(), flush=True)
        os.close(1)
        time.sleep(600)
    os._exit(0)
"""
_STAYS = _AWAY + "\ntime.sleep(600)"
_PARENT = f"""
import subprocess, sys
from wireproof.wire.kernel.warden import guarded
subprocess.Popen(guarded([sys.executable, "-c", {_STAYS!r}]), start_new_session=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -SEGV $$"], 128 + signal.SIGSEGV),
        (["sh", "-c", "kill 0; exit 3"], 128 + signal.SIGTERM),
        (["/no/such/command"], NOT_STARTED),
    ],
)
def test_it_ends_as_the_command_does(command: list[str], status: int) -> None:
    """With its status, or as a shell has the end by a signal."""
    done = subprocess.run(guarded(command), capture_output=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == status


def _is_gone(pid: int) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], _TIMEOUT_S)[0])
    finally:
        os.close(descriptor)


def test_nothing_stays_behind_when_the_command_ends() -> None:
    """What forked twice, left the session and ignores signals goes with it."""
    done = subprocess.run(
        guarded([sys.executable, "-c", _AWAY]),
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=True,
    )
    assert _is_gone(int(done.stdout))


def test_nothing_stays_behind_when_it_is_asked_to_end() -> None:
    """SIGTERM to the warden is the end of all."""
    with subprocess.Popen(
        guarded([sys.executable, "-c", _STAYS]), stdout=subprocess.PIPE, start_new_session=True
    ) as warden:
        assert warden.stdout is not None
        away = int(warden.stdout.readline())
        warden.terminate()
        assert warden.wait(_TIMEOUT_S) == 128 + signal.SIGTERM
    assert _is_gone(away)


def test_nothing_stays_behind_when_whoever_started_it_is_killed() -> None:
    """The kernel tells the warden, whatever became of its parent."""
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        away = int(parent.stdout.readline())
        parent.kill()
        assert _is_gone(away)
