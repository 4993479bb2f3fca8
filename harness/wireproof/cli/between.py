"""`wireproof between`: a hostile relay between any command and any server."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wireproof.choosing import select
from wireproof.cli.shared.common import find_target, finish, output_options, target_options
from wireproof.cli.shared.parameters import AtOnce, Duration
from wireproof.cli.shared.relaying import listening_address, serve_schedule
from wireproof.cli.shared.results_folder import ResultsFolder
from wireproof.errors import UsageError
from wireproof.target import Target

if TYPE_CHECKING:
    from wireproof.between.trying.borders import Framers


@click.command(
    short_help="judge any client and any server", context_settings={"ignore_unknown_options": True}
)
@target_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.option(
    "--listen",
    "listen_text",
    metavar="URL",
    help="Where the relay listens for the command.  [default: tcp://127.0.0.1:0, a free port]",
)
@click.option(
    "--serve",
    "serve_file",
    metavar="FILE",
    help="Play the server's side of this recording or capture; leave TARGET out.",
)
@click.option(
    "--schedule",
    metavar="NAME",
    help="Without a command: stay up, and do this to every connection: octets, reply-octets,"
    " request-octets, drawn, gathered, late, end-apart or uncut.",
)
@click.option("--same-output", is_flag=True, help="The command must print the same, too.")
@click.option(
    "--expect",
    type=click.Choice(["end", "error", "success"]),
    default=None,
    help="How the command must end where a stream breaks off.  [default: in any way]",
)
@click.option(
    "--depth",
    type=click.Choice(["quick", "default", "deep"]),
    default="default",
    show_default=True,
    help="How much to try.",
)
@click.option(
    "--protocol",
    "protocol_name",
    metavar="NAME",
    help="Cut close to the ends of this protocol's messages, too: a built-in one, module:Class or"
    " file.py:Class.  [default: a message is all that one side sends before the other one answers]",
)
@click.option(
    "--from",
    "traffic_file",
    metavar="FILE",
    help="Cut close to the ends of messages as this recording or capture shows them.",
)
@click.option("--only", multiple=True, metavar="ID", help="These requirements; CLI-* is a group.")
@click.option("--skip", multiple=True, metavar="ID", help="Not these.")
@click.option("--time-budget", type=Duration("1s"), help="Try schedules for at most this long.")
@click.option("--timeout", type=Duration("100ms"), help="A run that takes longer fails.")
@click.option(
    "--jobs",
    type=AtOnce("commands", 64),
    default="auto",
    show_default=True,
    help="Commands to run at once; auto: as many as end side by side as they do alone.",
)
@click.option("--seed", type=int, help="Draw the same schedules again.  [default: a new one]")
@output_options
def between(
    target: str,
    allow_hosts: tuple[str, ...],
    command: tuple[str, ...],
    listen_text: str | None,
    serve_file: str | None,
    schedule: str | None,
    same_output: bool,
    expect: str | None,
    depth: str,
    protocol_name: str | None,
    traffic_file: str | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    time_budget: float | None,
    timeout: float | None,
    jobs: int,
    seed: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Run COMMAND with a relay between it and the server at TARGET, which cuts both streams.

    COMMAND runs again and again; {host}, {port} and {url} in it, and WIREPROOF_HOST, _PORT and
    _URL in its environment, say where to connect. Exit status 0 means that it succeeded. It runs
    uncut a few times first; then octet by octet, with every single cut, and so on.

    \b
    wireproof between tcp://127.0.0.1:6379 -- redis-cli -h {host} -p {port} ping
    wireproof between tcp://127.0.0.1:80 --same-output -- curl -sS {host}:{port}/
    wireproof between tcp://127.0.0.1:5432 --depth quick -- pytest tests/integration
    wireproof between --serve traffic.wireproof -- my-client {host} {port}
    wireproof between tcp://127.0.0.1:5432 --listen tcp://127.0.0.1:15432 --schedule octets
    """
    from wireproof.between.findings.evidence import write_evidence
    from wireproof.between.findings.judgement import BetweenSpec
    from wireproof.between.findings.sentences import sentence
    from wireproof.between.findings.verdicts import between_result, check_result
    from wireproof.between.runs.command import check_command
    from wireproof.between.service import named
    from wireproof.between.session import judge_command
    from wireproof.between.trying.requirements import BETWEEN
    from wireproof.reporting.terminal.progress import TrialProgress

    seed = secrets.randbelow(2**32) if seed is None else seed
    if schedule is not None:
        if command or serve_file is not None:
            raise UsageError("--schedule serves without a command", "leave the command out")
        stays = named(schedule, seed)
        server = _stream(target, allow_hosts)
        return serve_schedule(server, listening_address(listen_text, server), stays)
    words = command if serve_file is None else (target, *command)
    if not words:
        raise UsageError("no command is named", "write it after --: -- my-client {host} {port}")
    wanted = frozenset(one.id for one in select(BETWEEN, only, skip))
    check_command(words)
    with _server(target, allow_hosts, serve_file) as server:
        own = listening_address(listen_text, server)
        spec = BetweenSpec(
            words=words,
            target=server,
            own=own,
            depth=depth,
            seed=seed,
            jobs=(jobs or None) if own.scheme == "tcp" and not own.port else 1,
            same_output=same_output,
            timeout_s=timeout,
            expect=expect or "",
            budget_s=time_budget,
            wanted=wanted,
            framers=_framers(protocol_name, traffic_file),
            is_canned=serve_file is not None,
        )
        folder = ResultsFolder("between", out, force=force)
        with TrialProgress(enabled=not as_json) as progress:
            found = judge_command(spec, progress.tell)
        evidence = {
            cause.id: write_evidence(folder.folder, cause, spec, sentence(cause, found))
            for cause in found.causes
        }
        results = folder.write(
            str(spec.target) if serve_file is None else f"the server of {serve_file}",
            partial=not found.is_whole,
            check=check_result(found, spec, evidence),
            between=between_result(found, spec),
        )
        return finish(results, folder, as_json=as_json)


