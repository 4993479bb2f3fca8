"""The reference server as a process of its own: what `run` and Locust test when no target is named.

The harness imports nothing of it; it reads the one line that the server prints.
"""

import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.wire.kernel.leash import leashed

_START_S = 15.0
_END_S = 10.0
_ANNOUNCEMENT = "listening on "
# Beside this package where it is installed; in a checkout, beside the folder that holds it.
_HOMES = Path(__file__).parents[2:4]


def server_command() -> list[str]:
    """Return what starts the reference server that came with us.

    It is started by its path: a folder named reference_server in the current directory, or in
    PYTHONPATH, is somebody else's.

    Raises:
        CannotRunError: it is not there.

    """
    for home in _HOMES:
        program = home / "reference_server" / "__main__.py"
        if program.is_file():
            return [sys.executable, "-P", str(program)]
    raise CannotRunError(
        "the reference server is missing",
        "pip install --force-reinstall wireproof",
    )


class ReferenceServer:
    """A running reference server, which ends with the thread that started it at the latest.

    Attributes:
        target: where it listens, as `--help` of every command writes targets.
        pid: of its parent process.

    """

    def __init__(self, *options: str) -> None:
        """Start it on a free port, and wait until it listens.

        Args:
            *options: of `python -m reference_server`, besides `--port 0`.

        Raises:
            CannotRunError: it does not start; its own words say why.

        """
        self._process = subprocess.Popen(
            leashed([*server_command(), "--port", "0", *options]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we end the server ourselves
        )
        self.pid = self._process.pid
        self.target = self._read_announcement().split()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it: in order, or at once if it does not end."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _read_announcement(self) -> str:
        deadline = Deadline(_START_S)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], deadline.remaining_s())
        line = self._process.stdout.readline() if ready else ""
        if not line.startswith(_ANNOUNCEMENT):
            self._process.kill()
            _, said = self._process.communicate()
            words = said.strip().splitlines()[-1:] or ["it said nothing"]
            raise CannotRunError(f"the reference server does not start: {words[0]}")
        return line.removeprefix(_ANNOUNCEMENT)
