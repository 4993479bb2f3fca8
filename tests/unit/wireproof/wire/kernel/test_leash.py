import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wireproof.wire.kernel import leash
from wireproof.wire.kernel.leash import leashed

_TIMEOUT_S = 30
# A parent that starts a leashed process, which says who it is, and then waits to be killed.
_PARENT = """
import subprocess, sys
from wireproof.wire.kernel.leash import leashed
child = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
subprocess.Popen(leashed(child), start_new_session=True)
sys.stdin.read()
"""
# One that forks.
_FORKING = """
import os, sys, time
from wireproof.wire.kernel.leash import leash_forks
leash_forks()
if not os.fork():
    print(os.getpid(), flush=True)
    time.sleep(600)
sys.stdin.read()
"""


@pytest.mark.parametrize("parents_code", [_PARENT, _FORKING])
def test_a_leashed_process_ends_with_its_parent(parents_code: str) -> None:
    """However that ends, and in whatever session the process is."""
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen(
            [sys.executable, "-c", parents_code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as parent:
            assert parent.stdout is not None
            descriptor = os.pidfd_open(int(parent.stdout.readline()))
            try:
                assert not select.select([descriptor], [], [], 0)[0]
                parent.send_signal(number)
                assert select.select([descriptor], [], [], _TIMEOUT_S)[0]
            finally:
                os.close(descriptor)


def test_a_parent_that_has_ended_already_is_noticed() -> None:
    """A leash that is put on too late ends the process: somebody else is its parent by then."""
    late = [
        sys.executable,
        "-I",
        "-S",
        str(Path(leash.__file__)),
        str(os.getpid() + 1),
        "echo",
        "x",
    ]
    ended = subprocess.run(late, capture_output=True, timeout=_TIMEOUT_S, check=False)
    assert ended.returncode == 127
    assert ended.stdout == b""


def test_a_leashed_process_is_the_command() -> None:
    """Same process id, arguments, environment, standard streams and exit code."""
    shell = ["sh", "-c", 'cat; echo "$$ $1 $VALUE"; exit 7', "sh", "a b"]
    with subprocess.Popen(
        leashed(shell),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "VALUE": "v"},
        text=True,
    ) as process:
        said, _ = process.communicate("in ", timeout=_TIMEOUT_S)
        assert said == f"in {process.pid} a b v\n"
    assert process.returncode == 7


def test_a_command_that_there_is_not_is_told() -> None:
    """In one line, with a shell's exit code for it."""
    ended = subprocess.run(
        leashed(["/no/such/command"]), capture_output=True, timeout=_TIMEOUT_S, check=False
    )
    assert ended.returncode == 127
    assert ended.stderr == b"cannot start /no/such/command: No such file or directory\n"
