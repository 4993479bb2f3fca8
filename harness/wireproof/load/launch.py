"""Runs a load in processes of its own; Locust patches its process, and ours stays clean.

One process is a whole run. For more, Locust's master takes a free port of its own choice and says
which; the workers are started once it has.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

import msgspec

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.load.figures.collect import Collector
from wireproof.load.figures.queue_series import QueueSeries
from wireproof.load.spec import LoadSpec, encode_spec
from wireproof.load.tally import Event, Finished, MasterPort, Note, NoteKind, Tally, decode_event
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import LoadResult, Second
from wireproof.target import parse_target, resolve
from wireproof.wire.kernel.leash import leashed

LOCUSTFILE = Path(__file__).parent / "on_locust" / "locustfile.py"
EVENTS_DESCRIPTOR = "WIREPROOF_EVENTS_DESCRIPTOR"
"""Environment variable: the descriptor on which Locust's process writes the run's events."""

_MAX_LINE_BYTES = 16 * 1024 * 1024
_START_S = 60.0
_END_S = 15.0
_KEEP_S = 0.15
_KEEPING_SHARE = 0.1  # of this process's time at most, for runs of many hours
_LOG_TAIL_BYTES = 4000


def run_load(
    spec: LoadSpec,
    on_second: Callable[[Second], None] | None = None,
    on_result: Callable[[LoadResult], None] | None = None,
) -> LoadResult:
    """Run a load and return what it measured.

    A run that ends early, because the server died, a process was killed or the user pressed
    Ctrl-C, returns what was measured until then, marked `partial`.

    Args:
        spec: what to do.
        on_second: is called with each second of the run.
        on_result: is given the result so far, marked partial, a few times a second.

    Raises:
        UsageError: the spec makes no sense.
        CannotRunError: nothing was measured.

    """
    spec.check()
    targets = resolve(parse_target(spec.target), spec.allow_hosts, spec.pin)
    spec = msgspec.structs.replace(spec, pin=targets[0].pin)
    find_protocol(spec.protocol, spec.settings)
    series = QueueSeries(on_second)
    collector = Collector(spec, series.add)
    with (
        series.watching(targets),
        tempfile.TemporaryFile() as log,
        _Processes(spec, log) as processes,
    ):

        def keep() -> None:
            if on_result is not None and not collector.is_empty:
                so_far = series.complete(collector.so_far())
                notes = [*so_far.notes, "the run was cut off here"]
                on_result(msgspec.structs.replace(so_far, partial=True, notes=notes))

        try:
            _follow(processes, collector, keep=keep)
        except KeyboardInterrupt:
            collector.note(Note(kind=NoteKind.INTERRUPTED, text="interrupted", partial=True))
            processes.ask_to_end()
            _follow(processes, collector, Deadline(_END_S), keep)
        if collector.is_empty:
            raise CannotRunError(*_why_nothing(collector, log))
    return series.complete(collector.result())


class _Processes:
    """The run's Locust processes, and the pipe on which they say what happens."""

    def __init__(self, spec: LoadSpec, log: IO[bytes]) -> None:
        self.spec = spec
        self._log = log
        self._workers: list[subprocess.Popen[bytes]] = []
        self._lost: set[int] = set()
        self._buffer = bytearray()
        self._events, writing = os.pipe()
        try:
            users = spec.users[0]
            roles = [] if spec.processes == 1 else _master_options(spec.processes)
            self._leader = self._start(
                "--host",
                spec.target,
                "--users",
                str(users),
                "--spawn-rate",
                str(spec.connect_rate_per_s or users),
                "--wireproof-spec",
                encode_spec(spec),
                *roles,
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

    def start_workers(self, master_port: int) -> None:
        """Start the workers of a run with several processes."""
        port = str(master_port)
        for _ in range(self.spec.processes):
            self._workers.append(
                self._start("--worker", "--master-host", "127.0.0.1", "--master-port", port)
            )

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
        environment = {key: text for key, text in os.environ.items() if key != EVENTS_DESCRIPTOR}
        if events >= 0:
            environment[EVENTS_DESCRIPTOR] = str(events)
        command = [sys.executable, "-P", "-m", "locust", "--locustfile", str(LOCUSTFILE)]
        common = ["--headless", "--only-summary", "--loglevel", "WARNING", "--exit-code-on-error=0"]
        return subprocess.Popen(
            leashed([*command, *common, *options]),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[events] if events >= 0 else [],
            start_new_session=True,  # Ctrl-C comes to us; we end them in order
        )


def _master_options(processes: int) -> list[str]:
    return [
        "--master",
        "--master-bind-host=127.0.0.1",
        "--master-bind-port=0",
        f"--expect-workers={processes}",
    ]


def _follow(
    processes: _Processes,
    collector: Collector,
    deadline: Deadline | None = None,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Take events until the run is over; have what they tell kept now and then."""
    deadline = deadline or Deadline(_longest_s(processes.spec))
    kept = Deadline(_KEEP_S)
    finished = False
    while (events := processes.read_events(0.2)) is not None:
        for event in events:
            _take(event, processes, collector)
        finished = finished or any(isinstance(event, Finished) for event in events)
        if kept.expired:
            begun_s = time.monotonic()
            keep()
            took_s = time.monotonic() - begun_s
            kept = Deadline(max(_KEEP_S, took_s / _KEEPING_SHARE))
        if not finished:
            for note in processes.newly_lost():
                collector.note(note)
        if deadline.expired:
            collector.note(
                Note(kind=NoteKind.OVERDUE, text="the load did not end in time", partial=True)
            )
            processes.ask_to_end()
            return
    if not finished:
        collector.note(
            Note(kind=NoteKind.CUT_SHORT, text="the load ended before its time", partial=True)
        )


def _take(event: Event, processes: _Processes, collector: Collector) -> None:
    if isinstance(event, Tally):
        collector.add(event)
    elif isinstance(event, Note):
        collector.note(event)
    elif isinstance(event, MasterPort):
        processes.start_workers(event.port)


def _longest_s(spec: LoadSpec) -> float:
    stage_s = spec.warm_up_s + spec.seconds + 3 * spec.timeout_s
    ramp_s = max(spec.users) / spec.connect_rate_per_s if spec.connect_rate_per_s else 0.0
    return _START_S + ramp_s + 1.5 * stage_s * len(spec.users)


def _why_nothing(collector: Collector, log: IO[bytes]) -> tuple[str, str]:
    """Return what to tell the user when a run measured nothing."""
    told = [note.text for note in collector.notes if note.kind is not NoteKind.CUT_SHORT]
    if told:
        return f"nothing was measured: {told[0]}", ""
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - _LOG_TAIL_BYTES))
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    last = ascii(lines[-1])[1:-1] if lines else "it said nothing"
    return "nothing was measured: the load process ended early", f"its last words: {last}"
