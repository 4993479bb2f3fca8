"""`wireproof worker`: this machine's part of a load that another one leads."""

from pathlib import Path

import click

from wireproof.cli.shared.common import certificate_options, find_target, protocol_options
from wireproof.cli.shared.configuration import configured
from wireproof.cli.shared.elsewhere import parse_place


@click.command(short_help="join a load that another machine leads")
@click.argument("master", metavar="MASTER")
@click.argument("target", default="", is_eager=True, callback=configured)
@click.option(
    "--secret-file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A copy of the master's secret file.",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="HOST",
    help="A host beyond this machine that you own.",
)
@certificate_options
@protocol_options
@click.option(
    "--processes",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Load processes on this machine; the master counts each.",
)
@click.option(
    "--source-addresses",
    default="",
    metavar="A-B,…",
    help="Local addresses to connect from, in turn.",
)
def worker(
    master: str,
    target: str,
    secret_file: Path,
    allow_hosts: tuple[str, ...],
    protocol_name: str,
    settings: dict[str, str],
    processes: int,
    source_addresses: str,
) -> int:
    """Put load on TARGET as the master at MASTER (HOST or HOST:PORT) says, and report to it.

    The master says how many connections, how often and how long. Give TARGET, protocol and
    settings here too, as they are there: no other machine chooses what this one does. Without
    TARGET, it prints the master's and sends nothing.

    \b
    wireproof worker 192.0.2.7 tcp://192.0.2.9:7 --protocol echo --allow-host 192.0.2.9 \\
        --secret-file secret

    Exits 0 when the run is over, 2 when it is refused, 3 when there is no master.
    """
    from wireproof.load.secret import read_secret
    from wireproof.load.spec import LoadSpec, expand_addresses
    from wireproof.load.worker import run_worker
    from wireproof.protocols.loading.registry import find_protocol

    host, port = parse_place(master)
    secret = read_secret(secret_file)
    find_protocol(protocol_name, settings)
    found = find_target(target, allow_hosts) if target else None
    spec = LoadSpec(
        target=str(found) if found else "",
        pin=found.pin if found else "",
        allow_hosts=list(allow_hosts),
        protocol=protocol_name,
        settings=settings,
        users=[processes],
        processes=processes,
        source_addresses=expand_addresses(source_addresses),
    )
    click.echo(f"wireproof: looks for the master at {host}:{port}", err=True)
    try:
        return run_worker(spec, host, port, secret)
    except KeyboardInterrupt:
        click.echo("wireproof: interrupted; the master has been told", err=True)
        return 3
