"""`wireproof record`: a relay that writes down what passes."""

import contextlib
import sys
import time
from pathlib import Path

import click

from wireproof.cli.shared.common import find_target, target_options
from wireproof.cli.shared.relaying import (
    LONGEST_WAIT_S,
    asked_to_end,
    listening_address,
    shown_address,
)
from wireproof.traffic.datagram_relay import DatagramRelay
from wireproof.traffic.forwarding import Side, Transparent
from wireproof.traffic.recorder import Recorder
from wireproof.traffic.recordings import RECORDING_FORMAT, Head, RecordingWriter
from wireproof.traffic.relay import Relay, listen
from wireproof.words import counted


@click.command(short_help="record what a client and a server say to each other")
@target_options
@click.option(
    "--listen",
    "listen_text",
    metavar="URL",
    help="Where clients connect instead.  [default: tcp://127.0.0.1:0, a free port]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The recording; an existing file is never replaced.",
)
@click.option(
    "--max-bytes",
    "most_bytes",
    type=click.IntRange(min=4096),
    default=256 * 1024 * 1024,
    show_default=True,
    metavar="N",
    help="The largest size of the recording; later traffic passes unrecorded.",
)
def record(
    target: str,
    allow_hosts: tuple[str, ...],
    listen_text: str | None,
    out: Path,
    most_bytes: int,
) -> int:
    """Stand between clients and TARGET, pass everything on, and write it to FILE.

    Prints the address to point a client at; Ctrl-C ends it. With a TLS target, the client
    speaks in the clear. However it ends, the file holds all but the last second.

    \b
    wireproof record tcp://127.0.0.1:6379 --out traffic.wireproof
    wireproof record tls://127.0.0.1:8883 --listen tcp://127.0.0.1:1883 --out traffic.wireproof
    """
    server = find_target(target, allow_hosts)
    own = listening_address(listen_text, server)
    with listen(own) as listener:
        head = Head(RECORDING_FORMAT, str(server), time.time(), datagrams=not server.is_stream)
        writer = RecordingWriter(out, head, most_bytes)
        recorder = Recorder(writer)
        kind = Relay if server.is_stream else DatagramRelay
        with contextlib.closing(writer), kind(listener, server, recorder, Transparent) as relay:
            address = shown_address(own, listener.getsockname())
            click.echo(f"listening on {address}, passing on to {server}; Ctrl-C ends it")
            sys.stdout.flush()
            _serve(relay, recorder, writer)
    if own.scheme == "unix":
        Path(own.path).unlink(missing_ok=True)
    click.echo(_summary(relay.connections, recorder, writer))
    return 0


def _serve(relay: Relay | DatagramRelay, recorder: Recorder, writer: RecordingWriter) -> None:
    """Relay until Ctrl-C or SIGTERM; what goes wrong is told once."""
    told: set[str] = set()
    with asked_to_end() as asked:
        while not asked:
            wait_s = writer.flush_if_due()
            relay.serve_once(LONGEST_WAIT_S if wait_s is None else min(wait_s, LONGEST_WAIT_S))
            news = []
            if recorder.last_refusal:
                news.append(f"the server can't be reached: {recorder.last_refusal}")
            if writer.is_full:
                news.append(f"{writer.path} is full: what comes now passes unrecorded")
            for line in news:
                if line not in told:
                    click.echo(f"wireproof: {line}", err=True)
                    told.add(line)


def _summary(connections: int, recorder: Recorder, writer: RecordingWriter) -> str:
    sent, received = (counted(recorder.passed_bytes[side], "byte") for side in Side)
    return (
        f"\n{counted(connections, 'connection')}, {sent} from clients, {received} from the server;"
        f" written to {writer.path}"
    )
