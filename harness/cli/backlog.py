"""`wireproof backlog`: what the accept queue really does."""

from pathlib import Path

import click

from harness.cli.common import (
    Outlet,
    exit_code,
    find_target,
    output_options,
    print_json,
    protocol_options,
    target_options,
)


@click.command(short_help="show what the accept queue really does")
@target_options
@click.option(
    "--pause-pid",
    "pause_pids",
    type=int,
    multiple=True,
    metavar="PID",
    help="A process of the server that may be paused for a moment, to see its queue fill.",
)
@protocol_options
@output_options
def backlog(
    *,
    target: str,
    allow_hosts: tuple[str, ...],
    pause_pids: tuple[int, ...],
    protocol_name: str,
    settings: dict[str, str],
    out: Path | None,
    as_json: bool,
) -> int:
    """Show how deep the accept queue of TARGET is, and what connects see when it is full.

    The server is never paused uninvited: without --pause-pid its depth is told by connects that
    outrun it.
    """
    from harness.accept_queue.survey import QueueSurvey
    from harness.reporting.progress import StepProgress
    from harness.reporting.terminal import print_summary

    del protocol_name, settings
    found = find_target(target, allow_hosts)
    survey = QueueSurvey(found, pause_pids)
    outlet = Outlet("backlog", out)
    partial = False
    with StepProgress(enabled=not as_json) as progress:
        try:
            survey.run(progress=lambda k, n, step: progress.update(position=k, total=n, step=step))
        except KeyboardInterrupt:
            partial = True
    results = outlet.write(str(found), partial=partial, backlog=survey.result())
    if as_json:
        print_json(results)
    else:
        print_summary(results, outlet.path)
    return exit_code(results)
