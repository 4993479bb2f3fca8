"""`wireproof backlog`: what the accept queue really does."""

from pathlib import Path

import click

from wireproof.cli.shared.common import (
    find_target,
    finish,
    output_options,
    protocol_options,
    target_options,
)
from wireproof.cli.shared.parameters import Counts, Duration
from wireproof.cli.shared.results_folder import ResultsFolder
from wireproof.results import Rung


@click.command(short_help="show what the accept queue really does")
@target_options
@click.option(
    "--pause-pid",
    "pause_pids",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="PID",
    help="A process of the server that may be paused for a moment, to see its queue fill.",
)
@protocol_options
@click.option(
    "--connections",
    type=Counts(),
    help="Rungs of the ladder.  [default: 1,10,25,40,50,51,60,75,100]",
)
@click.option(
    "--for",
    "seconds",
    type=Duration("10ms"),
    default="1.5s",
    show_default=True,
    help="How long on each rung.",
)
@click.option("--queue-only", is_flag=True, help="Leave the ladder out; no protocol is needed.")
@output_options
def backlog(
    *,
    target: str,
    allow_hosts: tuple[str, ...],
    pause_pids: tuple[int, ...],
    protocol_name: str,
    settings: dict[str, str],
    connections: list[int] | None,
    seconds: float,
    queue_only: bool,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Show how deep the accept queue of TARGET is, and what connects see when it is full.

    The server is never paused unless you say so: without --pause-pid, connects find the depth by
    overflowing the queue.

    \b
    wireproof backlog tcp://127.0.0.1:28812
    wireproof backlog tcp://127.0.0.1:6379 --queue-only --pause-pid 4711
    wireproof backlog tcp://127.0.0.1:7 --protocol echo --connections 1,50,200 --for 5s
    """
    from wireproof.accept_queue.survey import QueueSurvey
    from wireproof.cli.shared.ladder import CONNECTIONS, add_ladder, climb, ladder_spec
    from wireproof.protocols.loading.registry import find_protocol
    from wireproof.reporting.terminal.progress import LoadProgress, StepProgress

    spec = ladder_spec(
        target,
        connections or CONNECTIONS,
        seconds,
        protocol=protocol_name,
        settings=settings,
        allow_hosts=allow_hosts,
    )
    if not queue_only:
        spec.check()
        find_protocol(protocol_name, settings)
    found = find_target(target, allow_hosts)
    survey = QueueSurvey(found, pause_pids)
    folder = ResultsFolder("backlog", out, force=force)
    partial = False
    rungs: list[Rung] = []
    try:
        with StepProgress(enabled=not as_json) as steps:

            def tell(position: int, total: int, step: str) -> None:
                steps.update(position=position, total=total, step=step)
                folder.keep(target, backlog=survey.result())

            survey.run(progress=tell)
        if not queue_only:
            with LoadProgress(enabled=not as_json) as progress:
                rungs, partial = climb(
                    found,
                    spec,
                    on_second=progress.update,
                    on_rungs=lambda so_far: folder.keep(
                        target, backlog=add_ladder(survey.result(), so_far)
                    ),
                )
    except KeyboardInterrupt:
        partial = True
    result = add_ladder(survey.result(), rungs)
    results = folder.write(target, partial=partial, backlog=result)
    return finish(results, folder, as_json=as_json)
