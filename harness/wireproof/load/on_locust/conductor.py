"""Runs the stages of a spec: in Locust's master, or in the one process of a small run.

It tells the workers when a stage begins; each times its own phases from then on, and reports its
end. Whatever the workers counted is passed on here, and nowhere else.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import gevent
import msgspec
from gevent.event import Event as Flag
from locust.env import Environment
from locust.runners import MasterRunner

from wireproof.causes import Cause
from wireproof.deadline import Deadline
from wireproof.load.figures.tally import (
    Event,
    Finished,
    Joined,
    MasterPort,
    Note,
    NoteKind,
    StageDone,
    Tally,
    encode_event,
)
from wireproof.load.locust_process import EVENTS_DESCRIPTOR
from wireproof.load.on_locust.distribution.reports import Reports
from wireproof.load.on_locust.distribution.runners import GuardedMaster, shown
from wireproof.load.on_locust.engine import (
    DONE,
    NOTE,
    STAGE,
    TALLY,
    Engine,
    StageOrder,
    StageReport,
)
from wireproof.load.spec import LoadSpec

_log = logging.getLogger(__name__)
Record = TypeVar("Record")

_SPAWN_S = 120.0
_GONE_AFTER_S = 3
_TIMEOUT_S = 5.0


class EventPipe:
    """Where the run's events go: to whoever started this process, and to listeners within it."""

    def __init__(self) -> None:
        """Write to the descriptor that the environment names, if it names one."""
        self._descriptor = int(os.environ.pop(EVENTS_DESCRIPTOR, "-1"))
        self._listeners: list[Callable[[Event], None]] = []
        if self._descriptor >= 0:
            os.set_inheritable(self._descriptor, False)

    @property
    def is_read(self) -> bool:
        """Whether somebody reads the lines."""
        return self._descriptor >= 0

    def add_listener(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every event."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Pass an event on.

        Raises:
            BrokenPipeError: whoever started this process is gone.

        """
        for listener in self._listeners:
            listener(event)
        line = memoryview(encode_event(event)) if self._descriptor >= 0 else memoryview(b"")
        while line:
            line = line[os.write(self._descriptor, line) :]


class Conductor:
    """Runs a spec, or follows what the user does in Locust's own interface."""

    def __init__(
        self, environment: Environment, spec: LoadSpec, engine: Engine | None, pipe: EventPipe
    ) -> None:
        """Listen to Locust's events.

        Args:
            environment: Locust's.
            spec: its stages are run if somebody reads the events; otherwise Locust's own options
                and buttons say how many users there are, and for how long.
            engine: of this process, None in a master.
            pipe: takes the events.

        """
        self._environment = environment
        self._runner = cast("Any", environment.runner)
        self._spec = spec
        self._engine = engine
        self._pipe = pipe
        self._spawned = Flag()
        self._awaited: set[str] = set()
        self._all_done = Flag()
        self._stage = -1
        self._silent_s: dict[int, list[int]] = {}
        self._last_good = -1
        self._over = False
        self._reported_lost: set[tuple[str, str]] = set()
        self._reports = Reports(time.monotonic)
        events = environment.events
        events.spawning_complete.add_listener(self._on_spawning_complete)
        events.test_start.add_listener(self._on_test_start)
        events.test_stop.add_listener(self._on_test_stop)
        events.worker_connect.add_listener(self._on_worker_connect)
        self._runner.register_message(TALLY, self._on_tally)
        self._runner.register_message(DONE, self._on_done)
        self._runner.register_message(NOTE, self._on_note)
        if isinstance(self._runner, GuardedMaster):
            self._runner.on_told = self._tell_of_refused
            self._runner.on_stray = self._on_stray
            pipe.emit(MasterPort(port=self._runner.server.port))

    def _on_test_start(self, **_: Any) -> None:
        self._stage = -1
        self._over = False
        self._reports = Reports(time.monotonic)
        gevent.spawn(self._relay)
        if self._pipe.is_read:
            gevent.spawn(self._conduct)

    def _on_spawning_complete(self, **_: Any) -> None:
        self._spawned.set()
        if not self._pipe.is_read:
            self._begin_stage(None)

    def _on_test_stop(self, **_: Any) -> None:
        self._take_local()
        self._over = True
        self._all_done.set()

    def _conduct(self) -> None:
        """Run the spec's stages, one after the other, and end Locust."""
        spec = self._spec
        try:
            for number, users in enumerate(spec.users):
                if number:
                    self._spawned.clear()
                    self._runner.start(users, spec.connect_rate_per_s or users)
                self._spawned.wait(_SPAWN_S)
                if self._over or not self._run_stage():
                    return
            self._pipe.emit(Finished())
        except BrokenPipeError:
            pass
        finally:
            self._runner.quit()

    def _run_stage(self) -> bool:
        """Run one stage; returns False when the run cannot go on."""
        spec = self._spec
        self._begin_stage(spec.seconds)
        longest_s = spec.warm_up_s + spec.seconds + 2 * spec.timeout_s + _TIMEOUT_S
        deadline = Deadline(longest_s)
        while self._awaited and not self._over:
            if deadline.expired:
                workers = len(self._awaited)
                text = f"{workers} worker(s) did not report the end of the stage"
                self._note(NoteKind.OVERDUE, text)
                return False
            self._all_done.wait(0.5)
            self._forget_lost_workers()
        if self._over or (self._engine is not None and self._engine.trouble is not None):
            return False
        self._pipe.emit(StageDone(stage=self._stage))
        return True

    def _begin_stage(self, seconds: float | None) -> None:
        self._stage += 1
        self._all_done.clear()
        workers = self._worker_ids()
        self._awaited = set(workers)
        for number, worker in enumerate(workers):
            order = StageOrder(
                stage=self._stage,
                warm_up_s=self._spec.warm_up_s,
                seconds=seconds,
                worker=number,
                workers=len(workers),
                is_last=self._pipe.is_read and self._stage + 1 == len(self._spec.users),
            )
            self._runner.send_message(STAGE, msgspec.to_builtins(order), client_id=worker)

    def _worker_ids(self) -> list[str]:
        if not isinstance(self._runner, MasterRunner):
            return ["local"]
        clients = self._runner.clients
        return sorted(client.id for client in (*clients.ready, *clients.spawning, *clients.running))

    def _forget_lost_workers(self) -> None:
        if not isinstance(self._runner, MasterRunner):
            return
        lost = self._awaited - set(self._worker_ids())
        for worker in lost:
            # Who started the workers sees how one ends, but not that one hangs: it is told here.
            share = self._reports.share_of(worker)
            self._lose(worker, "lost", f"is lost: {share}; what it had not reported is missing")
        self._awaited -= lost

    def _lose(self, worker: str, what: str, how: str) -> None:
        """Say, once for each worker and what became of it, how that was."""
        if (worker, what) not in self._reported_lost:
            self._reported_lost.add((worker, what))
            self._note(NoteKind.WORKER, f"worker {shown(worker[:60])} {how}")

    def _on_done(self, msg: Any, **_: Any) -> None:
        self._take_local()
        report = _read(msg, StageReport)
        if report is not None and report.stage == self._stage:
            self._awaited.discard(msg.node_id)
        if not self._awaited:
            self._all_done.set()

    def _on_note(self, msg: Any, **_: Any) -> None:
        note = _read(msg, Note)
        if note is None:
            return
        self._tell(msgspec.structs.replace(note, text=shown(note.text)))
        if note.partial:
            self._over = True
            self._all_done.set()

    def _on_tally(self, msg: Any, **_: Any) -> None:
        try:
            tally = self._reports.read(msg.node_id, msg.data, self._stage)
        except ValueError as problem:
            how = f"reported something impossible, which is not counted: {shown(str(problem))}"
            self._lose(msg.node_id, "wrong", how)
        else:
            self._pass_on([tally])

    def _on_worker_connect(self, client_id: str, **_: Any) -> None:
        if client_id not in self._runner.clients:
            self._pipe.emit(Joined(worker=shown(client_id[:60])))
        if self._pipe.is_read and self._stage >= 0 and not self._over:
            self._lose(
                client_id, "late", "joined during the load, and took connections from the others"
            )

    def _tell_of_refused(self, text: str, partial: bool) -> None:
        self._tell(Note(kind=NoteKind.REFUSED, text=text, partial=partial))

    def _on_stray(self, client_id: str) -> None:
        """Tell of a worker whose reports are dropped, where there is a run that lacks them."""
        if self._stage >= 0 and not self._over:
            self._lose(client_id, "stray", "works for a master that is gone; it is not counted")

    def _relay(self) -> None:
        """Pass on what the one process of a small run has counted."""
        while not self._over:
            self._take_local()
            gevent.sleep(0.1)

    def _take_local(self) -> None:
        if self._engine is not None:
            self._pass_on(self._engine.take_tallies())

    def _pass_on(self, tallies: list[Tally]) -> None:
        try:
            for tally in tallies:
                self._pipe.emit(tally)
                self._watch_for_the_end(tally)
        except BrokenPipeError:
            self._over = True
            gevent.spawn(self._runner.quit)

    def _watch_for_the_end(self, tally: Tally) -> None:
        """End the run once the server has answered nobody for some seconds and refuses all."""
        if tally.counts.get("service"):
            self._last_good = max(self._last_good, tally.second)
            return
        gone = tally.failures and tally.failures.keys() <= {Cause.REFUSED, Cause.UNREACHABLE}
        if gone and tally.second >= self._last_good + _GONE_AFTER_S and not self._over:
            cause = next(iter(tally.failures))
            self._note(
                NoteKind.SERVER_GONE,
                f"the server is gone: every connect was {cause} for {_GONE_AFTER_S} s"
                if self._last_good >= 0
                else f"the server never answered: every connect was {cause}",
            )
            self._over = True
            self._all_done.set()

    def _note(self, kind: NoteKind, text: str) -> None:
        self._tell(Note(kind=kind, text=text, partial=True))

    def _tell(self, note: Note) -> None:
        self._pipe.emit(note)
        if not self._pipe.is_read:
            _log.error(note.text)


def _read(msg: Any, kind: type[Record]) -> Record | None:
    """Return what a worker has sent; None where it is no such record."""
    try:
        return msgspec.convert(msg.data, kind)
    except msgspec.ValidationError as error:
        _log.warning("worker %s sent no %s: %s", shown(msg.node_id[:60]), kind.__name__, error)
        return None
