"""A user's command, run under a warden with its output bounded; where to connect is filled in."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wireproof.errors import CannotRunError, UsageError
from wireproof.target import Target
from wireproof.wire.kernel.warden import guarded

_KEPT_BYTES: Final = 256 * 1024
"""Of each output's head; as much of its tail as this is kept, too."""
_READ_BYTES: Final = 64 * 1024
_MOST_READS: Final = 32
_END_S: Final = 5.0


class Output:
    """What a command writes to one of its outputs, as far as it is kept.

    Attributes:
        total_bytes: all that it wrote.

    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.total_bytes = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        """Take what was written next."""
        self.total_bytes += len(data)
        room = _KEPT_BYTES - len(self._head)
        self._head += data[: max(0, room)]
        self._tail += data[max(0, room) :]
        del self._tail[: -_KEPT_BYTES or None]

    @property
    def kept(self) -> bytes:
        """Its head and its tail, and how much there was between."""
        left_out = self.total_bytes - len(self._head) - len(self._tail)
        gap = b"\n... %d bytes left out ...\n" % left_out if left_out else b""
        return bytes(self._head) + gap + bytes(self._tail)


class Running:
    """A command that runs.

    Attributes:
        output: its standard output.
        errors: its standard error.
        ended: a descriptor that becomes readable when it has ended, with all that it started.

    """

    def __init__(self, words: Sequence[str], target: Target) -> None:
        """Start it, and have it connect to `target`.

        `{host}`, `{port}` and `{url}` in `words` say where that is, and so does its environment.

        Raises:
            CannotRunError: no process can be made.

        """
        self.output, self.errors = Output(), Output()
        try:
            self._process = subprocess.Popen(
                guarded([target.filled_into(word) for word in words]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | where(target),
                start_new_session=True,
            )
        except OSError as error:
            raise CannotRunError(f"cannot start {words[0]}: {error.strerror}") from None
        self.ended = os.pidfd_open(self._process.pid)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pipes = {
            self._process.stdout.fileno(): self.output,
            self._process.stderr.fileno(): self.errors,
        }
        for descriptor in self._pipes:
            os.set_blocking(descriptor, False)

    @property
    def descriptors(self) -> list[int]:
        """What to wait for: output that can be read, and the end."""
        return [*self._pipes, self.ended]

    @property
    def exit_code(self) -> int | None:
        """As a shell has it; None while it runs."""
        return self._process.poll()

    def read(self) -> list[int]:
        """Take what was written; return the descriptors of outputs that have ended."""
        over = []
        for descriptor, output in list(self._pipes.items()):
            for _ in range(_MOST_READS):
                try:
                    data = os.read(descriptor, _READ_BYTES)
                except BlockingIOError:
                    break
                output.add(data)
                if not data:
                    over.append(descriptor)
                    del self._pipes[descriptor]
                    break
        return over

    def end(self) -> None:
        """End it with all that it started, whatever it thinks of that."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End it, and give the descriptors back."""
        self.end()
        self.read()
        os.close(self.ended)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def where(target: Target) -> dict[str, str]:
    """Return what a command's environment says of where to connect."""
    return {
        "WIREPROOF_HOST": target.host or target.path,
        "WIREPROOF_PORT": str(target.port),
        "WIREPROOF_URL": str(target),
    }


def check_command(words: Sequence[str]) -> None:
    """See that there is such a command.

    Raises:
        UsageError: there is none.

    """
    if shutil.which(words[0]) is None:
        hint = "" if not Path(words[0]).exists() else "it is not a program: is it executable?"
        raise UsageError(f"cannot start {words[0]!r}: there is no such command", hint)
