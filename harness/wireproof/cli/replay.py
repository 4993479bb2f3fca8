"""`wireproof replay`: run a recorded failure again."""

from pathlib import Path

import click


@click.command(short_help="run a recorded failure again")
@click.argument("case", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--target", metavar="TARGET", default="", help="Where the server is now.")
@click.option(
    "--protocol",
    default="",
    metavar="module:Class|file.py:Class",
    help="As recorded. Needed where it is code: a replay file by itself imports nothing.",
)
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="HOST")
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1, 1000))
def replay(case: Path, target: str, protocol: str, allow_hosts: tuple[str, ...], runs: int) -> int:
    """Run the failure recorded in CASE again: FAILS, FIXED or NOT REPRODUCED k of n.

    \b
    wireproof replay reports/latest/evidence/SEG-SINGLE/replay.json
    wireproof replay replay.json --target tcp://127.0.0.1:9000 --runs 20
    wireproof replay replay.json --protocol shout.py:Shout

    Exits 1 when it fails, 0 when it is fixed, 3 when it failed only now and then and not this time.
    """
    from wireproof.conformance import replay as run

    outcome = run(case, target, runs, allow_hosts, protocol)
    click.echo(str(outcome))
    if outcome.failure is not None:
        click.echo(f"  {outcome.failure.message}")
        click.echo(f"  expected  {outcome.failure.expected}")
        click.echo(f"  actual    {outcome.failure.actual}")
    return {"FAILS": 1, "FIXED": 0, "NOT REPRODUCED": 3}[outcome.fate]
