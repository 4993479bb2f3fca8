"""A server that we start from the user's own command, and start again each time that it has died.

It listens once the kernel says so: nothing is sent to find out, since some servers count their
connections. Whether it has died is asked of the process, not guessed from a silence.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
from dataclasses import dataclass, replace
from typing import IO, Self

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError, UsageError
from wireproof.target import Target, command_words
from wireproof.wire.kernel.leash import leashed
from wireproof.wire.kernel.listening import is_listening

START_S = 20.0
_END_S = 5.0
_LOOK_AGAIN_S = 0.01
_TAIL_BYTES = 8192
_LINES_SHOWN = 3
_PORTS_TRIED = 3


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended.

    Attributes:
        how: "exit status 1" or "signal 6 (SIGABRT)".
        last_lines: what it said last, on its output or its errors; bytes of a stranger.

    """

    how: str
    last_lines: tuple[bytes, ...]


class StartedServer:
    """A server process of the user's, in a session of its own.

    Attributes:
        target: where it listens: as named, or on a free port where port 0 was named.
        starts: how often it was started.

    """

    def __init__(self, command: str, target: Target) -> None:
        """Start it, and wait until it listens.

        Args:
            command: split as a shell would, run without one; `{port}`, `{host}`, `{path}` and
                `{url}` in it say where to listen.
            target: resolved; port 0 stands for a free one.

        Raises:
            UsageError: the command cannot be split or found, or something listens there already.
            CannotRunError: it does not start to listen; its last words say why.

        """
        self._words = command_words("--start", command, "--start 'my-server --port {port}'")
        self._wanted = target
        self.starts = 0
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def death(self) -> Death | None:
        """How it ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        self._tail.wait(_END_S)
        return Death(_how(code), self._tail.lines())

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def restart(self) -> None:
        """Start it again, at the same address; ends it first where it still runs.

        Raises:
            CannotRunError: it does not start to listen.

        """
        self.close()
        self._launch()

    def close(self) -> None:
        """End it with all that it started: in order, or at once if it does not end."""
        _signal_group(self._process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        _signal_group(self._process, signal.SIGKILL)
        self._process.wait()
        self._tail.wait(_END_S)

    def _start(self) -> None:
        is_placed = bool(self._wanted.port or self._wanted.path)
        tries = 1 if is_placed else _PORTS_TRIED
        while True:
            self.target = self._wanted if is_placed else _with_free_port(self._wanted)
            if is_listening(self.target):
                raise UsageError(
                    f"something already listens on {self.target}",
                    "end it, since --start starts the server itself, or name port 0",
                )
            tries -= 1
            try:
                self._launch()
            except CannotRunError:
                # A free port may be another's by the time that the server asks for it.
                if not tries:
                    raise
            else:
                return

    def _launch(self) -> None:
        command = [self.target.filled_into(word) for word in self._words]
        self._process = subprocess.Popen(
            leashed(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._tail = _Tail(self._process.stdout)
        self.starts += 1
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        deadline = Deadline(START_S)
        ended = os.pidfd_open(self._process.pid)
        try:
            while not is_listening(self.target):
                gone = bool(select.select([ended], [], [], _LOOK_AGAIN_S)[0])
                if gone or deadline.expired:
                    self._give_up("ended before it listened" if gone else "does not listen")
        finally:
            os.close(ended)

    def _give_up(self, what: str) -> None:
        death = self.death
        self.close()
        lines = self._tail.lines()
        last = lines[-1].decode("ascii", "backslashreplace")[:200] if lines else ""
        how = f" ({death.how})" if death else f" within {START_S:g} s"
        raise CannotRunError(
            f"the server that --start names {what} on {self.target}{how}",
            f"its last log line: {last!r}" if last else "it printed nothing",
        )


class _Tail:
    """Reads a process's output to its end in a thread, and keeps the last of it."""

    def __init__(self, output: IO[bytes]) -> None:
        self._output = output
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for the end of the output; a child of the process may keep it open."""
        self._thread.join(seconds)

    def lines(self) -> tuple[bytes, ...]:
        """Return the last lines."""
        lines = [line.strip() for line in bytes(self._kept).splitlines() if line.strip()]
        return tuple(lines[-_LINES_SHOWN:])

    def _read(self) -> None:
        with self._output as output:
            while data := os.read(output.fileno(), 65536):
                self._kept += data
                del self._kept[:-_TAIL_BYTES]


def _with_free_port(target: Target) -> Target:
    with socket.socket(target.family, target.socket_type) as probe:
        probe.bind(target.address)
        port = probe.getsockname()[1]
    assert not isinstance(target.address, str)
    host, _, *rest = target.address
    return replace(target, port=port, address=(host, port, *rest))


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the session that the process leads; its children may outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
