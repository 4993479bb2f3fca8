"""What a verified request costs the load's CPU, for every built-in protocol.

Each protocol's own mix of requests, or 64 bytes where it has none, on 50 connections. The server is
in C and plays canned replies, the right ones to what these connections send, so that no server is
the limit and none has to be installed. Reported are µs of the client's CPU a request, as the median
of the rounds with quartiles, and how many times as much as echo. The goal, 2 for a protocol of
requests and replies, is no floor. `BENCH_ROUNDS` and `BENCH_SECONDS` say how much is measured,
`BENCH_PROTOCOLS` which besides echo, with commas between them.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.loads import load
from tests.bench.machine import compiled, spread, two_cpus, write
from tests.support.canned import canned, playing, requests_file
from wireproof.errors import UsageError
from wireproof.protocols.loading.registry import BUILT_IN

ROUNDS = max(2, int(os.environ.get("BENCH_ROUNDS", "5")))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
CHOSEN = set(filter(None, os.environ.get("BENCH_PROTOCOLS", "").split(","))) or set(BUILT_IN)
CONNECTIONS = 50
GOAL = 2.0
_FIRST = "echo"


def main() -> int:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        try:
            server = compiled("canned_server.c", scratch)
        except RuntimeError as error:
            _say(f"protocols: left out, since the server is in C and {error}")
            return 0
        costs: dict[str, list[float]] = {}
        files: dict[str, str] = {}
        for name in (_FIRST, *sorted(CHOSEN - {_FIRST})):
            try:
                files[name] = requests_file(name, folder)
                (folder / name).write_bytes(canned(name, CONNECTIONS, files[name]))
                costs[name] = []
            except UsageError as error:
                _say(f"{name:15} left out: {str(error).splitlines()[0]}")
        for _ in range(ROUNDS):
            for name, samples in costs.items():
                samples.append(_cost_us(name, server, folder / name, files[name]))
    return _conclude(costs)


def _cost_us(name: str, server: Path, script: Path, written: str) -> float:
    """Return the client's CPU time for a request."""
    server_cpu, cpu = two_cpus()
    with playing(server, script, cpu=server_cpu) as (target, _):
        spec: dict[str, Any] = {
            "target": target,
            "protocol": name,
            "users": [CONNECTIONS],
            "requests_file": written,
            "seconds": SECONDS,
            "warm_up_s": 1.0,
        }
        return load(cpu, spec).cpu_us


def _conclude(costs: dict[str, list[float]]) -> int:
    """Print and write; a goal that is missed is told."""
    echo = statistics.median(costs[_FIRST])
    results = {}
    for name, samples in costs.items():
        among = spread(samples)
        times = statistics.median(
            ours / base for ours, base in zip(samples, costs[_FIRST], strict=True)
        )
        word = "met" if times <= GOAL else "missed"
        _say(
            f"{name:15} {among['median']:6.2f} us of CPU a verified request"
            f" ({among['low']:.2f} - {among['high']:.2f}),"
            f" {times:.2f} x echo (goal at most {GOAL:g}, {word})"
        )
        results[name] = {"cpu_us": among, "of_echo": times}
    path = write("protocols", {"echo_us": echo, "goal": GOAL, "protocols": results})
    _say(f"written to {path}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
