"""What can be set, and the command line that sets it."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 28812
MODELS = ("prefork",)


class ConfigError(Exception):
    """The options contradict each other; exit code 2."""


class StartError(Exception):
    """The server cannot run, for a reason outside of it; exit code 3."""


@dataclass(frozen=True, slots=True)
class Config:
    """The options; PROTOCOL.md calls `buffer_bytes` the buffer size.

    Attributes:
        host: name or address to serve TCP on, at every address it has; None: no TCP.
        port: 0 lets the kernel choose.
        unix_path: path of a Unix stream socket to serve on; None: none.
        buffer_bytes: the longest chunk.
        backlog: what `listen` is told.
        model: one of `MODELS`.
        workers: processes of the prefork model.
        max_buffered_bytes: replies held for one connection; at least one frame always fits.
        idle_timeout_s: silence after which a connection is closed; None: never.
        max_connections: connections that one process serves at a time; None: no limit.
        grace_s: time from SIGTERM to the end, at most.
        stats: whether each process says at its end what it did.

    """

    host: str | None = DEFAULT_HOST
    port: int = DEFAULT_PORT
    unix_path: str | None = None
    buffer_bytes: int = 1024
    backlog: int = 50
    model: str = "prefork"
    workers: int = 1
    max_buffered_bytes: int = 65536
    idle_timeout_s: float | None = None
    max_connections: int | None = None
    grace_s: float = 5.0
    stats: bool = False


def _whole(least: int, most: int = 2**31 - 1) -> "type[int]":
    def parse(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    parse.__name__ = "whole number"
    return parse  # type: ignore[return-value]  # argparse takes any callable


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value


_seconds.__name__ = "number of seconds"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m reference_server",
        description="A timestamp-echo server: answers each chunk of input with `[ctime] chunk`.",
        epilog=(
            "The first line on standard output is `listening on TARGET...`, the targets "
            "(tcp://HOST:PORT, udp://HOST:PORT, tls://HOST:PORT, unix:/PATH) separated by one "
            "space, a Unix path last. SIGTERM or Ctrl-C ends the server after it has answered "
            "what has arrived. Exit codes: 0 ended as asked, 2 wrong usage, 3 could not run."
        ),
    )
    add = made.add_argument
    add("--host", help=f"name or address to serve on (default {DEFAULT_HOST})")
    add("--port", type=_whole(0, 65535), help=f"0: any free one (default {DEFAULT_PORT})")
    add("--unix", metavar="PATH", help="serve on this Unix socket; on TCP too only if asked")
    add(
        "--buffer",
        type=_whole(1, 2**24),
        default=1024,
        metavar="BYTES",
        help="longest chunk (default 1024)",
    )
    add("--backlog", type=_whole(0, 65535), default=50, help="queue of the listener (default 50)")
    add(
        "--workers",
        type=_whole(1, 1024),
        metavar="N",
        help="processes of the prefork model (default one a core)",
    )
    add(
        "--max-buffered",
        type=_whole(1),
        default=65536,
        metavar="BYTES",
        help="replies held for a connection that does not take them (default 65536)",
    )
    add(
        "--idle-timeout",
        type=_seconds,
        metavar="S",
        help="close a connection that was silent so long (default never)",
    )
    add(
        "--max-connections",
        type=_whole(1),
        metavar="N",
        help="connections at a time, of each process (default no limit)",
    )
    add(
        "--grace",
        type=_seconds,
        default=5.0,
        metavar="S",
        help="time to end in after SIGTERM (default 5)",
    )
    add(
        "--stats",
        action="store_true",
        help="print connections, chunks and bytes of each process at its end and on SIGUSR1",
    )
    return made


def parse(argv: Sequence[str]) -> Config:
    """Read the command line.

    Raises:
        SystemExit: wrong usage or `--help`; argparse has said what.

    """
    options = parser().parse_args(argv)
    tcp = options.unix is None or options.host is not None or options.port is not None
    return Config(
        host=(options.host or DEFAULT_HOST) if tcp else None,
        port=DEFAULT_PORT if options.port is None else options.port,
        unix_path=options.unix,
        buffer_bytes=options.buffer,
        backlog=options.backlog,
        workers=options.workers or len(os.sched_getaffinity(0)),
        max_buffered_bytes=options.max_buffered,
        idle_timeout_s=options.idle_timeout,
        max_connections=options.max_connections,
        grace_s=options.grace,
        stats=options.stats,
    )
