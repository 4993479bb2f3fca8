"""`wireproof load`: throughput and latency that are true, every reply verified."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from msgspec import structs

from wireproof.cli.shared.common import (
    find_target,
    finish,
    output_options,
    protocol_options,
    target_options,
    was_given,
)
from wireproof.cli.shared.elsewhere import (
    Asked,
    elsewhere_options,
    meeting_place,
    refuse_what_is_here,
)
from wireproof.cli.shared.from_traffic import (
    learnt_file,
    read_traffic,
    refuse_beside_traffic,
    traffic_options,
)
from wireproof.cli.shared.load_runs import run_to_knee, run_watched
from wireproof.cli.shared.parameters import AUTO, AtOnce, Counts, Duration
from wireproof.cli.shared.results_folder import ResultsFolder
from wireproof.cli.shared.watching import Watchers, watching_options
from wireproof.errors import UsageError
from wireproof.load.spec import Arrivals, LoadSpec, expand_addresses, parse_mix, parse_rate
from wireproof.load.units import parse_share
from wireproof.load.workload.requests_file import FORMS, LINES
from wireproof.results import LoadResult
from wireproof.target import parse_target, resolve


def _converted(function: Callable[[str], Any]) -> Callable[..., Any]:
    """Return a click callback that reads an option's text with `function`."""

    def read(ctx: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        del ctx, parameter
        return None if text is None else function(text)

    return read


@click.command(short_help="throughput and latency")
@target_options
@protocol_options
@traffic_options
@click.option("--users", type=int, default=50, show_default=True, help="Connections.")
@click.option("--stages", type=Counts(), help="Connections, stage by stage.")
@click.option(
    "--rate",
    metavar="PER_S",
    callback=_converted(parse_rate),
    help="Open loop: total requests per second; 1000..20000/60s changes it during the run.",
)
@click.option("--rate-stages", type=Counts(), metavar="PER_S,…", help="Rates, stage by stage.")
@click.option("--think", default="", metavar="TIME", help="Pause before a request: 10ms, exp:10ms.")
@click.option(
    "--arrivals",
    type=click.Choice([str(one) for one in Arrivals]),
    default=str(Arrivals.CONSTANT),
    show_default=True,
    help="How to space the requests of --rate.",
)
@click.option(
    "--for",
    "length_s",
    default="10s",
    show_default=True,
    type=Duration(),
    help="How long to measure each stage.",
)
@click.option(
    "--warm-up",
    "warm_up_s",
    default="1s",
    show_default=True,
    type=Duration(),
    help="How long to warm up before measuring.",
)
@click.option(
    "--payload",
    default="",
    metavar="SIZE",
    help="64, 1-4096, or any: what the protocol draws.  [default: 64 where possible]",
)
@click.option(
    "--mix",
    default="",
    metavar="KIND=WEIGHT,…",
    callback=_converted(lambda text: parse_mix(text) if text else {}),
    help="How often each kind of request is sent; wireproof protocols NAME names them.",
)
@click.option(
    "--requests",
    "requests_file",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    help=r"Requests to send, one a line, with \r\n where one ends; {connection} is ten bytes.",
)
@click.option(
    "--requests-as",
    type=click.Choice(list(FORMS)),
    default=LINES,
    show_default=True,
    help="Format of that file: lines, or a big-endian length of 1, 2, 4 or 8 bytes before each.",
)
@click.option(
    "--feed",
    "feed_file",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    help=(
        "Values for {name} in the requests: a .csv, or lines for {line}. Without --requests:"
        " keys, paths,"
        " names, topics or payloads that the protocol makes requests from."
    ),
)
@click.option(
    "--pipeline",
    type=int,
    default=1,
    show_default=True,
    help="Requests that a connection sends at once.",
)
@click.option(
    "--segment",
    default="whole",
    show_default=True,
    metavar="HOW",
    help="whole, octets, random, or 'coalesced N'.",
)
@click.option(
    "--segment-share",
    default="100%",
    show_default=True,
    metavar="SHARE",
    callback=_converted(parse_share),
    help="Share of the requests to cut this way.",
)
@click.option(
    "--connection-lifetime",
    type=Duration(),
    help="Replace each connection after about this long.",
)
@click.option("--connect-rate", type=float, metavar="PER_S", help="Connections opened per second.")
@click.option(
    "--source-addresses",
    default="",
    callback=_converted(expand_addresses),
    metavar="A-B,…",
    help="Local addresses to connect from, in turn.",
)
@click.option("--quick-ack", is_flag=True, help="Acknowledge at once, for servers with Nagle on.")
@watching_options
@click.option(
    "--processes",
    type=AtOnce("processes"),
    default=1,
    show_default=True,
    help="Load processes; auto: one for each core that the server leaves.",
)
@click.option(
    "--timeout",
    "timeout_s",
    default="5s",
    show_default=True,
    type=Duration(),
    help="For a connect or a reply.",
)
@click.option(
    "--slo",
    "slos",
    multiple=True,
    metavar="EXPRESSION",
    help="Such as 'p99<5ms', 'errors<=0.1%', 'throughput>=50000'; exit code 1 if missed.",
)
@click.option(
    "--find-knee",
    "knee",
    metavar="EXPRESSION",
    help="Find the most connections (with --rate: the highest rate) that meet this objective.",
)
@click.option("--seed", type=int, help="Draw the same payloads again.  [default: a new one]")
@elsewhere_options
@output_options
def load(
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
    users: int,
    stages: list[int] | None,
    rate: tuple[float, float | None, float] | None,
    rate_stages: list[int] | None,
    think: str,
    arrivals: str,
    length_s: float,
    warm_up_s: float,
    payload: str,
    mix: dict[str, float],
    requests_file: str | None,
    requests_as: str,
    feed_file: str | None,
    pipeline: int,
    segment: str,
    segment_share: float,
    connection_lifetime: float | None,
    connect_rate: float | None,
    source_addresses: list[str],
    quick_ack: bool,
    watchers: Watchers,
    processes: int,
    timeout_s: float,
    slos: tuple[str, ...],
    knee: str | None,
    seed: int | None,
    elsewhere: Asked | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Put load on the server at TARGET and verify every reply.

    \b
    wireproof load tcp://127.0.0.1:28812 --users 50 --for 30s
    wireproof load tcp://127.0.0.1:28812 --rate 2000 --slo 'p99<5ms' --slo 'errors==0'
    wireproof load tcp://127.0.0.1:6379 --from get.txt --for 30s
    wireproof load tcp://127.0.0.1:7 --protocol echo --stages 1,10,50,100 --for 5s
    wireproof load tcp://192.0.2.9:7 --protocol echo --allow-host 192.0.2.9 --master \\
        --bind 192.0.2.7 --expect-workers 2 --secret-file secret
    """
    from wireproof.load.cores import processes_for
    from wireproof.load.objectives import parse_objective
    from wireproof.load.preflight import preflight
    from wireproof.protocols.loading.registry import find_protocol

    objectives = [parse_objective(text) for text in slos]
    traffic = read_traffic(
        target, sources, conversation, server_port, vary, reset_command, reference, allow_hosts
    )
    folder = None
    if traffic is not None:
        refuse_beside_traffic(protocol=was_given("protocol_name"), elsewhere=elsewhere is not None)
        learner = find_target(target, allow_hosts)
        folder = ResultsFolder("load", out, force=force)
        most = max(stages or [users])
        protocol_name = learnt_file(traffic, learner, folder.folder, most, quiet=as_json)
    _refuse_together(rate, rate_stages, watchers, knee)
    if elsewhere is not None:
        refuse_what_is_here(
            processes=processes,
            knee=knee,
            source_addresses=source_addresses,
            requests_file=requests_file or feed_file,
        )
    first_per_s, last_per_s, ramp_s = rate or (None, None, 0.0)
    if last_per_s is not None and not was_given("length_s"):
        length_s = ramp_s
    spec = LoadSpec(
        target=target,
        allow_hosts=list(allow_hosts),
        protocol=protocol_name,
        settings=settings,
        users=stages or [users] * max(1, len(rate_stages or ())),
        seconds=length_s,
        warm_up_s=warm_up_s,
        rate_per_s=float(rate_stages[0]) if rate_stages else first_per_s,
        rate_to_per_s=last_per_s,
        rate_ramp_s=ramp_s,
        rate_stages=[float(each) for each in rate_stages or ()],
        think=think,
        arrivals=Arrivals(arrivals),
        payload=payload,
        mix=mix,
        requests_file=requests_file or "",
        requests_as=requests_as,
        feed_file=feed_file or "",
        pipeline=pipeline,
        segment=segment,
        segment_share=segment_share,
        connection_lifetime_s=connection_lifetime,
        connect_rate_per_s=connect_rate,
        source_addresses=source_addresses,
        processes=(processes or 1) if elsewhere is None else elsewhere.workers,
        quick_ack=quick_ack,
        timeout_s=timeout_s,
        seed=secrets.randbelow(2**31) if seed is None else seed,
    )
    spec.check()
    protocol = find_protocol(protocol_name, settings)
    warnings: list[str] = []
    if elsewhere is None:
        found = find_target(target, allow_hosts)
        if processes == AUTO:
            spec = structs.replace(spec, processes=processes_for(found, min(spec.users)))
        warnings = preflight(
            spec,
            scheme=found.scheme,
            backlog=getattr(protocol, "backlog", None),
            sources=max(1, len(source_addresses)),
        )
    else:  # whether it is to be reached is for the workers to see
        found = resolve(parse_target(target), allow_hosts)[0]
    spec = structs.replace(spec, target=str(found), pin=found.pin)
    folder = folder or ResultsFolder("load", out, force=force)
    if knee is not None:
        result = run_to_knee(spec, parse_objective(knee), quiet=as_json)
    else:
        place = meeting_place(elsewhere, found, spec) if elsewhere else None
        keep = folder.keep
        with watchers.begun(target) as tell:

            def on_result(part: LoadResult) -> None:
                keep(target, load=part)
                tell(part)

            result = run_watched(spec, on_result, place, quiet=as_json)
            tell(result)
    result = structs.replace(
        result,
        slo=result.slo + [objective.judge(result) for objective in objectives],
        notes=[*warnings, *result.notes],
    )
    results = folder.write(target, partial=result.partial, load=result)
    return finish(results, folder, as_json=as_json)


def _refuse_together(
    rate: object, rate_stages: object, watchers: Watchers, knee: str | None
) -> None:
    """Refuse options that contradict each other."""
    if rate is not None and rate_stages:
        raise UsageError("--rate and --rate-stages both say how often", "leave one of them out")
    if watchers.option and knee is not None:
        raise UsageError(f"--find-knee is many runs, and {watchers.option} shows one")
