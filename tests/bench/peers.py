"""Load generators beside each other, on real servers: requests per second, ours all verified.

One thread and one CPU for each side, 50 connections, each pair in turn and again: `wrk` on nginx,
`redis-benchmark` on redis (gets and sets as 80 to 20), `dnsperf` on unbound over UDP, `pgbench` on
PostgreSQL (simple protocol), `loadtest` of npm on a WebSocket server in Node, and a C
client of ours, which compares nothing, on memcached, on a line server in C, and on the C server of
timestamp-echo with 16 requests of 1,000 bytes in one go. What is not ours are packages; a
server or a peer that is not installed is left out and said so. Ratios are the medians of those
within a round, of requests a second and of the client's CPU for each. `BENCH_ROUNDS` and
`BENCH_SECONDS` say how much is measured, `BENCH_PEERS` of which servers, with semicolons between
them, each by a part of its name.
The goals are no floors: a ratio below one is told, and is no failure on a machine that others use
as well.
"""

import contextlib
import os
import re
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import structs

from tests.bench.loads import load
from tests.bench.machine import compiled, pinned, spread, two_cpus, write
from tests.real_servers.gallery import catalogue, is_installed, program
from tests.real_servers.running import running
from wireproof.protocols.built_in.line_echo import LineEcho

ROUNDS = max(2, int(os.environ.get("BENCH_ROUNDS", "5")))
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
PARTS = [one.strip() for one in os.environ.get("BENCH_PEERS", "").split(";")]
CONNECTIONS = 50
GETS_OF_SETS = 0.8
_KEY = "wp00000000"
_LINE = LineEcho().sized_request(64) or b""
_SIZE, _AT_ONCE = 1000, 16
_TEXT = "wireproof" * 7

Rate = Callable[[int, int | None, Path], tuple[float, float]]
"""Loads a port from a CPU, with a folder; returns requests per second, and how many there were."""


