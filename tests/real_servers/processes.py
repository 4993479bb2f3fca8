"""What the gallery begins: each process leads a group, and all end when the gallery is stopped."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

_running: "set[subprocess.Popen[bytes]]" = set()
_lock = threading.Lock()
_over = threading.Event()


class StoppedError(Exception):
    """The gallery was stopped, and begins nothing more."""


def begin(
    command: Sequence[str],
    output: IO[bytes] | int,
    folder: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> "subprocess.Popen[bytes]":
    """Start a command as the leader of a process group, which `end` ends whole."""
    with _lock:
        if _over.is_set():
            raise StoppedError
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | environment,
        )
        _running.add(process)
        return process


def end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and its children, which are a process group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with _lock:
        _running.discard(process)


def end_all() -> None:
    """End every process that runs, and let none begin."""
    with _lock:
        _over.set()
        left = list(_running)
    for process in left:
        end(process)
