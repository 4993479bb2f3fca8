"""Where a relay of ours listens: what `record` and `between` share."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click

from wireproof.between.runs.course import HostileCourse
from wireproof.between.runs.schedules import Schedule
from wireproof.between.service import Counting
from wireproof.errors import UsageError
from wireproof.target import Target, parse_target, resolve
from wireproof.traffic.forwarding import Side
from wireproof.traffic.relay import Relay, listen
from wireproof.words import counted

LONGEST_WAIT_S = 0.2
"""A signal waits so long at most."""


def listening_address(text: str | None, server: Target) -> Target:
    """Return where to listen, resolved; port 0 stands for a free one.

    Args:
        text: as the user wrote it; None for a free port on this machine.
        server: to which it is passed on.

    Raises:
        UsageError: it is no address, or of another kind than the server's.

    """
    kind = "tcp" if server.is_stream else "udp"
    example = f"write {kind}://127.0.0.1:0"
    target = parse_target(text or f"{kind}://127.0.0.1:0", any_port=True)
    if target.scheme == "tls":
        raise UsageError("clients speak to the relay in the clear", example)
    if target.scheme == "exec":
        raise UsageError("nobody can connect to a command", example)
    if target.is_stream != server.is_stream:
        raise UsageError(f"{target} can't be passed on to {server}", example)
    if target.scheme == "unix" and Path(target.path).exists():
        raise UsageError(f"{target.path} already exists", "remove it, or name another path")
    return resolve(target, (target.host,))[0]


def shown_address(own: Target, address: tuple[str, int] | str) -> str:
    """Return where it listens, with the port that was free."""
    return str(own if own.scheme == "unix" else replace(own, port=int(address[1])))


@contextlib.contextmanager
def asked_to_end() -> Iterator[list[int]]:
    """Collect the signals that ask us to end, instead of being interrupted by them."""
    asked: list[int] = []

    def take(number: int, _: FrameType | None) -> None:
        asked.append(number)

    before = {one: signal.signal(one, take) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve_schedule(server: Target, own: Target, schedule: Schedule) -> int:
    """Do to all who connect what a schedule says, until Ctrl-C or SIGTERM; return the exit code.

    Raises:
        CannotRunError: there can be no listener.

    """
    counting = Counting()
    told = ""
    with (
        listen(own) as listener,
        Relay(listener, server, counting, lambda: HostileCourse(schedule)) as relay,
        asked_to_end() as asked,
    ):
        address = shown_address(own, listener.getsockname())
        click.echo(f"listening on {address}, passing on to {server}: {schedule}; Ctrl-C ends it")
        sys.stdout.flush()
        while not asked:
            relay.serve_once(LONGEST_WAIT_S)
            if counting.last_refusal not in {"", told}:
                told = counting.last_refusal
                click.echo(f"wireproof: the server can't be reached: {told}", err=True)
    if own.scheme == "unix":
        Path(own.path).unlink(missing_ok=True)
    sent, received = (counted(counting.passed_bytes[side], "byte") for side in Side)
    connections = counted(counting.connections, "connection")
    click.echo(f"\n{connections}, {sent} from clients, {received} from the server")
    return 0
