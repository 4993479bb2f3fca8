"""How long a person waits: `wireproof --help`, and a check's first conversation.

Absolute times, since that is what a person feels; the bare interpreter beside them tells how much
of it is this machine.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.machine import ROOT, spread, write

ROUNDS = 9
CEILINGS_S = {"wireproof --help": 0.3, "first conversation of a check": 1.0}
_WIREPROOF = str(Path(sys.executable).with_name("wireproof"))


def main() -> int:
    """Measure in turns, print the medians, and compare them with the ceilings."""
    samples: dict[str, list[float]] = {name: [] for name in ("python -c pass", *CEILINGS_S)}
    turns: dict[str, Callable[[], float]] = {
        "python -c pass": lambda: _run_s([sys.executable, "-c", "pass"]),
        "wireproof --help": lambda: _run_s([_WIREPROOF, "--help"]),
        "first conversation of a check": _first_conversation_s,
    }
    for _ in range(ROUNDS):
        for name, measure in turns.items():
            samples[name].append(measure())
    # With more to run than there are CPUs, the wait is the machine's, not ours.
    busy = os.getloadavg()[0] > 2 * len(os.sched_getaffinity(0))
    missed = False
    for name, values in samples.items():
        among = spread(values)
        ceiling = CEILINGS_S.get(name)
        late = ceiling is not None and among["median"] > ceiling
        missed |= late and not busy
        said = "ok" if not late else "not judged, the machine is busy" if busy else "MISSED"
        word = "" if ceiling is None else f"  (at most {ceiling} s) {said}"
        sys.stdout.write(
            f"  {name:32}{among['median']:.3f} s  "
            f"({among['low']:.3f} - {among['high']:.3f}){word}\n"
        )
    spreads = {name: spread(values) for name, values in samples.items()}
    path = write("startup", {"unit": "s", "rounds": ROUNDS, "times": spreads})
    sys.stdout.write(f"written to {path.relative_to(ROOT)}\n")
    return 1 if missed else 0


def _run_s(command: list[str]) -> float:
    begun_s = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun_s


def _first_conversation_s() -> float:
    """From the start of the process to the first byte that a server receives."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        listener.settimeout(60)
        target = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        begun_s = time.perf_counter()
        process = subprocess.Popen(
            [_WIREPROOF, "check", target, "--protocol", "echo", "--out", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while True:  # the first connection only asks whether anything listens
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(60)
                    if connection.recv(1):
                        return time.perf_counter() - begun_s
        finally:
            process.kill()
            process.wait()
