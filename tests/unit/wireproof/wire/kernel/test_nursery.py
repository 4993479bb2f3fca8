"""What starts servers on pipes leaves none behind."""

import os
import select
import signal
import subprocess
import sys

import pytest

_TIMEOUT_S = 30
_HOLDS = """
import sys
from wireproof.target import parse_target
from wireproof.wire.connecting import connect
held = connect(parse_target("exec:" + sys.argv[1]))
print(held.pid, flush=True)
print(held.next_observation(__import__("wireproof.deadline").deadline.Deadline(20)).data.decode())
sys.stdout.flush()
sys.stdin.read()
"""
# Forks into another session, ignores signals and the end of its input, says who both are, stays.
_STAYS = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    os.write(1, b"%d" % os.getpid())
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_all_end_with_whoever_asked_for_them(number: signal.Signals) -> None:
    """A server that ignores all it can, and what it has put into another session, too."""
    command = f"{sys.executable} -S -E -c \"exec(bytes.fromhex('{_STAYS.encode().hex()}'))\""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        pids = [int(holder.stdout.readline()), int(holder.stdout.readline())]
        descriptors = [os.pidfd_open(pid) for pid in pids]
        holder.send_signal(number)
        for descriptor in descriptors:
            assert select.select([descriptor], [], [], _TIMEOUT_S)[0]
            os.close(descriptor)
