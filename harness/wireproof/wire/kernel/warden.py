"""Commands of a user's that leave nothing behind, whatever they fork and however they end.

`guarded` makes a command line of this file, run as a program. It runs the command as its child in
a session of its own, and is the one to whom the kernel gives all descendants that lose their parent
(PR_SET_CHILD_SUBREAPER, prctl(2)), so none can get away by forking twice. When the command ends,
when the warden is asked to end (SIGTERM), or when whoever started it is gone (PR_SET_PDEATHSIG), it
kills them all and ends as the command did: with its exit status, or with 128 and the number of the
signal, as shells have it.

As a program it runs with the standard library alone and starts in a few hundredths of a second.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
NOT_STARTED = 127  # what a shell returns for a command that there is not


def guarded(command: Sequence[str]) -> list[str]:
    """Return a command line that runs `command` under a warden, while the calling thread lives.

    Where there is no such command, a line on its standard error says so, and it ends with 127.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


class _AskedToEnd(Exception):  # noqa: N818 - a request, not an error
    """SIGTERM came."""


def _main(parent_pid: str, *command: str) -> int:
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _end)
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent_pid):
        return NOT_STARTED
    status = 128 + signal.SIGTERM
    try:
        child = os.fork()
        if not child:
            _become(command)
        status = _status_of(child)
    except _AskedToEnd:
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kill_all()
    return status


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise _AskedToEnd


def _become(command: tuple[str, ...]) -> None:
    """Turn into the command; never returns."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec keeps that
        os.setsid()
        os.execvp(command[0], command)  # noqa: S606 - from a list, never through a shell
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(NOT_STARTED)


def _status_of(child: int) -> int:
    """Wait for the command itself; orphans that end meanwhile are reaped on the way."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def kill_all() -> None:
    """Kill and reap until there is no child left; an orphan becomes ours and is next."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        for pid in _children():
            os.kill(pid, signal.SIGKILL)  # ours, and not reaped: the id can't be another's
        os.waitpid(-1, 0)


def _children() -> list[int]:
    """Return our children, as /proc has them (proc(5))."""
    from pathlib import Path  # it takes as long as all other imports, and most runs need none

    ours = str(os.getpid())
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if fields[1] == ours:
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
