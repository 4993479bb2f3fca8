"""`wireproof record` as a process, and who connects to it."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wireproof.target import parse_target


@contextmanager
def recording(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wireproof", "record", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert said.startswith("listening on "), process.communicate()[1]
        yield process, said.removeprefix("listening on ").partition(",")[0]
    finally:
        process.kill()
        process.communicate()


def connected(address: str) -> socket.socket:
    """Return a client's socket."""
    target = parse_target(address)
    if target.scheme == "unix":
        client = socket.socket(socket.AF_UNIX)
        client.connect(target.path)
        return client
    return socket.create_connection((target.host, target.port), timeout=20)
