"""`python -m tests.real_servers`: install the gallery, judge it, print the table."""

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import click

from tests.real_servers.compared import Compared, as_rows, compare, read_both
from tests.real_servers.gallery import (
    ROOT,
    Server,
    catalogue,
    install,
    install_debian,
    is_installed,
)
from tests.real_servers.loads import HEAD, is_loadable, load_each_way
from tests.real_servers.processes import end_all
from tests.real_servers.running import Outcome, judge_often, read
from tests.real_servers.table import as_lines, as_markdown, put_between_marks
from tests.real_servers.traffic import can_be_judged
from wireproof.deadline import Deadline

_LOOK_UP_S = 0.5


def main() -> int:
    """Return 0 if every server that runs is judged as the catalogue says."""
    chosen = _options().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    deadline = Deadline(chosen.within)
    servers = [
        one
        for one in catalogue()
        if (not chosen.only or any(part.lower() in one.name.lower() for part in chosen.only))
        and (not chosen.exactly or one.name in chosen.exactly)
        and (not chosen.from_traffic or can_be_judged(one))
    ]
    if chosen.load:
        return _load_all(servers, chosen)
    if chosen.from_traffic:
        return _compare_all(servers, chosen, deadline)
    if chosen.read:
        outcomes = [
            found
            for one in servers
            if is_installed(one) and (found := read(one, _folder(chosen.out, one)))
        ]
    else:
        outcomes = _judge_all(servers, chosen, deadline)
    click.echo("\n".join(as_lines(outcomes, [one for one in servers if not is_installed(one)])))
    if chosen.markdown:
        put_between_marks(chosen.markdown, as_markdown(outcomes))
    return int(any(outcome.problem for outcome in outcomes))


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.real_servers", description=__doc__)
    options.add_argument("--install", action="store_true", help="install what is missing first")
    options.add_argument("--only", action="append", default=[], help="a part of a server's name")
    options.add_argument("--exactly", action="append", default=[], help="a server's whole name")
    options.add_argument("--depth", default="default", choices=["quick", "default", "deep"])
    options.add_argument(
        "--from-traffic",
        action="store_true",
        help="by files of requests instead, and by the protocol beside it",
    )
    options.add_argument("--seed", type=int, help="the first run's; each further run's is one more")
    options.add_argument("--runs", type=int, default=1, help="how often each server is judged")
    options.add_argument("--jobs", type=int, default=2, help="servers judged side by side")
    options.add_argument(
        "--within",
        type=float,
        default=float("inf"),
        help="seconds, installing included, after which none is begun",
    )
    options.add_argument("--out", type=Path, default=ROOT / "reports" / "gallery")
    options.add_argument("--read", action="store_true", help="judge nothing; read what --out has")
    options.add_argument(
        "--load",
        type=float,
        metavar="SECONDS",
        help="load the sound ones instead, so long each way",
    )
    options.add_argument(
        "--markdown", type=Path, help="write the table here; between its marks, where it has them"
    )
    return options


def _load_all(servers: Sequence[Server], chosen: argparse.Namespace) -> int:
    """Load the sound servers that are here, and print the table; 1 where one is not as due."""
    if chosen.install:
        install_debian(servers)
        for server in filter(is_loadable, servers):
            if problem := install(server):
                click.echo(f"{server.name} cannot be installed: {problem}")
    loadable = [one for one in servers if is_installed(one) and is_loadable(one)]
    click.echo(HEAD)

    def load(server: Server) -> bool:
        is_right = True
        for loaded in load_each_way(server, _folder(chosen.out, server), chosen.load):
            click.echo(loaded.line)
            is_right &= not loaded.problem
        return is_right

    with ThreadPoolExecutor(chosen.jobs) as pool:
        return int(not all(list(pool.map(load, loadable))))


