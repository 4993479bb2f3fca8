"""This machine's part of a load that another one leads."""

from __future__ import annotations

import signal
import subprocess

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError, UsageError
from wireproof.load.locust_process import start_locust
from wireproof.load.secret import RunSecret
from wireproof.load.spec import LoadSpec

_END_S = 15.0


def run_worker(spec: LoadSpec, host: str, port: int, secret: RunSecret) -> int:
    """Work for the master at `host` and `port` until it says that the run is over.

    Args:
        spec: what this machine does: its target, protocol and settings, and in how many processes.
            Users, rate and time are the master's to say.
        host: of the master.
        port: of the master.
        secret: of the run.

    Returns:
        An exit code: 0 when the run is over, 2 when the master and this worker do not belong
        together, which has been said.

    Raises:
        CannotRunError: the master does not answer, or is gone.
        KeyboardInterrupt: passed on once the processes have ended.

    """
    where = ("--worker", "--master-host", host, "--master-port", str(port))
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.extend(
            start_locust(spec, secret, *where, "--wireproof-talks", output=None)
            for _ in range(spec.processes)
        )
        codes = [process.wait() for process in started]
    finally:
        _end(started)
    if UsageError.exit_code in codes:
        return UsageError.exit_code
    if any(codes):
        raise CannotRunError(f"the master at {host}:{port} does not answer, or is gone")
    return 0


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """End in order those that still run: they say so to the master."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = Deadline(_END_S)
    for process in processes:
        try:
            process.wait(deadline.remaining_s())
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
