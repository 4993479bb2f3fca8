"""What processes hold, as /proc tells it, and the words of the report."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path

_TIMEOUT_S = 10.0
_LOOKS_ALIKE = 3


class SoakError(Exception):
    """Something did not hold."""


def say(line: str) -> None:
    """A line of the report."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory of the processes' own, a page that several of them share counted once.

    Pages of files are left out: how many of those a process is charged with depends on what else
    on the machine has the same files open.
    """
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(
        int(line.split()[1]) * 1024
        for rollup in rollups
        for line in rollup.splitlines()
        if line.startswith("Pss_Anon:")
    )


def descriptors(pids: Iterable[int]) -> int:
    """Open descriptors of the processes."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


def settled_descriptors(pids: Iterable[int]) -> int:
    """Open descriptors, once looks one after the other see the same.

    A worker that has just started still closes the pipe on which it said so, and a server learns
    of a client's close after the client has made it.
    """
    until_s = time.monotonic() + _TIMEOUT_S
    counts = [descriptors(pids)]
    while counts[-_LOOKS_ALIKE:] != [counts[-1]] * _LOOKS_ALIKE and time.monotonic() < until_s:
        time.sleep(0.05)
        counts.append(descriptors(pids))
    return counts[-1]
