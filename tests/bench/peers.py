"""Load generators beside each other, on real servers: requests per second, ours all verified.

One thread and one CPU for each side, 50 connections, each pair in turn and again: `wrk` on nginx,
`redis-benchmark` on redis (gets and sets as 80 to 20), a C client of ours on memcached, and
`dnsperf` on unbound over UDP. All are Debian packages; a server or a peer that is not installed is
left out and said so. Ratios are the medians of those within a round. `BENCH_ROUNDS` and
`BENCH_SECONDS` say how much is measured. The goals are no floors: a ratio below one is told, and is
no failure on a machine that others use as well.
"""

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.machine import compiled, pinned, spread, two_cpus, write
from tests.real_servers.gallery import Server, catalogue, is_installed, program
from tests.real_servers.running import running

ROUNDS = max(2, int(os.environ.get("BENCH_ROUNDS", "5")))
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
CONNECTIONS = 50
GETS_OF_SETS = 0.8
_KEY = "wp00000000"
_LOAD = (
    "import json, sys\n"
    "from wireproof.load.launch import run_load\n"
    "from wireproof.load.spec import LoadSpec\n"
    "result = run_load(LoadSpec(**json.loads(sys.argv[1])))\n"
    "assert not result.failures and not result.partial, (result.failures, result.notes)\n"
    "print(json.dumps([result.throughput_per_s, result.bottleneck, result.details['cpu_s'],"
    " result.requests]))\n"
)


@dataclass(frozen=True)
class Peer:
    """A pair to compare.

    Attributes:
        server: its name in the gallery.
        program: of the other generator.
        goal: how many times as fast ours is to be.
        rate: runs the other and returns requests per second.
        spec: what ours is told besides.

    """

    server: str
    program: str
    goal: float
    rate: Callable[[int, int | None, Path], float]
    spec: dict[str, Any] = field(default_factory=dict)


def _output(cpu: int | None, *command: str) -> str:
    done = subprocess.run(pinned(cpu, command), capture_output=True, text=True, check=True)
    return done.stdout


def _found(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no figure in {text[-300:]!r}")
    return float(found[1])


def _wrk(port: int, cpu: int | None, scratch: Path) -> float:
    del scratch
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:g}s"]
    text = _output(cpu, "wrk", *options, f"http://127.0.0.1:{port}/")
    return _found(r"Requests/sec:\s+([0-9.]+)", text)


def _redis_benchmark(port: int, cpu: int | None, scratch: Path) -> float:
    del scratch
    options = ["-p", str(port), "-c", str(CONNECTIONS), "-n", str(int(SECONDS * 40_000)), "-q"]
    text = _output(cpu, "redis-benchmark", *options, "-t", "get,set", "-d", "64", "--csv")
    gets, sets = (_found(rf'"{name}","([0-9.]+)"', text) for name in ("GET", "SET"))
    return 1 / (GETS_OF_SETS / gets + (1 - GETS_OF_SETS) / sets)


def _c_client(port: int, cpu: int | None, scratch: Path) -> float:
    options = [str(port), str(CONNECTIONS), str(len("END\r\n")), str(SECONDS)]
    text = _output(cpu, str(scratch / "epoll_client"), *options, f"get {_KEY}\r\n")
    round_trips, seconds, _ = text.split()
    return int(round_trips) / float(seconds)


def _dnsperf(port: int, cpu: int | None, scratch: Path) -> float:
    queries = scratch / "queries.txt"
    queries.write_text("".join(f"host{at}.example.com A\n" for at in range(64)))
    options = ["-s", "127.0.0.1", "-p", str(port), "-d", str(queries), "-l", f"{SECONDS:g}"]
    text = _output(cpu, "dnsperf", *options, "-c", str(CONNECTIONS), "-T", "1")
    return _found(r"Queries per second:\s+([0-9.]+)", text)


PEERS = (
    Peer("nginx", "wrk", 1.0, _wrk, {"mix": {"get": 1.0}}),
    Peer("redis", "redis-benchmark", 1.0, _redis_benchmark),
    Peer("memcached", "", 1.0, _c_client, {"mix": {"get": 1.0}}),
    Peer("unbound over UDP", "dnsperf", 0.6, _dnsperf),
)


def _ours(server: Server, port: int, cpu: int | None, more: dict[str, Any]) -> list[Any]:
    spec = {
        "target": f"{server.scheme}://127.0.0.1:{port}",
        "protocol": server.protocol_name,
        "settings": server.settings,
        "users": [CONNECTIONS],
        "seconds": SECONDS,
        "warm_up_s": 1.0,
        **more,
    }
    output = _output(cpu, sys.executable, "-c", _LOAD, json.dumps(spec))
    found: list[Any] = json.loads(output)
    return found


@contextlib.contextmanager
def _on(cpu: int | None) -> Iterator[None]:
    """Have what is begun meanwhile run on a CPU."""
    before = os.sched_getaffinity(0)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Measure, print, write."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        scratch = Path(folder)
        for peer in PEERS:
            server = next(one for one in catalogue() if one.name == peer.server)
            name = peer.program or "a C client"
            if not is_installed(server) or (peer.program and program(peer.program) is None):
                _say(f"{peer.server}: left out, since it or {name} is not installed")
                continue
            if not peer.program:
                try:
                    compiled("epoll_client.c", folder)
                except RuntimeError as error:
                    _say(f"{peer.server}: left out, since {error}")
                    continue
            results[peer.server] = _compare(peer, server, name, scratch)
    path = write("peers", {"peers": results})
    _say(f"written to {path}")
    return 0


def _compare(peer: Peer, server: Server, name: str, scratch: Path) -> dict[str, Any]:
    server_cpu, cpu = two_cpus()
    with contextlib.ExitStack() as stack:
        with _on(server_cpu):
            port = stack.enter_context(running(server))
        theirs, ours, words, costs = [], [], [], []
        for _ in range(ROUNDS):
            theirs.append(peer.rate(port, cpu, scratch))
            per_s, word, cpu_s, requests = _ours(server, port, cpu, peer.spec)
            ours.append(per_s)
            words.append(word)
            costs.append(1e6 * cpu_s / requests)
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    met = "met" if ratio >= peer.goal else "missed"
    _say(
        f"{peer.server:18} {statistics.median(ours):9,.0f}/s verified, {name}"
        f" {statistics.median(theirs):9,.0f}/s: {ratio:.2f} (goal {peer.goal:g}, {met});"
        f" {statistics.median(costs):.1f} us of our CPU a request; {', '.join(sorted(set(words)))}"
    )
    return {
        "ours_per_s": spread(ours),
        "theirs_per_s": spread(theirs),
        "peer": name,
        "ratio": ratio,
        "goal": peer.goal,
        "client_cpu_us": statistics.median(costs),
        "words": words,
    }