def _framers(protocol_name: str | None, traffic_file: str | None) -> "Framers":
    """Return what reads the streams, from a protocol or from traffic.

    Raises:
        UsageError: both are named, there is no such protocol, or its replies have no ends.

    """
    from wireproof.between.trying.borders import framers_by, framers_from

    if protocol_name is not None and traffic_file is not None:
        raise UsageError("--protocol and --from both say where messages end", "name one of them")
    if traffic_file is not None:
        from wireproof.traffic.sources import read_sources

        framings = framers_from(read_sources((traffic_file,)).conversations)
        if not framings:
            click.echo(
                f"wireproof: {traffic_file} doesn't show where a message ends; what one side says"
                " before the other one speaks is one",
                err=True,
            )
        return {direction: one.length for direction, one in framings.items()}
    if protocol_name is None:
        return {}
    from wireproof.protocols.loading.registry import find_protocol
    from wireproof.protocols.request_reply import RequestReply

    protocol = find_protocol(protocol_name)
    if not isinstance(protocol, RequestReply):
        raise UsageError(
            f"{protocol.called} does not say where a message ends", "leave --protocol out"
        )
    return framers_by(protocol)


def _stream(target: str, allow_hosts: tuple[str, ...]) -> Target:
    """Return a server that speaks over a stream.

    Raises:
        UsageError: it is none.
        CannotRunError: nothing listens there.

    """
    server = find_target(target, allow_hosts)
    if not server.is_stream:
        raise UsageError(f"{server} has no stream to cut", "name a server over tcp, tls or unix")
    return server


@contextlib.contextmanager
def _server(target: str, allow_hosts: tuple[str, ...], recording: str | None) -> Iterator[Target]:
    """Yield the server, or one that plays what a file has of one."""
    if recording is None:
        yield _stream(target, allow_hosts)
        return
    from wireproof.between.runs.canned import CannedServer
    from wireproof.traffic.sources import read_sources

    with CannedServer(read_sources((recording,)).conversations) as canned:
        yield canned.target
