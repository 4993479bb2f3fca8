"""One process's part of a load run: it turns Locust's events into a swarm, and back.

Locust's master, or the one process of a small run, also has a `Conductor`. Workers get the spec
through Locust's own options, the start of each stage as a message, and send their tallies to the
master as messages, which are not as far apart as Locust's own reports.
"""

from __future__ import annotations

import gc
from typing import Any, cast
from weakref import WeakKeyDictionary

import msgspec
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from wireproof.errors import WireproofError
from wireproof.load.figures.tally import Note, NoteKind, Tally
from wireproof.load.job import adopt
from wireproof.load.on_locust.distribution.family import Family
from wireproof.load.on_locust.distribution.master_watch import MasterWatch
from wireproof.load.on_locust.distribution.runners import TOLD, GuardedWorker
from wireproof.load.on_locust.options import told_spec
from wireproof.load.on_locust.stats import feed
from wireproof.load.preflight import raise_descriptor_limit
from wireproof.load.spec import Arrivals, LoadSpec, parse_think
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.loop import Swarm
from wireproof.load.swarm.measuring.phases import Stage
from wireproof.load.swarm.measuring.recorder import worker_name
from wireproof.load.workload.drawing import draw_corpus
from wireproof.pacing import constant_arrivals, poisson_arrivals, ramp_arrivals
from wireproof.protocols.loading.registry import find_protocol
from wireproof.target import parse_target, resolve
from wireproof.wire.client_tls import client_tls

STAGE, DONE, NOTE = "wireproof stage", "wireproof done", "wireproof note"
TALLY = "wireproof tally"
_RAMP_S = 5.0


class StageOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The master's message that begins a stage."""

    stage: int
    warm_up_s: float
    seconds: float | None
    worker: int
    workers: int
    is_last: bool = False
    """Whether nothing is to be sent after it."""


class StageReport(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's message that a stage has ended; its tallies have gone before."""

    stage: int


class Engine:
    """The swarm of this process, and what connects it with Locust.

    Attributes:
        on_tally: what else receives each tally; set in the one process of a small run.

    """

    def __init__(self, environment: Environment, spec: LoadSpec, family: Family) -> None:
        """Listen to Locust's events.

        Args:
            environment: Locust's.
            spec: by this process's own command line.
            family: knows the target where that names none.

        """
        self._environment = environment
        self._runner = cast("Any", environment.runner)
        self._own_spec = self._spec = spec
        self._family = family
        self._swarm: Swarm | None = None
        self._untaken: list[Tally] = []
        self._worker_name = worker_name()
        self._is_remote = isinstance(environment.runner, WorkerRunner)
        self._name = spec.protocol.rpartition(":")[2]
        self._kind = ""
        self.trouble: WireproofError | None = None
        events = environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_test_stopping)
        self._runner.register_message(STAGE, self._on_stage_order)
        if isinstance(environment.runner, GuardedWorker):
            MasterWatch(environment.runner)

    def join(self) -> SwarmConnection | None:
        """Add a connection; None where there is no swarm, because it could not be made."""
        return self._swarm.join() if self._swarm else None

    def leave(self, connection: SwarmConnection) -> None:
        """Close a connection that `join` returned."""
        if self._swarm:
            self._swarm.leave(connection)

    def _on_test_start(self, **_: Any) -> None:
        environment = self._environment
        self.trouble = None
        try:
            options = environment.parsed_options
            spec = self._own_spec
            if self._is_remote and options is not None:
                own = msgspec.structs.replace(spec, target=spec.target or self._family.target)
                spec = adopt(own, told_spec(getattr(options, TOLD, None), own.target))
            elif options is not None and not options.wireproof_spec:  # the page may set the rate
                spec = msgspec.structs.replace(spec, rate_per_s=options.rate or None)
            spec.check()
            target = resolve(parse_target(spec.target), spec.allow_hosts, spec.pin)[0]
            if target.scheme == "tls":
                client_tls()  # what is wrong with our own certificate is told once
            protocol = find_protocol(spec.protocol, spec.settings)
            self._kind = target.scheme
            raise_descriptor_limit()
            self._spec = spec
            gc.freeze()  # what is there by now stays: no collection need look at it under load
            self._swarm = Swarm(
                target,
                protocol,
                draw_corpus(spec, protocol, datagrams=not target.is_stream),
                timeout_s=spec.timeout_s,
                open_loop=spec.rate_per_s is not None,
                sources=spec.source_addresses,
                lifetime_s=spec.connection_lifetime_s,
                quick_ack=spec.quick_ack,
                think=parse_think(spec.think),
                worker=max(0, self._runner.worker_index),
                workers=max(spec.processes, self._runner.worker_index + 1),
                on_tally=self._on_tally,
                on_stage_done=self._on_stage_done,
                on_trouble=self._on_trouble,
            )
        except WireproofError as error:
            self._on_trouble(error)

    def _on_test_stopping(self, **_: Any) -> None:
        if self._swarm:
            self._swarm.stop()
            self._swarm = None

    def _on_stage_order(self, msg: Any, **_: Any) -> None:
        order = msgspec.convert(msg.data, StageOrder)
        if self._swarm is None:
            self._on_stage_done(order.stage)
            return
        spec = self._spec
        due = None
        rate_per_s, ramp = spec.rate_of(order.stage), spec.ramp()
        share = order.worker, order.workers
        is_even = spec.arrivals is Arrivals.CONSTANT
        if ramp is not None:
            due = ramp_arrivals(ramp, None if is_even else spec.seed, *share)
        elif rate_per_s is not None:
            due = (
                constant_arrivals(rate_per_s, *share)
                if is_even
                else poisson_arrivals(rate_per_s, spec.seed, *share)
            )
        self._swarm.start_stage(
            Stage(
                number=order.stage,
                warm_up_s=order.warm_up_s,
                seconds=order.seconds,
                ramp_s=min(_RAMP_S, spec.timeout_s),
                drain_s=spec.timeout_s,
                due_ns=due,
                is_last=order.is_last,
            )
        )

    def _on_tally(self, tally: Tally) -> None:
        tally = msgspec.structs.replace(tally, worker=self._worker_name)
        feed(self._environment, tally, name=self._name, kind=self._kind)
        if self._is_remote:
            self._runner.send_message(TALLY, msgspec.to_builtins(tally))
        else:
            self._untaken.append(tally)

    def take_tallies(self) -> list[Tally]:
        """Return the tallies since the last call, of the one process of a small run."""
        taken, self._untaken = self._untaken, []
        return taken

    def _on_stage_done(self, stage: int) -> None:
        self._runner.send_message(DONE, msgspec.to_builtins(StageReport(stage=stage)))

    def _on_trouble(self, error: WireproofError) -> None:
        self.trouble = error
        note = Note(kind=NoteKind.FAULT, text=str(error).replace("\n", "; "), partial=True)
        self._runner.send_message(NOTE, msgspec.to_builtins(note))


_engines: WeakKeyDictionary[Environment, Engine] = WeakKeyDictionary()


def install_engine(environment: Environment, spec: LoadSpec, family: Family) -> Engine | None:
    """Give the environment its engine; a master has none, since it has no users."""
    if isinstance(environment.runner, MasterRunner):
        return None
    engine = _engines[environment] = Engine(environment, spec, family)
    return engine


def engine_of(environment: Environment) -> Engine | None:
    """Return the environment's engine."""
    return _engines.get(environment)
