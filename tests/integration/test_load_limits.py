"""Loads that run into a limit, and the word that the result has for it.

WIREPROOF_EXTENDED=1 runs each limit ten times over each transport, and spoils one reply in 100,000
at the server's full speed; by default each limit runs once.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from tests.real_servers.gallery import Server, catalogue, is_installed, why_absent
from tests.real_servers.running import running as started
from tests.support.server_process import running
from tests.support.spoiling_server import serving
from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec
from wireproof.protocols.built_in.redis import command

_EXTENDED = bool(os.environ.get("WIREPROOF_EXTENDED"))
_RUNS = range(10 if _EXTENDED else 1)
_HOGS = 4

pytestmark = pytest.mark.quiet


@contextlib.contextmanager
def bound_to(cpus: set[int]) -> Iterator[None]:
    """Bind this process, and what it starts meanwhile, to CPUs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def hogs(count: int) -> Iterator[None]:
    """Have processes compute without end where this one runs."""
    command = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


_SLOW_JUDGE = """
import re, time
from hypothesis import strategies as st
from wireproof import Datagrams, RequestReply
from wireproof.protocols.replies import Judge

class Slow(RequestReply, Datagrams):
    '''An echo of 64 bytes, and a judge who takes his time.'''
    name = "slow"
    transports = frozenset({"tcp", "tls", "unix", "udp"})
    def requests(self):
        return st.binary(min_size=64, max_size=64)
    def reply_length(self, buffer):
        return 64 if len(buffer) >= 64 else None
    def expected(self, request):
        return Judge(lambda reply: burn() and reply == request, "the request")
    expected_datagram = expected
    def oracle(self):  # its own, so that no reply is known before it is judged
        return super().oracle()
    def datagram_oracle(self):
        return super().datagram_oracle()

def burn():
    ends = time.perf_counter() + 0.0005
    while time.perf_counter() < ends:
        pass
    return True
"""


def _word_of(run: int, **fields: Any) -> str:
    """Return the word that a load has for its limit; what it rests on is shown if a test fails."""
    spec = LoadSpec(
        **{"users": [20], "seconds": 1.5, "warm_up_s": 0.2, "protocol": "echo"} | fields
    )
    result = run_load(spec)
    assert result.failures == {}
    details = {name: of for name, of in result.details.items() if "generator" in name}
    print(run, result.bottleneck, result.throughput_per_s, details, result.details)  # noqa: T201
    busy = details["generator_cpu"] + details["generator_waiting_for_cpu"]
    assert busy <= 0.9 or details["generator_idle"] <= 0.1
    return result.bottleneck


_TRANSPORTS = ["tcp", "tls", "unix", "udp"]


@pytest.mark.parametrize("run", _RUNS)
@pytest.mark.parametrize("transport", _TRANSPORTS if _EXTENDED else ["unix"])
def test_a_server_without_a_cpu_to_spare_is_the_limit(transport: str, run: int, tmp_path: Path):
    """It works 2 ms on each request, one at a time: requests queue for it."""
    with serving(transport, tmp_path, work_s=0.002) as target:
        assert _word_of(run, target=target, payload="64") == "server"


@pytest.mark.parametrize("run", _RUNS)
@pytest.mark.parametrize("how", ["sleep_s", "flat_s"] if _EXTENDED else ["flat_s"])
@pytest.mark.parametrize("transport", ["tcp", "unix"] if _EXTENDED else ["tcp"])
def test_a_server_that_sleeps_is_the_limit(transport: str, how: str, run: int, tmp_path: Path):
    """It sleeps 1 ms on each request, alone or for all at a time, and has its CPU to spare."""
    with serving(transport, tmp_path, **{how: 0.001}) as target:
        users = [20] if how == "sleep_s" else [4]
        assert _word_of(run, target=target, users=users) == "server"


@pytest.mark.parametrize("run", _RUNS)
@pytest.mark.parametrize("transport", _TRANSPORTS if _EXTENDED else ["unix"])
def test_a_generator_whose_oracle_takes_all_its_time_is_the_limit(
    transport: str, run: int, tmp_path: Path
):
    """What the user's own judge costs is the generator's, and no sleep."""
    judge = tmp_path / "judge.py"
    judge.write_text(_SLOW_JUDGE)
    with serving(transport, tmp_path) as target:
        word = _word_of(
            run,
            target=target,
            protocol=f"{judge}:Slow",
            payload="any" if transport != "udp" else "",
        )
    assert word == "generator"


