"""The server as a program: options in, exit code out."""

import sys
from collections.abc import Callable, Sequence

from reference_server.config import Config, StartError, parse
from reference_server.listener import Listener, open_listeners
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
        # A Unix path comes last: it alone may contain a space.
        targets = " ".join(listener.target for listener in listeners)
        sys.stdout.write(f"listening on {targets}\n")
        sys.stdout.flush()

    try:
        _run_prefork(config, listeners, announce)
    finally:
        for listener in listeners:
            listener.close()


def _run_prefork(
    config: Config, listeners: Sequence[Listener], announce: Callable[[], None]
) -> None:
    def make_worker(_slot: int, lifeline: int) -> Worker:
        return Worker(config, [listener.sock for listener in listeners], lifeline)

    Supervisor(config.workers, make_worker, config.grace_s).run(announce)
