"""The server as a program: options in, exit code out."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from reference_server.blocking import Forking, Iterative
from reference_server.config import Config, StartError, parse
from reference_server.framing import CountingFramer, Framer
from reference_server.listener import Listener, listeners_of_workers, open_listeners
from reference_server.prefork import Worker
from reference_server.supervisor import Supervisor


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
    listeners = open_listeners(config)

    def announce() -> None:
        targets = " ".join(listener.target for listener in listeners)
        sys.stdout.write(f"listening on {targets}\n")
        sys.stdout.flush()

    try:
        run_model(config, listeners, announce)
    finally:
        for listener in listeners:
            listener.close()


def run_model(config: Config, listeners: Sequence[Listener], announce: Callable[[], None]) -> None:
    """Serve with the model that the configuration names."""
    if config.model == "prefork":
        limit = config.max_connections
        if limit is not None:
            config = replace(config, workers=min(config.workers, limit))
        shares = listeners_of_workers(config, listeners)

        def make_worker(slot: int, lifeline: int) -> Worker:
            own = config
            if limit is not None:
                rest = limit % config.workers
                own = replace(config, max_connections=limit // config.workers + (slot < rest))
            return Worker(own, shares[slot], lifeline)

        Supervisor(config.workers, make_worker, config.grace_s).run(announce)
        return
    model = Forking if config.model == "fork" else Iterative
    framer = (CountingFramer if config.stats else Framer)(config.buffer_bytes)
    model(config, listeners, framer).run(announce)
