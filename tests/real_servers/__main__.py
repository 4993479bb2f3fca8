"""`python -m tests.real_servers`: install the gallery, judge it, print the table."""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import click

from tests.real_servers.gallery import ROOT, catalogue, install, is_installed
from tests.real_servers.running import Outcome, judge
from tests.real_servers.table import as_lines, as_markdown


def main() -> int:
    """Return 0 if every server that runs is judged as the catalogue says."""
    options = argparse.ArgumentParser(prog="python -m tests.real_servers", description=__doc__)
    options.add_argument("--install", action="store_true", help="install what is missing first")
    options.add_argument("--only", action="append", default=[], help="a part of a server's name")
    options.add_argument("--depth", default="default", choices=["quick", "default", "deep"])
    options.add_argument("--seed", type=int)
    options.add_argument("--jobs", type=int, default=4, help="servers judged side by side")
    options.add_argument("--out", type=Path, default=ROOT / "reports" / "gallery")
    options.add_argument("--markdown", type=Path, help="write the table here too")
    chosen = options.parse_args()
    servers = [
        one
        for one in catalogue()
        if not chosen.only or any(part.lower() in one.name.lower() for part in chosen.only)
    ]
    if chosen.install:
        for server in servers:
            if problem := install(server):
                click.echo(f"{server.name} cannot be installed: {problem}")
    ready = [server for server in servers if is_installed(server)]
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(chosen.jobs) as pool:
        running = {
            pool.submit(
                judge,
                server,
                chosen.depth,
                chosen.out / server.name.replace(" ", "-"),
                seed=chosen.seed,
            ): server
            for server in ready
        }
        for each in as_completed(running):
            outcome = each.result()
            outcomes.append(outcome)
            said = outcome.problem or "as expected"
            click.echo(f"{time.monotonic() - begun:6.0f} s  {running[each].name}: {said}")
    outcomes.sort(key=lambda outcome: ready.index(outcome.server))
    click.echo("\n".join(as_lines(outcomes, [server for server in servers if server not in ready])))
    if chosen.markdown:
        chosen.markdown.write_text(as_markdown(outcomes), encoding="utf-8")
    return int(any(outcome.problem for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
