"""Clients beside each other: what a verified round trip costs the client's CPU.

The same server, the same 50 connections of 64 bytes; the swarm, a plain Locust user with the same
verification, a raw gevent client and a C epoll client, measured in turn, again and again; each
round begins with another one, so that nobody always follows the same neighbour. Reported are round
trips per CPU second of the client's process, as medians with quartiles, and ratios as the median of
the ratios within a round. The C client does not verify the payload, so that its lead is overstated,
if anything.

`BENCH_ROUNDS` and `BENCH_SECONDS` say how much is measured; `BENCH_CLIENT_PART` is `rates`,
`memory` or, by default, both.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable

from tests.bench.machine import ROOT, compiled, pinned, spread, two_cpus, write

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
PART = os.environ.get("BENCH_CLIENT_PART", "both")
CONNECTIONS, SIZE = 50, 64
MANY_CONNECTIONS = 10_000
FLOORS = {"C epoll": 0.65, "plain Locust user": 3.5}
PIPELINE_FLOOR = 3.0
SWARM, PIPELINED = "swarm", "swarm, pipeline 16"


def say(line: str) -> None:
    """A line of the report."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(command: list[str]) -> tuple[str, float]:
    """Run a client; its output and the CPU seconds that it used."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed")
    return output, usage.ru_utime + usage.ru_stime


def swarm(port: str, cpu: int | None, **options: object) -> dict[str, float]:
    """Run the swarm as `wireproof load` does; its steady part's figures."""
    program = (
        "import json, resource, sys\n"
        "from wireproof.load.launch import run_load\n"
        "from wireproof.load.spec import LoadSpec\n"
        "result = run_load(LoadSpec(**json.loads(sys.argv[1])))\n"
        "assert not result.failures and not result.partial, (result.failures, result.notes)\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "print(json.dumps([result.requests, result.details['cpu_s'], peak]))\n"
    )
    plan = {
        "target": f"tcp://127.0.0.1:{port}",
        "users": [CONNECTIONS],
        "payload": str(SIZE),
        "seconds": SECONDS,
        "warm_up_s": 0.3,
        **options,
    }
    output, _ = run(pinned(cpu, [sys.executable, "-c", program, json.dumps(plan)]))
    requests, cpu_s, peak_kib = json.loads(output)
    return {"requests": requests, "cpu_s": cpu_s, "peak_kib": peak_kib}


def per_cpu_second(figures: dict[str, float]) -> float:
    """Round trips per CPU second."""
    return figures["requests"] / figures["cpu_s"]


def script(kind: str, port: str, cpu: int | None) -> float:
    """Run one of the clients in `client_users.py`, which measures itself."""
    options = ["-f", f"{ROOT}/tests/bench/client_users.py", "--headless", "--only-summary"]
    users = ["-u", str(CONNECTIONS), "-r", str(CONNECTIONS), "--loglevel", "ERROR"]
    command = (
        [sys.executable, "-m", "locust", *options, *users, "--host", f"tcp://127.0.0.1:{port}"]
        if kind == "locust"
        else [sys.executable, f"{ROOT}/tests/bench/client_users.py", port, str(CONNECTIONS)]
    )
    output, _ = run(pinned(cpu, ["env", f"BENCH_SECONDS={SECONDS}", *command]))
    figures = next(line for line in output.splitlines() if line.startswith("measured "))
    _, requests, cpu_s = figures.split()
    return int(requests) / float(cpu_s)


def main() -> int:
    """Measure, print, write; 1 when a floor is missed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        return measure_all(scratch)


def measure_all(scratch: str) -> int:
    """The benchmark, with a folder for its programs."""
    try:
        server_program = compiled("epoll_server.c", scratch)
        client_program = compiled("epoll_client.c", scratch)
    except RuntimeError as error:
        say(f"client: left out, since its server is in C and {error}")
        return 0
    server_cpu, cpu = two_cpus()
    server = subprocess.Popen(
        pinned(server_cpu, [str(server_program)]), stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip().rpartition(":")[2]

        def c_client() -> float:
            load = [port, str(CONNECTIONS), str(SIZE), str(SECONDS)]
            output, cpu_s = run(pinned(cpu, [str(client_program), *load]))
            return int(output.split()[0]) / cpu_s

        clients: dict[str, Callable[[], float]] = {
            SWARM: lambda: per_cpu_second(swarm(port, cpu)),
            PIPELINED: lambda: per_cpu_second(swarm(port, cpu, pipeline=16)),
            "plain Locust user": lambda: script("locust", port, cpu),
            "raw gevent": lambda: script("gevent", port, cpu),
            "C epoll": c_client,
        }
        rates: dict[str, list[float]] = {name: [] for name in clients}
        for round_number in range(ROUNDS if PART != "memory" else 0):
            for name in rotated(list(clients), round_number):
                rates[name].append(clients[name]())
        memory = memory_per_connection(port) if PART != "rates" else None
    finally:
        server.terminate()
        server.communicate()
    return conclude(rates, memory, is_pinned=cpu is not None)


def rotated(names: list[str], by: int) -> list[str]:
    """Return the contestants in an order that begins with another one each round."""
    first = by % len(names)
    return names[first:] + names[:first]


def memory_per_connection(port: str) -> float:
    """Bytes of the load process for each of ten thousand connections, at a low rate."""
    few, many = (
        swarm(port, None, users=[users], rate_per_s=1000.0, seconds=1.0)["peak_kib"]
        for users in (10, MANY_CONNECTIONS)
    )
    return (many - few) * 1024 / (MANY_CONNECTIONS - 10)


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios within a round."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def conclude(rates: dict[str, list[float]], memory: float | None, *, is_pinned: bool) -> int:
    """Print, compare with the floors, and write the file."""
    figures: dict[str, object] = {"rounds": ROUNDS, "pinned": is_pinned}
    missed = False
    if rates[SWARM]:
        missed = compare(rates, figures)
    if memory is not None:
        say(
            f"  memory a connection       {memory / 1024:.1f} KiB at {MANY_CONNECTIONS} connections"
        )
        figures["bytes_a_connection"] = memory
    path = write("client", figures)
    say(f"written to {path.relative_to(ROOT)}")
    return 1 if missed else 0


def compare(rates: dict[str, list[float]], figures: dict[str, object]) -> bool:
    """Print the clients beside each other, and note their figures; whether a floor is missed."""
    say(f"\n{CONNECTIONS} x {SIZE} B: verified round trips per CPU second of the client")
    for name, samples in rates.items():
        among = spread(samples)
        cost = 1e6 / among["median"]
        say(
            f"  {name:20}{among['median']:>10.0f}  ({among['low']:.0f} - {among['high']:.0f})"
            f"  {cost:.1f} CPU s a million"
        )
    pairs = [(SWARM, name, floor) for name, floor in FLOORS.items()]
    pairs.append((PIPELINED, SWARM, PIPELINE_FLOOR))
    ratios: dict[str, float] = {}
    missed = False
    for ours, theirs, floor in pairs:
        key = PIPELINED if ours == PIPELINED else theirs
        found = ratios[key] = ratio(rates[ours], rates[theirs])
        missed |= found < floor
        word = "MISSED" if found < floor else "ok"
        say(f"  {ours} / {theirs:18}{found:.2f}  (at least {floor}) {word}")
    figures["unit"] = "verified round trips per CPU second of the client"
    figures["clients"] = {name: spread(samples) for name, samples in rates.items()}
    figures["ratios"] = ratios
    figures["floors"] = {**FLOORS, PIPELINED: PIPELINE_FLOOR}
    return missed
