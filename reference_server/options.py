"""The command line, and the configuration that it asks for."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from reference_server.config import (
    BOUNDS,
    DEFAULT_HOST,
    DEFAULT_PORT,
    MODELS,
    SECONDS_BELOW,
    Config,
)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def _whole(name: str) -> Callable[[str], int]:
    """What reads a whole number within the bounds of that field of the configuration."""
    least, most = BOUNDS[name]

    def parse(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    parse.__name__ = "whole number"  # as argparse calls it when a text is none
    return parse


_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|)")
_UNIT_S = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}


def _duration(text: str) -> float:
    """Seconds, from `500ms`, `5s`, `2m`, `1h` or a bare number of them."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"invalid duration {text!r}: write 500ms, 5s or 2m")
    seconds = float(found[1]) * _UNIT_S[found[2]]
    if not 0 < seconds < SECONDS_BELOW:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and below {SECONDS_BELOW:.0f} s")
    return seconds


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = _Parser(
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
    add("--port", type=_whole("port"), help=f"0: any free one (default {DEFAULT_PORT})")
    add("--unix", metavar="PATH", help="serve on this Unix socket; on TCP too only if asked")
    add(
        "--buffer",
        type=_whole("buffer_bytes"),
        default=1024,
        metavar="BYTES",
        help="longest chunk (default 1024)",
    )
    add("--backlog", type=_whole("backlog"), default=50, help="queue of the listener (default 50)")
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
        type=_whole("workers"),
        metavar="N",
        help="processes of the prefork model (default one a core)",
    )
    add(
        "--max-buffered",
        type=_whole("max_buffered_bytes"),
        default=65536,
        metavar="BYTES",
        help="replies held for a connection that does not take them (default 65536)",
    )
    add(
        "--idle-timeout",
        type=_duration,
        metavar="TIME",
        help="close a connection that was silent so long (default never)",
    )
    add(
        "--max-connections",
        type=_whole("max_connections"),
        metavar="N",
        help="connections at a time (default no limit)",
    )
    add(
        "--grace",
        type=_duration,
        default=5.0,
        metavar="TIME",
        help="time to end in after SIGTERM (default 5s)",
    )
    add(
        "--stats",
        action="store_true",
        help="print what each process did at its end; with prefork on SIGUSR1 too",
    )
    add(
        "--fault",
        "--faulty",
        metavar="NAME",
        help="be that fault, or that sound variant, instead of the sound server",
    )
    add("--list-faults", action="store_true", help="list faults and sound variants, and exit")
    return made


def _usual_workers(fault: str | None) -> int:
    if fault is not None:
        return 1  # a defect in one of several processes would be met by chance
    return min(len(os.sched_getaffinity(0)), BOUNDS["workers"][1])


def parse(argv: Sequence[str]) -> Config:
    """Read the command line.

    Raises:
        SystemExit: wrong usage or `--help`; argparse has said what.

    """
    made = parser()
    options = made.parse_args(argv)
    if (options.tls_cert is None) != (options.tls_key is None):
        made.error("--tls-cert and --tls-key go together")
    if options.list_faults:
        from reference_server.faults import listing  # lazy, as below

        sys.stdout.writelines(f"{line}\n" for line in listing())
        made.exit()
    if options.fault is not None:
        # Lazy: the zoo takes as long to import as all the rest, and only its own servers need it.
        from reference_server.faults import similar

        names = similar(options.fault)
        if options.fault not in names:
            hint = f"did you mean {names[0]}?" if names else "see --list-faults"
            made.error(f"there is no fault {options.fault!r}; {hint}")
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
        workers=options.workers or _usual_workers(options.fault),
        max_buffered_bytes=options.max_buffered,
        idle_timeout_s=options.idle_timeout,
        max_connections=options.max_connections,
        grace_s=options.grace,
        stats=options.stats,
        fault=options.fault,
    )