@dataclass(frozen=True)
class Peer:
    """A pair to compare.

    Attributes:
        server: its name in the gallery, or one of ours.
        program: of the other generator; empty for our C client.
        goal: how many times as fast ours is to be.
        rate: runs the other.
        spec: what ours is told besides.
        options: of the gallery's server, besides its own.
        own: starts a server of ours, from a folder, and is what to run.
        bytes_down: of a reply, where MB/s are told.

    """

    server: str
    program: str
    goal: float
    rate: Rate
    spec: dict[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    own: Callable[[Path], list[str]] | None = None
    bytes_down: int = 0


def _output(cpu: int | None, *command: str) -> str:
    done = subprocess.run(pinned(cpu, command), capture_output=True, text=True, check=True)
    return done.stdout


def _found(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no figure in {text[-300:]!r}")
    return float(found[1])


def _wrk(port: int, cpu: int | None, scratch: Path) -> tuple[float, float]:
    del scratch
    seconds = round(SECONDS) or 1
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    text = _output(cpu, "wrk", *options, f"http://127.0.0.1:{port}/")
    per_s = _found(r"Requests/sec:\s+([0-9.]+)", text)
    return per_s, per_s * seconds


def _redis_benchmark(port: int, cpu: int | None, scratch: Path) -> tuple[float, float]:
    del scratch
    each = int(SECONDS * 40_000)
    options = ["-p", str(port), "-c", str(CONNECTIONS), "-n", str(each), "-q"]
    text = _output(cpu, "redis-benchmark", *options, "-t", "get,set", "-d", "64", "--csv")
    gets, sets = (_found(rf'"{name}","([0-9.]+)"', text) for name in ("GET", "SET"))
    return 1 / (GETS_OF_SETS / gets + (1 - GETS_OF_SETS) / sets), 2 * each


def _c_client(*what: str, times: int = 1) -> Rate:
    """Have the C client go round with a number of bytes, and a request if it is not those."""

    def rate(port: int, cpu: int | None, scratch: Path) -> tuple[float, float]:
        size, *request = what
        command = [str(scratch / "epoll_client"), str(port), str(CONNECTIONS), size, str(SECONDS)]
        round_trips, seconds, every = _output(cpu, *command, *request).split()
        return times * int(round_trips) / float(seconds), times * int(every)

    return rate


def _line_server(scratch: Path) -> list[str]:
    script = scratch / "lines"
    script.write_bytes(struct.pack("=IiIII", 0, 0, len(_LINE), len(_LINE), 0) + 2 * _LINE)
    return [str(compiled("canned_server.c", str(scratch))), str(script)]


def _echo_server(scratch: Path) -> list[str]:
    return [str(compiled("epoll_server.c", str(scratch)))]


def _dnsperf(port: int, cpu: int | None, scratch: Path) -> tuple[float, float]:
    queries = scratch / "queries.txt"
    queries.write_text("".join(f"host{at}.example.com A\n" for at in range(64)))
    options = ["-s", "127.0.0.1", "-p", str(port), "-d", str(queries), "-l", f"{SECONDS:g}"]
    text = _output(cpu, "dnsperf", *options, "-c", str(CONNECTIONS), "-T", "1")
    per_s = _found(r"Queries per second:\s+([0-9.]+)", text)
    return per_s, per_s * SECONDS


def _pgbench(port: int, cpu: int | None, scratch: Path) -> tuple[float, float]:
    script = scratch / "select.sql"
    script.write_text(f"SELECT '{_TEXT}'::text AS c0;\n")
    seconds = round(SECONDS) or 1
    where = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "postgres"]
    options = ["-n", "-M", "simple", "-c", str(CONNECTIONS), "-j", "1", "-T", str(seconds)]
    text = _output(cpu, "pgbench", *options, "-f", str(script), *where)
    per_s = _found(r"tps = ([0-9.]+) \(without", text)
    return per_s, per_s * seconds


def _loadtest(port: int, cpu: int | None, scratch: Path) -> tuple[float, float]:
    del scratch
    seconds = round(SECONDS) or 1
    options = ["-c", str(CONNECTIONS), "-t", str(seconds), "--cores", "1"]
    text = _output(cpu, "loadtest", *options, f"ws://127.0.0.1:{port}/")
    per_s = _found(r"Effective rps:\s+([0-9.]+)", text)
    return per_s, per_s * seconds


PEERS = (
    Peer("nginx", "wrk", 1.0, _wrk, {"mix": {"get": 1.0}}),
    Peer("redis", "redis-benchmark", 1.0, _redis_benchmark),
    Peer(
        "memcached",
        "",
        1.0,
        _c_client("5", f"get {_KEY}\r\n"),
        {"mix": {"get": 1.0}},
        ("-t", "1"),  # of four threads on one CPU, what is measured is how they take turns
    ),
    Peer("unbound over UDP", "dnsperf", 0.6, _dnsperf),
    Peer("PostgreSQL", "pgbench", 1.0, _pgbench, {"mix": {"simple": 1.0}}),
    Peer("ws 8.23.0", "loadtest", 1.0, _loadtest, {"mix": {"text": 1.0}}),
    Peer(
        "lines in C",
        "",
        1.0,
        _c_client(str(len(_LINE)), _LINE.decode()),
        {"protocol": "line-echo"},
        own=_line_server,
    ),
    Peer(
        "1,000 B, 16 at once",
        "",
        0.9,
        _c_client(str(_AT_ONCE * _SIZE), times=_AT_ONCE),
        {"protocol": "timestamp-echo", "payload": str(_SIZE), "pipeline": _AT_ONCE},
        own=_echo_server,
        bytes_down=_SIZE + len("[Mon Nov 23 14:41:16 2026] "),
    ),
)


@contextlib.contextmanager
def _served(peer: Peer, scratch: Path) -> Iterator[dict[str, Any]]:
    """Start the server; yields what a load has to be told of it."""
    if peer.own is None:
        server = next(one for one in catalogue() if one.name == peer.server)
        with running(structs.replace(server, start=(*server.start, *peer.options))) as port:
            yield {
                "target": f"{server.scheme}://127.0.0.1:{port}",
                "protocol": server.protocol_name,
                "settings": server.settings,
            }
        return
    with subprocess.Popen(peer.own(scratch), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield {"target": process.stdout.readline().removeprefix("listening on ").strip()}
        finally:
            process.kill()


@contextlib.contextmanager
def on_cpu(cpu: int | None) -> Iterator[None]:
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
    chosen = [peer for peer in PEERS if any(one in peer.server for one in PARTS)]
    if not chosen:
        _say(f"BENCH_PEERS names none of: {'; '.join(peer.server for peer in PEERS)}")
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        scratch = Path(folder)
        for peer in chosen:
            lacking = _lacking(peer, folder)
            if lacking:
                _say(f"{peer.server}: left out, since {lacking}")
                continue
            results[peer.server] = _compare(peer, scratch)
    path = write("peers", {"peers": results})
    _say(f"written to {path}")
    return 0


def _lacking(peer: Peer, folder: str) -> str:
    """Return what stands against it."""
    if peer.own is None:
        server = next(one for one in catalogue() if one.name == peer.server)
        if not is_installed(server):
            return f"{server.name} is not installed"
    if peer.program:
        return "" if program(peer.program) else f"{peer.program} is not installed"
    try:
        compiled("epoll_client.c", folder)
    except RuntimeError as error:
        return str(error)
    return ""


def _compare(peer: Peer, scratch: Path) -> dict[str, Any]:
    server_cpu, cpu = two_cpus()
    with contextlib.ExitStack() as stack:
        with on_cpu(server_cpu):
            told = stack.enter_context(_served(peer, scratch))
        port = int(told["target"].rpartition(":")[2])
        spec = {**told, "users": [CONNECTIONS], "seconds": SECONDS, "warm_up_s": 1.0, **peer.spec}
        theirs, their_us, ours = [], [], []
        for _ in range(ROUNDS):
            began_s = _children_s()
            other_per_s, requests = peer.rate(port, cpu, scratch)
            theirs.append(other_per_s)
            their_us.append(1e6 * (_children_s() - began_s) / requests)
            ours.append(load(cpu, spec))
    per_s = [one.per_s for one in ours]
    ratio = statistics.median(one / other for one, other in zip(per_s, theirs, strict=True))
    of_cpu = statistics.median(
        other / one.cpu_us for one, other in zip(ours, their_us, strict=True)
    )
    met = "met" if ratio >= peer.goal else "missed"
    name = peer.program or "a C client"
    down = f", {statistics.median(per_s) * peer.bytes_down / 1e6:.0f} MB/s" * bool(peer.bytes_down)
    _say(
        f"{peer.server:19} {statistics.median(per_s):9,.0f}/s verified{down}, {name}"
        f" {statistics.median(theirs):9,.0f}/s: {ratio:.2f} (goal {peer.goal:g}, {met});"
        f" {statistics.median(one.cpu_us for one in ours):.2f} us of our CPU a request,"
        f" {statistics.median(their_us):.2f} of theirs: {of_cpu:.2f};"
        f" {', '.join(sorted({one.bottleneck for one in ours}))}"
    )
    return {
        "ours_per_s": spread(per_s),
        "theirs_per_s": spread(theirs),
        "peer": name,
        "ratio": ratio,
        "goal": peer.goal,
        "client_cpu_us": statistics.median(one.cpu_us for one in ours),
        "their_cpu_us": statistics.median(their_us),
        "ratio_of_cpu": of_cpu,
        "words": [one.bottleneck for one in ours],
    }


def _children_s() -> float:
    """Return the CPU time of those processes of ours that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
