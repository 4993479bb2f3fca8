"""One of the zoo, as a process."""

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from wireproof.target import parse_target, resolve
from wireproof.wire.started_server import StartedServer

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


def started(name: str) -> StartedServer:
    """Serve what is named as `--start` does."""
    target = resolve(parse_target("tcp://127.0.0.1:0", any_port=True))[0]
    command = [sys.executable, "-m", "tests.zoo.server", name, "{port}"]
    return StartedServer(shlex.join(command), target)
