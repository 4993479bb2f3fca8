"""The reference server as a process of its own, for tests and benchmarks."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TIMEOUT_S = 20
# -P: a folder named reference_server, in whatever directory this is run, is not our server.
COMMAND = (sys.executable, "-P", "-m", "reference_server")


class Running:
    """A server process and where it listens."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().decode()
        if not self.line:
            raise AssertionError(self.process.communicate(timeout=TIMEOUT_S)[1].decode())
        self.targets = self.line.removeprefix("listening on ").split()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first target."""
        host, _, port = self.targets[0].partition("://")[2].rpartition(":")
        return host.strip("[]"), int(port)

    def connect(self) -> socket.socket:
        """A new connection that holds nothing back: what is measured on it is the server's."""
        made = socket.create_connection(self.address, TIMEOUT_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def children(self) -> list[int]:
        """The process ids of its children."""
        pid = self.process.pid
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]

    def stop(self) -> int:
        """End it in good order; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_S)

    def close(self) -> None:
        """End it in any case."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=TIMEOUT_S)


@contextlib.contextmanager
def running(*options: str) -> Iterator[Running]:
    """A server with the given options, killed at the end if it still runs."""
    server = Running(*options)
    try:
        yield server
    finally:
        server.close()


def receive_all(sock: socket.socket) -> bytes:
    """What comes until the end of file."""
    return b"".join(iter(lambda: sock.recv(65536), b""))


def receive_exactly(sock: socket.socket, size: int) -> bytes:
    """The next `size` bytes."""
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        assert more, f"end of file after {len(data)} of {size} bytes"
        data += more
    return data


def wait_until_ended(pid: int) -> None:
    """Wait for the end of a process that is not our child."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        ended = poll.poll(TIMEOUT_S * 1000)
        os.close(descriptor)
        assert ended, f"process {pid} still runs"
