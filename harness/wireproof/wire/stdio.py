"""Servers that speak on their standard input and output, each connection a process of its own.

A connection is two pipes. What was sent has been read when the pipe is empty, which its write end
tells too (FIONREAD, pipe(7)), so a cut of a pipe is as certain as one of a TCP stream. The end of
our stream is the end of its standard input; the end of its own, that it has closed its output. A
pipe knows no reset.
"""

import atexit
import contextlib
import fcntl
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wireproof.deadline import Deadline
from wireproof.target import Target
from wireproof.wire.connection import CONNECT_TIMEOUT_S, ConnectError, Connection
from wireproof.wire.kernel.nursery import REPORT_BYTES
from wireproof.wire.kernel.process import children_of, runnable_s
from wireproof.wire.observations import END_OF_STREAM, Data, Observation

_F_SETPIPE_SZ: Final = 1031  # fcntl(2), Linux
_PACKAGE_ROOT: Final = Path(__file__).parents[2]
_START: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1));"
    " from wireproof.wire.kernel.nursery import main; main(*sys.argv[1:])"
)
_RECEIVE_BYTES: Final = 65536
_ENDING_S: Final = 0.2
"""A process whose output has ended is given so long to be over, so that its end can be told."""
_nurseries: Final[dict[tuple[int, tuple[str, ...]], "_Nursery"]] = {}
_one_at_a_time: Final = threading.Lock()


