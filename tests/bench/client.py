"""Clients beside each other: what a verified round trip costs the client's CPU.

The same server, the same 50 connections of 64 bytes; the swarm, a plain Locust user with the same
verification, a raw gevent client and a C epoll client, measured in turn, again and again. Reported
are round trips per CPU second of the client's process, as medians with quartiles, and ratios as the
median of the ratios within a round. The C client does not verify the payload, so that its lead is
overstated, if anything.
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
        "from harness.load.launch import run_load\n"
        "from harness.load.plan import LoadPlan\n"
        "result = run_load(LoadPlan(**json.loads(sys.argv[1])))\n"
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
        return compare(scratch)


def compare(scratch: str) -> int:
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
        names = list(clients)
        for number in range(ROUNDS):
            begin = number % len(names)  # so that nobody always comes after the same one
            for name in names[begin:] + names[:begin]:
                rates[name].append(clients[name]())
        memory = memory_per_connection(port)
    finally:
        server.terminate()
        server.communicate()
    return conclude(rates, memory, is_pinned=cpu is not None)


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


def conclude(rates: dict[str, list[float]], memory: float, *, is_pinned: bool) -> int:
    """Print, compare with the floors, and write the file."""
    say(f"\n{CONNECTIONS} x {SIZE} B: verified round trips per CPU second of the client")
    for name, samples in rates.items():
        among = spread(samples)
        cost = 1e6 / among["median"]
        say(
            f"  {name:20}{among['median']:>10.0f}  ({among['low']:.0f} - {among['high']:.0f})"
            f"  {cost:.1f} CPU s a million"
        )
    missed = False
    ratios = {name: ratio(rates[SWARM], rates[name]) for name in FLOORS}
    ratios[PIPELINED] = ratio(rates[PIPELINED], rates[SWARM])
    for name, floor in FLOORS.items():
        missed |= ratios[name] < floor
        word = "MISSED" if ratios[name] < floor else "ok"
        say(f"  swarm / {name:18}{ratios[name]:.2f}  (at least {floor}) {word}")
    word = "MISSED" if ratios[PIPELINED] < PIPELINE_FLOOR else "ok"
    missed |= ratios[PIPELINED] < PIPELINE_FLOOR
    say(f"  pipeline 16 / swarm       {ratios[PIPELINED]:.2f}  (at least {PIPELINE_FLOOR}) {word}")
    say(f"  memory a connection       {memory / 1024:.1f} KiB at {MANY_CONNECTIONS} connections")
    path = write(
        "client",
        {
            "unit": "verified round trips per CPU second of the client",
            "rounds": ROUNDS,
            "pinned": is_pinned,
            "clients": {name: spread(samples) for name, samples in rates.items()},
            "ratios": ratios,
            "floors": {**FLOORS, PIPELINED: PIPELINE_FLOOR},
            "bytes_a_connection": memory,
        },
    )
    say(f"written to {path.relative_to(ROOT)}")
    return 1 if missed else 0
