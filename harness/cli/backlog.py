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
    from rich.console import Console
    from rich.text import Text

    from harness.accept_queue.survey import QueueSurvey
    from harness.reporting.terminal_queue import explanation_view, queue_view

    del protocol_name, settings
    found = find_target(target, allow_hosts)
    survey = QueueSurvey(found, pause_pids)
    outlet = Outlet("backlog", out)
    console = Console(stderr=True)
    partial = False
    with console.status("", spinner="dots") as status:
        try:
            survey.run(progress=status.update)
        except KeyboardInterrupt:
            partial = True
    results = outlet.write(str(found), partial=partial, backlog=survey.result())
    if as_json:
        print_json(results)
        return exit_code(results)
    screen = Console(highlight=False)
    assert results.backlog is not None
    screen.print(Text.assemble(("wireproof backlog", "bold"), f"  {results.target}"))
    screen.print()
    screen.print(queue_view(results.backlog))
    screen.print()
    screen.print(explanation_view(results.backlog.explanation))
    screen.print()
    screen.print(Text(f"{outlet.path}", style="dim"))
    return exit_code(results)
