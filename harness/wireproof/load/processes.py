"""The processes of a load run: the one that leads, and its workers, here or on other machines.

One process is a whole run. For more, Locust's master takes a free port of its own choice and says
which; the workers are started once it has.
"""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Self

import msgspec

from wireproof.deadline import Deadline
from wireproof.load.figures.tally import Event, Note, NoteKind, decode_event
from wireproof.load.locust_process import start_locust
from wireproof.load.secret import RunSecret, new_secret
from wireproof.load.spec import LoadSpec

_MAX_LINE_BYTES = 16 * 1024 * 1024
_END_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Where a run's workers come to that are started on other machines.

    Attributes:
        host: address to listen at.
        port: 0 for one that is free.
        secret: that they hold.
        wait_s: for how long to wait for all of them.
        on_listening: is told the port.
        on_word: is told what the user should know now: who has come, who was refused.

    """

    host: str
    port: int
    secret: RunSecret
    wait_s: float
    on_listening: Callable[[int], None]
    on_word: Callable[[str], None]


class RunProcesses:
    """The run's Locust processes, and the pipe on which they say what happens.

    Attributes:
        spec: of the run.
        elsewhere: where workers of other machines come to; None where all are started here.
        joined: workers that have come.

    """

    def __init__(self, spec: LoadSpec, log: IO[bytes], elsewhere: Elsewhere | None) -> None:
        """Start the one that leads; what all of them print goes into `log`."""
        self.spec = spec
        self.elsewhere = elsewhere
        self.joined = 0
        self._secret = new_secret() if elsewhere is None else elsewhere.secret
        self._log = log
        self._workers: list[subprocess.Popen[bytes]] = []
        self._lost: set[int] = set()
        self._buffer = bytearray()
        self._events, writing = os.pipe()
        try:
            users = spec.users[0]
            self._leader = self._start(
                "--users",
                str(users),
                "--spawn-rate",
                str(spec.connect_rate_per_s or users),
                *_master_options(spec.processes, elsewhere),
                events=writing,
            )
        finally:
            os.close(writing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._events)
        if self._leader.poll() is not None and self._leader.returncode != 0:
            for worker in self._workers:  # nobody tells them that it is over
                worker.terminate()
        deadline = Deadline(_END_S)
        for process in (self._leader, *self._workers):
            try:
                process.wait(deadline.remaining_s())
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def master_listens(self, port: int) -> None:
        """Start the workers of a run with several processes, or say where they can come."""
        if self.elsewhere is not None:
            self.elsewhere.on_listening(port)
            return
        where = ("--master-host", "127.0.0.1", "--master-port", str(port))
        for _ in range(self.spec.processes):
            self._workers.append(self._start("--worker", *where))

    def word(self, text: str) -> None:
        """Tell the user at once, where a run waits for others."""
        if self.elsewhere is not None:
            self.elsewhere.on_word(text)

    def ask_to_end(self) -> None:
        """Have Locust end in order."""
        if self._leader.poll() is None:
            self._leader.send_signal(signal.SIGTERM)

    def newly_lost(self) -> list[Note]:
        """Return a note for each worker that ended when it should not have."""
        found = []
        for number, worker in enumerate(self._workers):
            if number not in self._lost and (code := worker.poll()) not in {None, 0}:
                self._lost.add(number)
                how = f"was killed by signal {-code}" if code and code < 0 else f"ended with {code}"
                text = (
                    f"load process {number + 1} of {len(self._workers)} (pid {worker.pid}) {how};"
                    " what it had not reported is missing"
                )
                found.append(Note(kind=NoteKind.WORKER, text=text, partial=True))
        return found

    def read_events(self, wait_s: float) -> list[Event] | None:
        """Return what came; None at the end."""
        if not select.select([self._events], [], [], wait_s)[0]:
            return []
        data = os.read(self._events, 1 << 20)
        if not data or len(self._buffer) > _MAX_LINE_BYTES:
            return None
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        found = []
        for line in lines:
            try:
                found.append(decode_event(bytes(line)))
            except msgspec.MsgspecError:
                return None
        return found

    def _start(self, *options: str, events: int = -1) -> subprocess.Popen[bytes]:
        quiet = ("--only-summary", "--exit-code-on-error=0")
        return start_locust(
            self.spec, self._secret, *quiet, *options, output=self._log, events=events
        )


def _master_options(workers: int, elsewhere: Elsewhere | None) -> list[str]:
    if elsewhere is None and workers == 1:
        return []
    options = ["--master", f"--expect-workers={workers}"]
    if elsewhere is None:
        return [*options, "--master-bind-host=127.0.0.1", "--master-bind-port=0"]
    return [
        *options,
        f"--expect-workers-max-wait={math.ceil(elsewhere.wait_s)}",
        f"--master-bind-host={elsewhere.host}",
        f"--master-bind-port={elsewhere.port}",
    ]
