"""`wireproof run`: check, load ladder and backlog in one."""

import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from wireproof.cli.shared.common import (
    certificate_options,
    find_target,
    finish,
    output_options,
    protocol_options,
    say_default_protocol,
    was_given,
)
from wireproof.cli.shared.configuration import configured
from wireproof.cli.shared.parameters import Duration
from wireproof.cli.shared.results_folder import ResultsFolder
from wireproof.conformance.session import CheckSpec, run_check
from wireproof.reporting.ticket import ticket_lines
from wireproof.results import BacklogResult, CheckResult, LoadResult
from wireproof.target import Target
from wireproof.wire.reference import ReferenceServer

_LOAD_CONNECTIONS = (1, 10, 25, 50)
_MODELS = ("prefork", "fork", "iterative")


_RUNG_S = 1.0


@dataclass(slots=True)
class _Measured:
    """What there is by now; Ctrl-C leaves it as it is."""

    partial: bool = True
    check: CheckResult | None = None
    load: LoadResult | None = None
    backlog: BacklogResult | None = None


@click.command(short_help="the whole job")
@click.argument("target", default="", is_eager=True, callback=configured)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="HOST",
    help="A host beyond this machine that you own.",
)
@certificate_options
@protocol_options
@click.option(
    "--depth",
    type=click.Choice(["quick", "default", "deep"]),
    default="default",
    show_default=True,
    help="How much to try.",
)
@click.option("--seed", type=int, help="Draw the same plans again.  [default: a new one]")
@click.option(
    "--for",
    "seconds",
    type=Duration("500ms"),
    default="3s",
    show_default=True,
    help="How long to load at each number of connections.",
)
@output_options
def run(
    target: str,
    allow_hosts: tuple[str, ...],
    protocol_name: str,
    settings: dict[str, str],
    depth: str,
    seed: int | None,
    seconds: float,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Check TARGET, load it with 1, 10, 25 and 50 connections, and look at its accept queue.

    With no TARGET the reference server is started on a free port, in each of its serving models.

    \b
    wireproof run
    wireproof run tcp://127.0.0.1:7 --protocol echo --depth quick
    """
    from wireproof.protocols.loading.registry import find_protocol

    spec = CheckSpec(
        protocol=find_protocol(protocol_name, settings),
        protocol_name=protocol_name,
        settings=settings,
        depth=depth,
        seed=secrets.randbelow(2**32) if seed is None else seed,
    )
    measured = _Measured()
    with ExitStack() as stack:
        embedded = None if target else stack.enter_context(ReferenceServer())
        where = embedded.target if embedded else target
        found = find_target(where, allow_hosts)
        folder = ResultsFolder("run", out, force=force)
        if target and not was_given("protocol_name"):
            say_default_protocol()
        job = _Job(where, found, allow_hosts, spec, seconds, folder, shown=not as_json)
        try:
            measured.check, complete = job.check()
            if not complete:  # Ctrl-C ends the whole job, not its part alone
                raise KeyboardInterrupt
            measured.load = job.load()
            folder.keep(where, load=measured.load)
            if measured.load.partial:
                raise KeyboardInterrupt
            measured.backlog = job.look_at_queue(embedded.pid if embedded else None)
            folder.keep(where, backlog=measured.backlog)
            if embedded is None:
                measured.backlog = job.climb(measured.backlog, where, "")
            else:
                for model in _MODELS:
                    with ReferenceServer("--model", model) as server:
                        measured.backlog = job.climb(measured.backlog, server.target, model)
                    folder.keep(where, backlog=measured.backlog)
            measured.partial = False
        except KeyboardInterrupt:
            pass
    results = folder.write(
        where,
        partial=measured.partial,
        check=measured.check,
        load=measured.load,
        backlog=measured.backlog,
    )
    code = finish(results, folder, as_json=as_json)
    if not as_json:
        click.echo("\n".join(["", "For a ticket:", *ticket_lines(results, folder.path)]))
    return code


@dataclass(frozen=True, slots=True)
class _Job:
    """The parts of the whole job, for one target."""

    where: str
    target: Target
    allow_hosts: tuple[str, ...]
    spec: CheckSpec
    seconds: float
    folder: ResultsFolder
    shown: bool

    def check(self) -> tuple[CheckResult, bool]:
        from wireproof.reporting.terminal.progress import CheckProgress

        with CheckProgress(enabled=self.shown) as progress:
            return run_check(
                self.target,
                self.spec,
                self.folder.folder,
                progress,
                lambda so_far: self.folder.keep(self.where, check=so_far),
            )

    def load(self) -> LoadResult:
        from wireproof.load.launch import run_load
        from wireproof.load.spec import LoadSpec
        from wireproof.reporting.terminal.progress import LoadProgress

        spec = LoadSpec(
            target=self.where,
            pin=self.target.pin,
            allow_hosts=list(self.allow_hosts),
            protocol=self.spec.protocol_name,
            settings=self.spec.settings,
            users=list(_LOAD_CONNECTIONS),
            seconds=self.seconds,
        )
        with LoadProgress(enabled=self.shown) as progress:
            return run_load(
                spec, progress.update, lambda so_far: self.folder.keep(self.where, load=so_far)
            )

    def look_at_queue(self, our_pid: int | None) -> BacklogResult | None:
        """Survey the accept queue; the server may be paused if it is ours."""
        from wireproof.accept_queue.survey import QueueSurvey
        from wireproof.reporting.terminal.progress import StepProgress

        if not self.target.is_stream or self.target.scheme == "exec":
            return None
        survey = QueueSurvey(self.target, () if our_pid is None else (our_pid,))
        with StepProgress(enabled=self.shown) as steps:
            return survey.run(
                progress=lambda k, n, step: steps.update(position=k, total=n, step=step)
            )

    def climb(self, backlog: BacklogResult | None, where: str, model: str) -> BacklogResult | None:
        """Add the ladder of the server at `where`."""
        from wireproof.cli.shared.ladder import CONNECTIONS, add_ladder, climb, ladder_spec
        from wireproof.reporting.terminal.progress import LoadProgress

        if backlog is None:
            return None
        spec = ladder_spec(
            where,
            CONNECTIONS,
            _RUNG_S,
            protocol=self.spec.protocol_name,
            settings=self.spec.settings,
            allow_hosts=self.allow_hosts,
        )
        with LoadProgress(enabled=self.shown) as progress:
            rungs, _ = climb(
                self.target if where == self.where else find_target(where),
                spec,
                model=model,
                on_second=progress.update,
                on_rungs=lambda so_far: self.folder.keep(
                    self.where, backlog=add_ladder(backlog, so_far)
                ),
            )
        return add_ladder(backlog, rungs)
