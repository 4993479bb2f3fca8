"""The server as a program: options in, exit code out."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from reference_server.blocking import Forking, Iterative
from reference_server.config import Config
from reference_server.errors import StartError
from reference_server.framing import CountingFramer, Framer
from reference_server.listener import Listener, listeners_of_workers, open_listeners
from reference_server.options import parse
from reference_server.prefork import Worker
from reference_server.supervisor import Service, Supervisor


def main(argv: Sequence[str]) -> int:
    """Run the server until it is told to end.

    Returns:
        0 ended as asked; 2 wrong usage; 3 could not run.

    """
    try:
        config = parse(argv)
    except SystemExit as ended:  # argparse has printed the reason or the help
        return ended.code if isinstance(ended.code, int) else 2
    try:
        serve(config)
    except StartError as error:
        sys.stderr.write(f"reference_server: {error}\n")
        return 3
    return 0


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StartError: an address cannot be had, or the workers cannot start.

    """
    make: Callable[[Config, Sequence[Listener], int], Service] = Worker
    if config.fault is not None:
        # Lazy: the zoo takes as long to import as all the rest, and the sound server needs none.
        from reference_server.faults import find

        variant = find(config.fault)
        assert variant is not None, "the command line has refused other names"
        config, make = replace(config, **variant.changes), variant.service
    listeners = open_listeners(config)

    def announce() -> None:
        targets = " ".join(listener.target for listener in listeners)
        sys.stdout.write(f"listening on {targets}\n")
        sys.stdout.flush()

    try:
        if config.model == "prefork":
            _run_prefork(config, listeners, make, announce)
        else:
            model = Forking if config.model == "fork" else Iterative
            framer = (CountingFramer if config.stats else Framer)(config.buffer_bytes)
            model(config, listeners, framer).run(announce)
    finally:
        for listener in listeners:
            listener.close()


def _run_prefork(
    config: Config,
    listeners: Sequence[Listener],
    make: Callable[[Config, Sequence[Listener], int], Service],
    announce: Callable[[], None],
) -> None:
    limit = config.max_connections
    if limit is not None:
        config = replace(config, workers=min(config.workers, limit))
    shares = listeners_of_workers(config, listeners)

    def make_service(slot: int, lifeline: int) -> Service:
        own = config
        if limit is not None:
            rest = limit % config.workers
            own = replace(config, max_connections=limit // config.workers + (slot < rest))
        return make(own, shares[slot], lifeline)

    Supervisor(config.workers, make_service, config.grace_s).run(announce)
