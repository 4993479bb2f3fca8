"""The reference server beside others: one worker each, the same framing, the same C client.

For each load, all servers are measured in turn, again and again, so that what disturbs the machine
disturbs all. Each round begins with another one, for a server with 500 processes to end disturbs
whoever comes next; one that does not answer all connections is not tried again. Reported are
medians with quartiles, and each server's ratio to the C server as the median of the ratios within a
round. Beside it stands the CPU time that the server itself used for a round trip: it says the same,
and is disturbed less where the machine has other things to do.
"""

import importlib.util
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import ROOT, compiled, pinned, spread, two_cpus, write

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "0.6"))
# Name, connections, bytes a round trip.
LOADS = (
    ("1 x 64 B", 1, 64),
    ("50 x 64 B", 50, 64),
    ("500 x 64 B", 500, 64),
    ("1 x 64 KiB", 1, 65536),
)
JUDGED_LOAD = "50 x 64 B"
FLOORS = {"C epoll": 0.85, "uvloop": 1.15, "asyncio streams": 1.6}
REFERENCE = "reference server"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    process: subprocess.Popen[str]
    port: str


def commands(scratch: str) -> dict[str, list[str]]:
    """How each server is started; without what this machine lacks."""
    python = sys.executable
    others = f"{ROOT}/tests/bench/servers.py"
    found = {
        REFERENCE: [
            *(python, "-P", "-m", "reference_server", "--port", "0"),
            *("--workers", "1", "--backlog", "1024"),
        ],
        "C epoll": [str(compiled("epoll_server.c", scratch))],
        "uvloop": [python, others, "uvloop"],
        "uvloop streams": [python, others, "uvloop streams"],
        "asyncio streams": [python, others, "asyncio streams"],
        "threads": [python, others, "threads"],
        "processes": [python, others, "processes"],
    }
    if importlib.util.find_spec("uvloop") is None:
        say("uvloop is not installed: left out")
        found = {name: command for name, command in found.items() if "uvloop" not in name}
    return found


def start(name: str, command: list[str], cpu: int | None) -> Server:
    """Start a server and wait for its line."""
    process = subprocess.Popen(
        pinned(cpu, command),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("listening on "):
        raise RuntimeError(f"{name} did not start")
    return Server(name, process, line.strip().rpartition(":")[2])


def cpu_s(pid: int) -> float:
    """CPU time used so far by a process, its threads and its children."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    ticks = sum(map(int, stat[11:15]))  # user and system time, its own and of ended children
    return ticks / os.sysconf("SC_CLK_TCK") + sum(cpu_s(int(child)) for child in children)


def measure(client: list[str], server: Server, connections: int, size: int) -> tuple[float, float]:
    """Round trips a second, and the server's CPU microseconds for each."""
    before_s = cpu_s(server.process.pid)
    ran = subprocess.run(
        [*client, server.port, str(connections), str(size), str(SECONDS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(f"the client failed on {server.name}: {ran.stderr.strip()}")
    round_trips, seconds, with_warm_up = ran.stdout.split()
    used_us = (cpu_s(server.process.pid) - before_s) * 1e6
    return int(round_trips) / float(seconds), used_us / max(1, int(with_warm_up))


def say(line: str) -> None:
    """A line of the report."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Measure, print, write; 1 when a floor is missed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        return compare(scratch)


def compare(scratch: str) -> int:
    """The benchmark, with a folder for its programs."""
    try:
        client_program = compiled("epoll_client.c", scratch)
    except RuntimeError as error:
        say(f"server: left out, since its client is in C and {error}")
        return 0
    server_cpu, client_cpu = two_cpus()
    client = pinned(client_cpu, [str(client_program)])
    servers: list[Server] = []
    rates: dict[str, dict[str, list[float]]] = {}
    costs: dict[str, dict[str, list[float]]] = {}
    try:
        for name, command in commands(scratch).items():
            servers.append(start(name, command, server_cpu))
        for load, connections, size in LOADS:
            rates[load] = {server.name: [] for server in servers}
            costs[load] = {server.name: [] for server in servers}
            for number in range(ROUNDS):
                begin = number % len(servers)
                for server in servers[begin:] + servers[:begin]:
                    rate, cost = 0.0, 0.0
                    if 0.0 not in rates[load][server.name]:
                        rate, cost = measure(client, server, connections, size)
                    rates[load][server.name].append(rate)
                    costs[load][server.name].append(cost)
            show(load, size, rates[load], costs[load])
    finally:
        for server in servers:
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.communicate()
    return conclude(rates, costs, server_cpu is not None)


def show(
    load: str, size: int, rates: dict[str, list[float]], costs: dict[str, list[float]]
) -> None:
    """The table of one load."""
    say(
        f"\n{load}: round trips/s (quartiles), MB/s of payload, median ratio to C in a round; "
        "CPU us a round trip"
    )
    for name, samples in rates.items():
        among = spread(samples)
        say(
            f"  {name:18}{among['median']:>9.0f}  ({among['low']:.0f} - {among['high']:.0f})"
            f"{among['median'] * size / 1e6:>9.1f}  {ratio(samples, rates['C epoll']):.2f}"
            f"{statistics.median(costs[name]):>9.1f}"
        )


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios within a round."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True) if b)


def conclude(
    rates: dict[str, dict[str, list[float]]],
    costs: dict[str, dict[str, list[float]]],
    is_pinned: bool,
) -> int:
    """Compare with the floors, and write the file."""
    judged = rates[JUDGED_LOAD]
    say(f"\n{JUDGED_LOAD}, reference server against:" + ("" if is_pinned else " (not pinned)"))
    missed = False
    ratios = {}
    for name, floor in FLOORS.items():
        if name in judged:
            ratios[name] = ratio(judged[REFERENCE], judged[name])
            below = ratios[name] < floor
            missed |= below
            word = "MISSED" if below else "ok"
            by_cpu = ratio(costs[JUDGED_LOAD][name], costs[JUDGED_LOAD][REFERENCE])
            say(f"  {name:18}{ratios[name]:.2f}  (at least {floor}) {word}; by CPU {by_cpu:.2f}")
    summary = {
        load: {name: spread(samples) for name, samples in by_server.items()}
        for load, by_server in rates.items()
    }
    path = write(
        "server",
        {
            "unit": "round trips per second",
            "rounds": ROUNDS,
            "pinned": is_pinned,
            "loads": summary,
            "ratios": ratios,
            "cpu_us_a_round_trip": {
                load: {name: statistics.median(samples) for name, samples in by_server.items()}
                for load, by_server in costs.items()
            },
            "floors": FLOORS,
        },
    )
    say(f"written to {path.relative_to(ROOT)}")
    return 1 if missed else 0
