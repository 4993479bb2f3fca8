"""`wireproof replay`: run a recorded failure again."""

from pathlib import Path

import click

from wireproof.cli.shared.common import certificate_options, find_target
from wireproof.errors import UsageError

_EXIT_CODES = {"FAILS": 1, "FIXED": 0, "NOT REPRODUCED": 3}


@click.command(short_help="run a recorded failure again")
@click.argument("case", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--target", metavar="TARGET", default="", help="Where the server is now.")
@click.option("--behind", metavar="URL", default="", help="Where the server behind it is now.")
@click.option(
    "--protocol",
    default="",
    metavar="module:Class|file.py:Class",
    help=(
        "The protocol of the recording. Needed if it is your own code: a replay file by itself"
        " imports nothing."
    ),
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="HOST",
    help="A host beyond this machine that you own.",
)
@certificate_options
@click.option(
    "--run-command",
    is_flag=True,
    help="Run the command in a case of wireproof between; read it first.",
)
@click.option(
    "--runs",
    default=5,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How often to run the case.",
)
def replay(
    case: Path,
    target: str,
    behind: str,
    protocol: str,
    allow_hosts: tuple[str, ...],
    run_command: bool,
    runs: int,
) -> int:
    """Run the failure recorded in CASE again: FAILS, FIXED or NOT REPRODUCED k of n.

    \b
    wireproof replay reports/latest/evidence/SEG-SINGLE/replay.json
    wireproof replay replay.json --target tcp://127.0.0.1:9000 --runs 20
    wireproof replay replay.json --protocol shout.py:Shout
    wireproof replay reports/latest/evidence/CLI-REPLY-CUT/replay.json --run-command

    Exits 1 when it fails, 0 when it is fixed, 3 when it failed only now and then and not this time.
    """
    from wireproof.between.findings.case import is_between_case
    from wireproof.conformance import replay as run

    if is_between_case(case):
        return _command(case, target, allow_hosts, runs, may_run=run_command)
    outcome = run(case, target, runs, allow_hosts, protocol, behind=behind)
    click.echo(str(outcome))
    if outcome.failure is not None:
        click.echo(f"  {outcome.failure.message}")
        click.echo(f"  expected  {outcome.failure.expected}")
        click.echo(f"  actual    {outcome.failure.actual}")
    return _EXIT_CODES[outcome.fate]


def _command(
    path: Path, target: str, allow_hosts: tuple[str, ...], runs: int, *, may_run: bool
) -> int:
    """Run a command again under the schedule that made it fail."""
    import shlex

    from wireproof.between.findings.case import read_between_case, run_between_case
    from wireproof.between.runs.command import check_command
    from wireproof.cli.shared.relaying import listening_address

    case = read_between_case(path)
    shown = ascii(shlex.join(case.command))[1:-1]
    if not may_run:
        raise UsageError(
            f"{path} names a command, which a file may not run by itself: {shown}",
            "add --run-command to run it",
        )
    check_command(case.command)
    server = find_target(target or case.target, allow_hosts)
    own = listening_address(None, server)
    failed, problem = run_between_case(case, case.command, server, own, runs)
    if problem is None:
        fate = "FIXED" if case.failed == case.runs else "NOT REPRODUCED"
        words = f"holds {runs} of {runs}" if fate == "FIXED" else f"{failed} of {runs}"
        click.echo(f"{fate}: {words}")
        return _EXIT_CODES[fate]
    click.echo(f"FAILS {failed} of {runs}\n  {problem.message}: {case.schedule}")
    click.echo(f"  expected  {problem.expected}\n  actual    {problem.actual}")
    return _EXIT_CODES["FAILS"]
