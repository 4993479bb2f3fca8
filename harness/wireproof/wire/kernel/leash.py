"""Processes that end when the one that started them does, however it ends.

`leashed` makes a command line of this file, run as a program, and the command that it then turns
into (`exec`, so the process id stays). The kernel is asked for SIGKILL at the parent's end
(PR_SET_PDEATHSIG, prctl(2)), which survives `exec`. A parent that has ended before the kernel was
asked is another process's by now: so the leash looks who the parent is once it is on, and no
moment is left in between.

Limits, all of prctl(2)'s: "the parent" is the thread that starts the process, so that thread has to
live as long as the process should; a process that such a one starts in turn has no leash unless it
gets its own; a set-user-id program takes it off.

As a program it runs with the standard library alone and starts in a few hundredths of a second.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_NOT_STARTED = 127  # what a shell returns for a command that there is not


def leashed(command: Sequence[str]) -> list[str]:
    """Return a command line that runs `command` for as long as the calling thread lives.

    Where there is no such command, a line on its standard error says so, and it ends with 127.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def end_with(parent_pid: int) -> bool:
    """Have the kernel end this process when its parent does.

    Args:
        parent_pid: who that was when this process was made.

    Returns:
        Whether it still is: if not, the parent has ended, and this process should.

    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent_pid


def leash_forks() -> None:
    """From now on, every process that this one forks ends with it; those that it has do not."""
    forking: list[int] = []

    def end_with_who_forked() -> None:
        if not end_with(forking[-1]):
            os._exit(_NOT_STARTED)

    os.register_at_fork(
        before=lambda: forking.append(os.getpid()),
        after_in_parent=forking.pop,
        after_in_child=end_with_who_forked,
    )


def _main(parent_pid: str, *command: str) -> None:
    if not end_with(int(parent_pid)):
        sys.exit(_NOT_STARTED)
    try:
        os.execvp(command[0], command)  # noqa: S606 - from a list, never through a shell
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.exit(_NOT_STARTED)


if __name__ == "__main__":
    _main(*sys.argv[1:])
