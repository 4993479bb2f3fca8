"""Loads that run into a limit, and the word that the result has for it.

WIREPROOF_EXTENDED=1 runs each side ten times, and spoils one reply in 100,000 at the server's full
speed; by default the slow server runs once.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server_process import running
from tests.support.spoiling_server import serving
from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec

_EXTENDED = bool(os.environ.get("WIREPROOF_EXTENDED"))
_RUNS = range(10 if _EXTENDED else 1)
_HOGS = 4


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


@pytest.mark.parametrize("run", _RUNS)
def test_a_slow_server_is_the_bottleneck(run: int, tmp_path: Path):
    """A server that works 2 ms on each request, one at a time, is named as what limits."""
    with serving("tcp", tmp_path, work_s=0.002) as target:
        spec = LoadSpec(target=target, protocol="echo", users=[20], seconds=1.5, warm_up_s=0.2)
        result = run_load(spec)
    assert result.failures == {}
    assert result.bottleneck == "server", (run, result.details)


@pytest.mark.skipif(not _EXTENDED, reason="needs a quiet machine: WIREPROOF_EXTENDED=1")
@pytest.mark.parametrize("run", _RUNS)
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs a CPU for each side")
def test_a_slow_generator_is_the_bottleneck(run: int):
    """A generator with a fifth of a CPU is named as what limits a server with one of its own."""
    ours, theirs = sorted(os.sched_getaffinity(0))[:2]
    with contextlib.ExitStack() as stack:
        with bound_to({theirs}):
            server = stack.enter_context(running("--port", "0", "--workers", "1"))
        stack.enter_context(bound_to({ours}))
        stack.enter_context(hogs(_HOGS))
        spec = LoadSpec(target=server.targets[0], users=[50], seconds=2.0, warm_up_s=0.2)
        result = run_load(spec)
    assert result.failures == {}
    assert result.bottleneck == "generator", (run, result.details)


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
