"""What can be set, and the command line that sets it."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass

from reference_server.framing import HEADER_BYTES

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 28812
MODELS = ("prefork", "fork", "iterative")


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
        reuse_port: each worker has a listener of its own (SO_REUSEPORT), not a shared one.
        udp: whether datagrams are answered too, on the same port.
        tls_cert: file of the certificate chain; None: no TLS, unless self-signed.
        tls_key: file of its key.
        tls_self_signed: make the pair; it is kept only if `tls_cert` and `tls_key` say where.
        max_buffered_bytes: replies held for one connection; at least one frame always fits.
        idle_timeout_s: silence after which a connection is closed; None: never.
        max_connections: connections served at a time; the workers share them out.
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
    reuse_port: bool = False
    udp: bool = False
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_self_signed: bool = False
    max_buffered_bytes: int = 65536
    idle_timeout_s: float | None = None
    max_connections: int | None = None
    grace_s: float = 5.0
    stats: bool = False

    @property
    def read_bytes(self) -> int:
        """The most that is read at once: so much that its frames keep to `max_buffered_bytes`."""
        frames = self.max_buffered_bytes // (HEADER_BYTES + self.buffer_bytes)
        return max(1, frames) * self.buffer_bytes


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
        "--model",
        choices=MODELS,
        default="prefork",
        help="prefork: workers on epoll (default); fork: a process a connection; "
        "iterative: one connection at a time",
    )
    add("--reuse-port", action="store_true", help="a listener for each worker (SO_REUSEPORT)")
    add("--udp", action="store_true", help="answer datagrams too, on the same port")
    add("--tls-cert", metavar="FILE", help="serve TLS instead of plain TCP, with this chain")
    add("--tls-key", metavar="FILE", help="the key of --tls-cert")
    add(
        "--tls-self-signed",
        action="store_true",
        help="serve TLS with a new pair for loopback, saved if --tls-cert and --tls-key say where",
    )
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
        help="connections at a time (default no limit)",
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
        help="print what each process did at its end; with prefork on SIGUSR1 too",
    )
    return made


def parse(argv: Sequence[str]) -> Config:
    """Read the command line.

    Raises:
        SystemExit: wrong usage or `--help`; argparse has said what.

    """
    made = parser()
    options = made.parse_args(argv)
    if (options.tls_cert is None) != (options.tls_key is None):
        made.error("--tls-cert and --tls-key go together")
    tcp = options.unix is None or options.host is not None or options.port is not None
    return Config(
        host=(options.host or DEFAULT_HOST) if tcp else None,
        port=DEFAULT_PORT if options.port is None else options.port,
        unix_path=options.unix,
        buffer_bytes=options.buffer,
        backlog=options.backlog,
        model=options.model,
        reuse_port=options.reuse_port,
        udp=options.udp,
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        tls_self_signed=options.tls_self_signed,
        workers=options.workers or len(os.sched_getaffinity(0)),
        max_buffered_bytes=options.max_buffered,
        idle_timeout_s=options.idle_timeout,
        max_connections=options.max_connections,
        grace_s=options.grace,
        stats=options.stats,
    )
