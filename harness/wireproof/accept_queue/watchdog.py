"""Lets stopped processes go on when whoever stopped them cannot any more.

Run as a program of its own: `python -I watchdog.py SECONDS PIDFD...`. It writes one byte once it
stands ready; it sends SIGCONT when its standard input ends, which is also what happens when the
process at the other end is killed, or when the seconds are over. It imports the standard library
alone, so that nothing can keep it from starting.
"""

import contextlib
import os
import select
import signal
import sys


def main(arguments: list[str]) -> None:
    """Wait for the end of standard input, then let the processes go on."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    seconds = float(arguments[0])
    descriptors = [int(text) for text in arguments[1:]]
    os.write(1, b"r")
    select.select([0], [], [], seconds)
    for descriptor in descriptors:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(descriptor, signal.SIGCONT)


if __name__ == "__main__":
    main(sys.argv[1:])
