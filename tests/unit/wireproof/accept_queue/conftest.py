import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import pytest

from wireproof.target import Target, parse_target, resolve

_SERVER = """
import os, socket, sys, time
family, address, backlog, interval_s, workers = sys.argv[1:]
if family == "unix":
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen(int(backlog))
else:
    server = socket.create_server(("127.0.0.1", 0), backlog=int(backlog))
for _ in range(int(workers)):
    if os.fork() == 0:
        break
else:
    print(server.getsockname()[1] if family == "tcp" else 0, flush=True)
kept = []
while True:
    kept.append(server.accept()[0])
    time.sleep(float(interval_s))
"""


@dataclass(frozen=True)
class Server:
    """A server in a process of its own that accepts and says nothing."""

    pid: int
    target: Target


class StartServer(Protocol):
    """Start a server; `interval_s` after each accept it sleeps."""

    def __call__(
        self, backlog: int, interval_s: float = 0, *, path: str = "", workers: int = 0
    ) -> Server:
        """Return the server once it listens."""


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers that end with the test, their workers included."""
    with ExitStack() as stack:

        def start(
            backlog: int, interval_s: float = 0, *, path: str = "", workers: int = 0
        ) -> Server:
            family = "unix" if path else "tcp"
            process = stack.enter_context(
                subprocess.Popen(
                    [
                        *(sys.executable, "-I", "-c", _SERVER, family, path),
                        *(str(backlog), str(interval_s), str(workers)),
                    ],
                    stdout=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                )
            )
            stack.callback(_end_group, process)
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 20)[0], "the server does not start"
            port = process.stdout.readline().strip()
            text = f"unix:{path}" if path else f"tcp://127.0.0.1:{port}"
            return Server(process.pid, resolve(parse_target(text))[0])

        yield start


@pytest.fixture
def target_of() -> Callable[[socket.socket], Target]:
    """Return the target of a listening socket on IPv4."""

    def find(server: socket.socket) -> Target:
        return resolve(parse_target(f"tcp://127.0.0.1:{server.getsockname()[1]}"))[0]

    return find


def _end_group(process: "subprocess.Popen[str]") -> None:
    os.killpg(process.pid, signal.SIGKILL)  # the session that we gave it