class _Nursery:
    """Our end of the process that starts the servers of one command."""

    def __init__(self, words: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(_PACKAGE_ROOT), str(number), *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(number,),
                start_new_session=True,
            )

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End it, and with it all that it has started."""
        self._socket.close()
        self._process.wait()

    def start(self, taken: int, given: int, deadline: Deadline) -> tuple[socket.socket, int]:
        """Start a server that reads `taken` and writes to `given`.

        Returns:
            Its leash, and its process id.

        Raises:
            ConnectError: it can't be started.

        """
        leash, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                socket.send_fds(self._socket, [b"+"], [taken, given, theirs.fileno()])
            leash.settimeout(max(deadline.remaining_s(), 0.001))
            said = leash.recv(REPORT_BYTES)
            leash.setblocking(False)
        except OSError as error:
            leash.close()
            raise ConnectError(f"it can't be started: {error.strerror or error}") from None
        if not said.isdigit():
            leash.close()
            reason = said[1:].decode(errors="replace") or "what starts it has ended"
            raise ConnectError(f"it can't be started: {reason}")
        return leash, int(said)


def _end_all() -> None:
    """End the nurseries that this process has started."""
    for (pid, _), nursery in _nurseries.items():
        if pid == os.getpid():
            nursery.close()


atexit.register(_end_all)


def _nursery(words: tuple[str, ...]) -> _Nursery:
    """Return the nursery of a command in this process: a fork of it has its own."""
    key = os.getpid(), words
    with _one_at_a_time:
        known = _nurseries.get(key)
        if known is None or not known.lives:
            known = _nurseries[key] = _Nursery(words)
        return known


class PipeConnection(Connection):
    """The standard input and output of one process.

    Attributes:
        socket: its leash; nothing is sent on it.
        pid: its process id, as long as the connection is open.

    """

    def __init__(self, target: Target, deadline: Deadline, receive_buffer_bytes: int = 0) -> None:
        """Start the process.

        Args:
            target: of the scheme `exec`.
            deadline: for the start.
            receive_buffer_bytes: what may be on its way to us; 0 leaves the system's. A page is
                the least (fcntl(2), F_SETPIPE_SZ).

        Raises:
            ConnectError: it can't be started.

        """
        taken, self._input = os.pipe()
        self._output, given = os.pipe()
        try:
            if receive_buffer_bytes:
                fcntl.fcntl(self._output, _F_SETPIPE_SZ, receive_buffer_bytes)
            self.socket, self.pid = _nursery(target.words).start(taken, given, deadline)
        except BaseException:
            os.close(self._input)
            os.close(self._output)
            raise
        finally:
            os.close(taken)
            os.close(given)
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)
        self._ending = ""

    @property
    def input_descriptor(self) -> int:
        """The write end of its standard input; -1 once that was closed."""
        return self._input

    def send(self, data: bytes | memoryview, *, more_follows: bool = False) -> int | None:
        """Hand bytes to the pipe, as `Connection.send` does.

        What nobody reads any more counts as sent, as it does for a TCP peer that has closed: how
        the process ended, its output tells.
        """
        del more_follows
        if self._input < 0:
            return None
        try:
            return os.write(self._input, data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)

    def receive(self, limit_bytes: int = _RECEIVE_BYTES) -> Observation | None:
        """Take what is there, as `Connection.receive` does."""
        if self._output < 0:
            return END_OF_STREAM
        try:
            data = os.read(self._output, limit_bytes)
        except BlockingIOError:
            return None
        return Data(data) if data else END_OF_STREAM

    def widen_window(self) -> None:
        """Have the pipe take as much as pipes do."""
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._output, _F_SETPIPE_SZ, 1 << 16)

    def wait(self, deadline: Deadline, *, readable: bool = True, writable: bool = False) -> bool:
        """Wait, as `Connection.wait` does."""
        poll = select.poll()
        if self._output >= 0:
            poll.register(self._output, select.POLLIN if readable else 0)
        if writable and self._input >= 0:
            poll.register(self._input, select.POLLOUT)
        return bool(poll.poll(deadline.remaining_s() * 1000))

    def polled(self, events: int) -> dict[int, int]:
        """Return what to wait for, as `Connection.polled` does."""
        found = {}
        if self._output >= 0 and (events & ~select.EPOLLOUT or not events):
            found[self._output] = events & ~select.EPOLLOUT
        if self._input >= 0 and events & select.EPOLLOUT:
            found[self._input] = select.EPOLLOUT
        return found

    def acknowledge(self) -> None:
        """Do nothing: a pipe has no acknowledgements."""

    def is_open(self) -> bool:
        """Say whether nothing has come and the process goes on."""
        return not select.select([self._output], [], [], 0)[0]

    def half_close(self) -> None:
        """End its standard input."""
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def reset(self) -> None:
        """Close both pipes at once."""
        self.close()

    def close(self) -> None:
        """Close both pipes, and have the process end; closing twice is harmless."""
        self.half_close()
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
        self.socket.close()

    @property
    def ready_s(self) -> float:
        """How long its process, and those that it has started, have run or waited for a CPU."""
        return 0.0 if self.closed else sum(map(runnable_s, (self.pid, *children_of(self.pid))))

    @property
    def ending(self) -> str:
        """How its process ended and the last that it said on standard error; nothing, if not yet.

        Waits a moment for the end, so it is to be asked once the stream has ended.
        """
        if self._ending or self.closed:
            return self._ending
        if not select.select([self.socket], [], [], _ENDING_S)[0]:
            return ""
        with contextlib.suppress(OSError):
            status, _, said = self.socket.recv(REPORT_BYTES).partition(b"\n")
            if status.isdigit():
                self._ending = _in_words(int(status), said)
        return self._ending


def _in_words(status: int, said: bytes) -> str:
    how = f"signal {status - 128}" if status > 128 else f"exit status {status}"
    lines = said.split(b"\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), b"")
    shown = ascii(last.decode(errors="backslashreplace"))[1:-1]
    return f"its process ended with {how}" + (f", saying: {shown:.160}" if shown else "")


class StdioSocket(socket.socket):
    """A process's standard input and output as one socket, as inetd gives it: for load.

    One loop waits there for all connections by one descriptor each. Closing it ends the process.
    """

    _leash: socket.socket | None = None

    @classmethod
    def open(cls, target: Target) -> "StdioSocket":
        """Start the process of a target of the scheme `exec`.

        Raises:
            ConnectError: it can't be started.

        """
        ours, theirs = socket.socketpair()
        with theirs:
            os.set_blocking(theirs.fileno(), True)  # under gevent no new socket is
            try:
                leash, _ = _nursery(target.words).start(
                    theirs.fileno(), theirs.fileno(), Deadline(CONNECT_TIMEOUT_S)
                )
            except ConnectError:
                ours.close()
                raise
        opened = cls(fileno=ours.detach())
        opened._leash = leash
        opened.setblocking(False)
        return opened

    def close(self) -> None:
        """Close it, and have the process end."""
        super().close()
        if self._leash is not None:
            self._leash.close()
