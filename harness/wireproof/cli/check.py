"""`wireproof check`: prove that a server's replies do not depend on how TCP cuts the bytes."""

import os
import secrets
from dataclasses import replace
from pathlib import Path

import click

from wireproof.cli.shared.common import (
    find_target,
    finish,
    output_options,
    protocol_options,
    say_default_protocol,
    serving_target,
    start_option,
    target_options,
    was_given,
)
from wireproof.cli.shared.from_traffic import (
    learn_from,
    learnt_protocol,
    read_traffic,
    refuse_beside_traffic,
    traffic_options,
)
from wireproof.cli.shared.parameters import Duration
from wireproof.cli.shared.results_folder import ResultsFolder
from wireproof.errors import UsageError


@click.command(short_help="check that replies do not depend on how TCP cuts the bytes")
@target_options
@protocol_options
@traffic_options
@click.option("--only", multiple=True, metavar="ID", help="These requirements; SEG-* is a group.")
@click.option("--skip", multiple=True, metavar="ID", help="Not these.")
@click.option(
    "--only-seen",
    is_flag=True,
    help="With --from: send requests as they were seen, and none made longer.",
)
@click.option(
    "--depth",
    type=click.Choice(["quick", "default", "deep"]),
    default="default",
    show_default=True,
    help="How much to try.",
)
@click.option(
    "--time-budget",
    type=Duration("1ms"),
    help="Stop searching after this long.",
)
@click.option("--seed", type=int, help="Draw the same plans again.  [default: a new one]")
@click.option(
    "--baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Known failures, with a reason each; any other failure, or a stale entry, fails.",
)
@click.option(
    "--behind",
    metavar="URL",
    default="",
    help="TARGET is a proxy, a balancer or a tunnel to this server, and is judged by it (MID-*).",
)
@click.option(
    "--prelude",
    metavar="NAME",
    default="",
    help="Each connection begins with this: proxy-v1, proxy-v2 or a file's bytes (SEG-PRELUDE).",
)
@start_option
@output_options
def check(
    target: str,
    allow_hosts: tuple[str, ...],
    protocol_name: str,
    settings: dict[str, str],
    sources: tuple[str, ...],
    conversation: int | None,
    server_port: int | None,
    vary: str,
    reset_command: str,
    reference: str,
    only_seen: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    depth: str,
    time_budget: float | None,
    seed: int | None,
    baseline: Path | None,
    behind: str,
    prelude: str,
    start_command: str | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Judge the server at TARGET by the catalogue of requirements.

    \b
    wireproof check tcp://127.0.0.1:7 --protocol echo
    wireproof check tcp://localhost:9000 --protocol my_protocol.py:MyProtocol --depth deep
    wireproof check tcp://127.0.0.1:28812 --only SEG-* --seed 7
    wireproof check tcp://127.0.0.1:6379 --from set.txt --from get.txt
    wireproof check tcp://127.0.0.1:6379 --from traffic.pcap --reset "redis-cli flushall"
    wireproof check tcp://127.0.0.1:0 --start "my-server --port {port}" --protocol redis
    wireproof check tcp://127.0.0.1:8000 --behind tcp://127.0.0.1:6379 --protocol redis
    """
    # Plugins of whatever else is installed take longer to load than Hypothesis itself.
    os.environ.setdefault("HYPOTHESIS_NO_PLUGINS", "1")
    from wireproof.choosing import select
    from wireproof.conformance.baseline import apply_baseline, read_baseline
    from wireproof.conformance.catalogue import tried_for
    from wireproof.conformance.judged_share import learnt_result
    from wireproof.conformance.session import CheckSpec, run_check
    from wireproof.learnt.scripts import FILE_NAME
    from wireproof.preludes import find_prelude
    from wireproof.protocols.loading.registry import find_protocol
    from wireproof.rehearsal.lessons import told_left_out
    from wireproof.reporting.terminal.progress import CheckProgress

    server_behind = find_target(behind, allow_hosts) if behind else None
    traffic = read_traffic(
        target, sources, conversation, server_port, vary, reset_command, reference, allow_hosts
    )
    if only_seen and traffic is None:
        raise UsageError("--only-seen means nothing without --from", "add --from FILE")
    if traffic is not None:
        refuse_beside_traffic(protocol=was_given("protocol_name"))
        traffic = replace(traffic, reference=traffic.reference or server_behind)
    protocol = None if traffic is not None else find_protocol(protocol_name, settings)
    first = find_prelude(prelude) if prelude else b""
    catalogue = tried_for(protocol, between=bool(behind), prelude=bool(first))
    select(catalogue, only, skip)  # a name that is wrong is told before the server is looked for
    known = read_baseline(baseline, {one.id for one in catalogue}) if baseline else None
    with serving_target(target, allow_hosts, start_command) as (found, server):
        if first and found.scheme not in {"tcp", "tls", "unix"}:
            raise UsageError(f"--prelude means nothing over {found.scheme}", "name a tcp:// target")
        found = replace(found, prelude=first)  # noqa: PLW2901 - as a user of the server meets it
        learnt = None
        if traffic is not None:
            lessons = learn_from(traffic, found, quiet=as_json, longer=not only_seen)
            protocol_name, protocol = FILE_NAME, learnt_protocol(lessons, settings)
            left_out = [*traffic.left_out, *told_left_out(lessons)]
            learnt = learnt_result(lessons.scripts, lessons.plays, left_out)
        assert protocol is not None
        spec = CheckSpec(
            protocol=protocol,
            protocol_name=protocol_name,
            settings=settings,
            depth=depth,
            seed=secrets.randbelow(2**32) if seed is None else seed,
            only=only,
            skip=skip,
            time_budget_s=time_budget,
            reference=traffic.reference if traffic else None,
            reset_command=traffic.reset_command if traffic else (),
            learnt=learnt,
            behind=server_behind,
        )
        target = str(found) if server is not None else target
        folder = ResultsFolder("check", out, force=force)
        if traffic is None and not was_given("protocol_name"):
            say_default_protocol()  # behind all that may be wrong: an error is two lines by itself
        with CheckProgress(enabled=not as_json) as progress:
            result, complete = run_check(
                found,
                spec,
                folder.folder,
                progress,
                lambda so_far: folder.keep(target, check=so_far),
                server=server,
            )
    if known is not None:
        result = apply_baseline(result, known)
    results = folder.write(target, partial=not complete, check=result)
    return finish(results, folder, as_json=as_json)