def _compare_all(servers: Sequence[Server], chosen: argparse.Namespace, deadline: Deadline) -> int:
    """Judge the servers by requests alone and by their protocols, and print the table.

    Return 1 where one is not judged by requests as it is by its protocol.
    """
    if chosen.install:
        install_debian(servers)
    seeds = _seeds(chosen)

    def compare_in_time(server: Server) -> Compared | None:
        folder = _folder(chosen.out, server)
        if chosen.install and not deadline.expired and (problem := install(server)):
            click.echo(f"{server.name} cannot be installed: {problem}")
        if chosen.read or deadline.expired or not is_installed(server):
            return read_both(server, folder)
        compared = compare(server, chosen.depth, folder, seeds)
        click.echo(f"{server.name}: {compared.problem or 'as expected'}", err=True)
        return compared

    with ThreadPoolExecutor(chosen.jobs) as pool:
        try:
            running = [pool.submit(compare_in_time, server) for server in servers]
            while wait(running, timeout=_LOOK_UP_S).not_done:
                pass  # and hear of a signal
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    found = list(filter(None, (each.result() for each in running)))
    table = "\n".join(as_rows(found)) + "\n"
    click.echo(table)
    if chosen.markdown:
        put_between_marks(chosen.markdown, table)
    return int(any(one.problem for one in found))


def _judge_all(
    servers: Sequence[Server], chosen: argparse.Namespace, deadline: Deadline
) -> list[Outcome]:
    """Judge the servers side by side, and return what came of it in their order.

    What is not as expected may be the machine's doing, which each shares with others then: such a
    server is judged once more when all else has ended.
    """
    if chosen.install:
        install_debian(servers)
    begun = time.monotonic()
    seeds = _seeds(chosen)
    is_shared = min(chosen.jobs, len(servers)) > 1
    outcomes: list[Outcome] = []

    def judge_in_time(server: Server) -> Outcome | None:
        folder = _folder(chosen.out, server)
        if chosen.install and not deadline.expired and (problem := install(server)):
            click.echo(f"{server.name} cannot be installed: {problem}")
        if not is_installed(server):
            return None
        if deadline.expired:
            return Outcome(server, (), "not begun, the time was up", folder)
        return judge_often(server, chosen.depth, folder, seeds)

    def judge_alone(outcome: Outcome) -> Outcome:
        folder = _folder(chosen.out, outcome.server) / "alone"
        again = judge_often(outcome.server, chosen.depth, folder, seeds)
        return again if again.problem else replace(again, beside=outcome.problem)

    with ThreadPoolExecutor(chosen.jobs) as pool:
        try:
            running = [pool.submit(judge_in_time, server) for server in servers]
            outcomes += _as_they_end(running, begun)
            for at, outcome in enumerate(outcomes):
                if is_shared and outcome.problem and not deadline.expired:
                    again = pool.submit(judge_alone, outcome)
                    outcomes[at : at + 1] = _as_they_end([again], begun)
        except BaseException:  # an interrupt too: the pool waits for what it began
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    return sorted(outcomes, key=lambda outcome: servers.index(outcome.server))


def _as_they_end(running: Sequence["Future[Outcome | None]"], begun: float) -> Iterator[Outcome]:
    """Tell and yield what came of each server that is there, and look up now and then for a signal.

    The kernel may give a signal to a worker that just began a process. Python's handler waits for
    the main thread then, and nothing wakes that out of a lock.
    """
    left = set(running)
    while left:
        ended, left = wait(left, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED)
        for outcome in filter(None, (each.result() for each in ended)):
            gap = f"not yet: {outcome.gap}" if outcome.gap else ""
            said = outcome.problem or gap or "as expected"
            click.echo(f"{time.monotonic() - begun:6.0f} s  {outcome.server.name}: {said}")
            yield outcome


def _seeds(chosen: argparse.Namespace) -> range:
    """Return one seed for each run."""
    first = secrets.randbelow(1 << 31) if chosen.seed is None else chosen.seed
    return range(first, first + chosen.runs)


def _folder(out: Path, server: Server) -> Path:
    return out / server.name.replace(" ", "-")


if __name__ == "__main__":
    sys.exit(main())
