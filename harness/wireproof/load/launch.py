"""Runs a load in processes of its own; Locust patches its process, and ours stays clean."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from typing import IO

import msgspec

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError, UsageError
from wireproof.load.figures.collect import Collector
from wireproof.load.figures.queue_series import QueueSeries
from wireproof.load.figures.tally import (
    Event,
    Finished,
    Joined,
    MasterPort,
    Note,
    NoteKind,
    Tally,
)
from wireproof.load.processes import Elsewhere, RunProcesses
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.drawing import draw_corpus, is_written
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import LoadResult, Second
from wireproof.target import parse_target, resolve

_START_S = 60.0
_END_S = 15.0
_KEEP_S = 0.15
_KEEPING_SHARE = 0.1  # of this process's time at most, for runs of many hours
_LOG_TAIL_BYTES = 4000


def run_load(
    spec: LoadSpec,
    on_second: Callable[[Second], None] | None = None,
    on_result: Callable[[LoadResult], None] | None = None,
    elsewhere: Elsewhere | None = None,
) -> LoadResult:
    """Run a load and return what it measured.

    A run that ends early, because the server died, a process was killed or the user pressed
    Ctrl-C, returns what was measured until then, marked `partial`.

    Args:
        spec: what to do.
        on_second: is called with each second of the run.
        on_result: is given the result so far, marked partial, a few times a second.
        elsewhere: the workers, as many as the spec has processes, are started on other machines
            and come there; None if they are started here.

    Raises:
        UsageError: the spec makes no sense.
        CannotRunError: nothing was measured.

    """
    spec.check()
    targets = resolve(parse_target(spec.target), spec.allow_hosts, spec.pin)
    spec = msgspec.structs.replace(spec, pin=targets[0].pin)
    protocol = find_protocol(spec.protocol, spec.settings)
    if protocol.replies_in():
        raise UsageError(f"{protocol.called} has no replies to wait for", "check it instead")
    if spec.mix or is_written(spec):  # what is wrong with them is told before anything is begun
        draw_corpus(spec, protocol, datagrams=not targets[0].is_stream)
    series = QueueSeries(on_second)
    collector = Collector(spec, series.add)
    with (
        series.watching(targets),
        tempfile.TemporaryFile() as log,
        RunProcesses(spec, log, elsewhere) as processes,
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
            if elsewhere is not None and processes.joined < spec.processes:
                raise CannotRunError(
                    f"{processes.joined} of {spec.processes} workers came in"
                    f" {elsewhere.wait_s:g} s",
                    "start each with wireproof worker; this machine's firewall may keep them out",
                )
            raise CannotRunError(*_why_nothing(collector, log))
    return series.complete(collector.result())


def _follow(
    processes: RunProcesses,
    collector: Collector,
    deadline: Deadline | None = None,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Take events until the run is over; have what they tell kept now and then."""
    if deadline is None:
        waits_s = 0.0 if processes.elsewhere is None else processes.elsewhere.wait_s
        deadline = Deadline(waits_s + _longest_s(processes.spec))
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


def _take(event: Event, processes: RunProcesses, collector: Collector) -> None:
    if isinstance(event, Tally):
        collector.add(event)
    elif isinstance(event, Note):
        collector.note(event)
        processes.word(event.text)
    elif isinstance(event, Joined):
        processes.joined += 1
        processes.word(f"worker {processes.joined} of {processes.spec.processes}: {event.worker}")
    elif isinstance(event, MasterPort):
        processes.master_listens(event.port)


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
    return "nothing was measured: the load process ended early", f"last log line: {last}"