@pytest.mark.parametrize("run", _RUNS)
def test_a_core_that_both_share_is_the_limit(run: int):
    """With the server and the generator on one core, what either can do is not seen."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(bound_to({min(os.sched_getaffinity(0))}))
        server = stack.enter_context(running("--port", "0", "--workers", "1"))
        word = _word_of(run, target=server.targets[0], protocol="timestamp-echo", users=[50])
    assert word == "shared core"


@pytest.mark.parametrize("run", _RUNS)
def test_a_rate_that_is_kept_tells_of_no_limit(run: int, tmp_path: Path):
    """At 200 requests/s nobody is at his limit."""
    with serving("tcp", tmp_path) as target:
        assert _word_of(run, target=target, rate_per_s=200.0) == "undetermined"


@pytest.mark.skipif(not _EXTENDED, reason="needs a quiet machine: WIREPROOF_EXTENDED=1")
@pytest.mark.parametrize("run", _RUNS)
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs a CPU for each side")
def test_a_generator_that_others_starve_is_the_limit(run: int):
    """A generator with a fifth of a CPU is named as what limits a server with one of its own."""
    ours, theirs = sorted(os.sched_getaffinity(0))[:2]
    with contextlib.ExitStack() as stack:
        with bound_to({theirs}):
            server = stack.enter_context(running("--port", "0", "--workers", "1"))
        stack.enter_context(bound_to({ours}))
        stack.enter_context(hogs(_HOGS))
        word = _word_of(run, target=server.targets[0], protocol="timestamp-echo", users=[50])
    assert word == "generator"


def _real(name: str) -> Server:
    (found,) = (each for each in catalogue() if each.name == name)
    if not is_installed(found):
        pytest.skip(f"{name} is left out: {why_absent(found)}")
    return found


@pytest.mark.skipif(not _EXTENDED, reason="needs a quiet machine: WIREPROOF_EXTENDED=1")
@pytest.mark.parametrize("run", _RUNS)
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs a CPU for each side")
def test_redis_is_the_limit_of_big_ranges(run: int, tmp_path: Path):
    """Ranges of a thousand values, each connection its own list: they cost the server alone."""
    values = [b"%032d" % number for number in range(1000)]
    key = b"wp00000000big"
    ranges = [command(b"LRANGE", key, b"0", b"-1")] * 6
    requests = [command(b"DEL", key), command(b"RPUSH", key, *values), *ranges]
    written = tmp_path / "requests"
    written.write_bytes(b"".join(len(each).to_bytes(4) + each for each in requests))
    ours, theirs = sorted(os.sched_getaffinity(0))[:2]
    with contextlib.ExitStack() as stack:
        with bound_to({theirs}):
            port = stack.enter_context(started(_real("redis")))
        stack.enter_context(bound_to({ours}))
        word = _word_of(
            run,
            target=f"tcp://127.0.0.1:{port}",
            protocol="redis",
            requests_file=str(written),
            requests_as="u32",
            warm_up_s=2.0,  # in which the oracle, slow with a thousand values, gets to know them
        )
    assert word == "server"


@pytest.mark.skipif(not _EXTENDED, reason="needs a quiet machine: WIREPROOF_EXTENDED=1")
@pytest.mark.parametrize("run", _RUNS)
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs CPUs for each side")
def test_memcached_with_one_thread_is_the_limit(run: int):
    """Of two load processes with a CPU each; of one that pipelines, where there are two CPUs."""
    server = _real("memcached")
    server = structs.replace(server, start=(*server.start, "-t", "1"))
    theirs, *ours = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        with bound_to({theirs}):
            port = stack.enter_context(started(server))
        stack.enter_context(bound_to(set(ours[:2])))
        word = _word_of(
            run,
            target=f"tcp://127.0.0.1:{port}",
            protocol="memcached",
            processes=min(2, len(ours)),
            pipeline=1 if len(ours) > 1 else 32,
            users=[50],
            warm_up_s=2.0,
        )
    assert word == "server"


@pytest.mark.skipif(not _EXTENDED, reason="WIREPROOF_EXTENDED=1 sends 400,000 requests")
def test_one_spoiled_reply_in_a_hundred_thousand_is_found_and_shown(tmp_path: Path):
    """At full load each of the few spoiled replies is counted once, with its bytes."""
    one_in = 100_000
    with serving("tcp", tmp_path, spoil_one_in=one_in) as target:
        spec = LoadSpec(
            target=target, protocol="echo", users=[50], seconds=40.0, warm_up_s=0.0, pipeline=1
        )
        result = run_load(spec)
    warming_up = result.details.get("failures_while_warming_up", {})
    spoiled = result.failures.get("wrong reply", 0) + warming_up.get("wrong reply", 0)
    assert result.requests > 2 * one_in
    assert result.failures.keys() | warming_up.keys() == {"wrong reply"}
    assert spoiled in {result.requests // one_in, result.requests // one_in + 1}
    assert "SPOILED" in result.details["samples"][0]["actual"]
