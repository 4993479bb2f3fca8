"""One load as long as the soak: `wireproof load` as a process of its own, as people start it."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.soak.processes import SoakError, say
from tests.support.server_process import TIMEOUT_S, Running
from wireproof.results import load_results

_OPTIONS = ("--users", "10", "--rate", "200", "--warm-up", "0s", "--for", "100h")


class LongLoad:
    """The running load.

    Attributes:
        process: the command's; Locust's is its child.

    """

    def __init__(self, server: Running, folder: str) -> None:
        """Start it."""
        program = "from wireproof.cli import main; main()"
        arguments = ["load", server.targets[0], *_OPTIONS, "--out", folder]
        self._path = Path(folder) / "results.json"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def pids(self) -> list[int]:
        """The command's process and its children's."""
        if self.process.poll() is not None:
            raise SoakError(f"the long load ended with {self.process.returncode}")
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def end(self) -> None:
        """Interrupt it, as Ctrl-C does, and look at what it measured."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(TIMEOUT_S)
        found = load_results(self._path).load
        if found is None or found.failures or not found.requests:
            raise SoakError(f"the long load: {found and (found.requests, found.failures)}")
        service = found.latency_us["service"]
        say(
            f"the long load: {found.requests} requests in {found.seconds:.0f} s, none failed, "
            f"p50 {service.p50:.0f} µs, p99 {service.p99:.0f} µs"
        )


@contextmanager
def long_load(server: Running) -> Iterator[LongLoad]:
    """A load beside what is done meanwhile; ended and looked at afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        beside = LongLoad(server, folder)
        try:
            yield beside
            beside.end()
        finally:
            if beside.process.poll() is None:
                beside.process.terminate()  # it ends its own processes; killed, it could not
                beside.process.wait(TIMEOUT_S)
