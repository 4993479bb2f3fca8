"""Keeping a server from accepting, for a moment, and never for longer.

Invariant: whatever becomes of this process, the server goes on. A watchdog, a process of its own,
is ready before the first SIGSTOP; the end of its standard input is its sign, and the kernel gives
that sign even when we are killed. Processes are held by pidfd, so no reused id is ever signalled.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError, UsageError
from wireproof.wire.kernel.process import is_stopped

LONGEST_PAUSE_S = 10.0
_READY_S = 10.0
_STOPPED_S = 2.0
_WATCHDOG = Path(__file__).with_name("watchdog.py")


@contextmanager
def paused(pids: Sequence[int], at_most_s: float = LONGEST_PAUSE_S) -> Iterator[None]:
    """Stop processes for the length of the block.

    One that is stopped already stays as it is found.

    Args:
        pids: the processes that accept connections.
        at_most_s: after which the watchdog lets them go on by itself.

    Raises:
        UsageError: one of them is this process.
        CannotRunError: one of them does not exist, or may not be stopped.

    """
    if os.getpid() in pids:
        raise UsageError(f"process {os.getpid()} is Wireproof itself, which cannot pause itself")
    with ExitStack() as stack:
        running = {pid: _open(pid, stack) for pid in pids if not is_stopped(pid)}
        if running:
            stack.enter_context(_watchdog(list(running.values()), at_most_s))
        try:
            for pid, descriptor in running.items():
                _stop(pid, descriptor)
            yield
        finally:
            for descriptor in running.values():
                with suppress(ProcessLookupError, PermissionError):
                    signal.pidfd_send_signal(descriptor, signal.SIGCONT)


def _open(pid: int, stack: ExitStack) -> int:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        raise CannotRunError(f"there is no process {pid}") from None
    except OSError as error:
        raise CannotRunError(f"process {pid} cannot be held: {error.strerror}") from None
    stack.callback(os.close, descriptor)
    return descriptor


def _stop(pid: int, descriptor: int) -> None:
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGSTOP)
    except ProcessLookupError:
        raise CannotRunError(f"process {pid} has ended") from None
    except PermissionError:
        raise CannotRunError(
            f"process {pid} may not be stopped by this user",
            "run as the user that the server runs as",
        ) from None
    deadline = Deadline(_STOPPED_S)
    while not is_stopped(pid):
        if deadline.expired:
            raise CannotRunError(f"process {pid} does not stop")
        os.sched_yield()


@contextmanager
def _watchdog(descriptors: list[int], at_most_s: float) -> Iterator[None]:
    # A session of its own, so that Ctrl-C in the terminal does not reach it.
    with subprocess.Popen(
        [sys.executable, "-I", str(_WATCHDOG), str(at_most_s), *map(str, descriptors)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=descriptors,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], _READY_S)
            if not ready or process.stdout.read(1) != b"r":
                raise CannotRunError("the watchdog that would resume the server does not start")
            yield
        finally:
            process.stdin.close()
