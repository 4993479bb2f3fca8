"""One of the zoo, as a process."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def serving(name: str) -> Iterator[str]:
    """Serve what is named, until the block is left; yield the target."""
    command = [sys.executable, "-m", "tests.zoo.server", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"tcp://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()
