"""Confirmed one-byte segments: how many a second, whether each was read alone, a whole check.

The reference server answers each read with one frame, so the frames that come back count its reads.
"""

import sys
import time

from tests.bench.machine import ROOT, spread, write
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import Executor, open_diag
from wireproof.conformance.plans.plan import AwaitEnd, HalfClose, single
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.protocols.loading.registry import find_protocol
from wireproof.target import parse_target, resolve
from wireproof.wire.reference import ReferenceServer

SEGMENTS = 30_000
ROUNDS = 5
SEGMENTS_FLOOR_PER_S = 20_000
CHECK_CEILINGS_S = {"quick": 3.0, "default": 20.0}
PLANS_FLOOR = 2_000


def main() -> int:
    """Measure, print, and compare with the floors."""
    missed = False
    rates, alone = _segments()
    rate = spread(rates)
    missed |= rate["median"] < SEGMENTS_FLOOR_PER_S or min(alone) < SEGMENTS
    _say(
        f"confirmed one-byte segments  {rate['median']:,.0f}/s "
        f"({rate['low']:,.0f} - {rate['high']:,.0f}), floor {SEGMENTS_FLOOR_PER_S:,};"
        f" read alone: {min(alone):,} of {SEGMENTS:,}"
    )
    checks = {}
    for depth, ceiling_s in CHECK_CEILINGS_S.items():
        seconds, plans = _check(depth)
        checks[depth] = {"seconds": seconds, "plans": plans}
        missed |= seconds > ceiling_s or (depth == "default" and plans < PLANS_FLOOR)
        _say(f"check --depth {depth:8} {seconds:5.1f} s (at most {ceiling_s:g}), {plans:,} plans")
    result = {"per_s": rate, "read_alone": alone, "checks": checks}
    path = write("segments", result)
    _say(f"written to {path.relative_to(ROOT)}")
    return 1 if missed else 0


def _segments() -> tuple[list[float], list[int]]:
    """Return segments a second and segments read alone, one of each a round."""
    rates, alone = [], []
    plan = single([b"x" * SEGMENTS], range(SEGMENTS), ending=(HalfClose, AwaitEnd))
    with ReferenceServer("--workers", "1") as server:
        target = resolve(parse_target(server.target))[0]
        executor = Executor(target, find_protocol("timestamp-echo"), open_diag())
        for _ in range(ROUNDS):
            begun_s = time.perf_counter()
            outcome = executor.execute(plan)
            rates.append(SEGMENTS / (time.perf_counter() - begun_s))
            received = b"".join(
                event.data for event in outcome.transcript.events if event.kind == "receive"
            )
            alone.append(received.count(b"["))
            if outcome.failure is not None:
                raise AssertionError(outcome.failure.message)
    return rates, alone


def _check(depth: str) -> tuple[float, int]:
    """Return how long a check of the reference server takes, and its distinct plans."""
    protocol = find_protocol("timestamp-echo")
    with ReferenceServer() as server:
        target = resolve(parse_target(server.target))[0]
        begun_s = time.perf_counter()
        runner = Runner(target, protocol, DEPTHS[depth], seed=0, diag=open_diag())
        for judged in runner.judge(catalogue_for(protocol)):
            if judged.finding is not None:
                raise AssertionError(judged.result.message)
        return time.perf_counter() - begun_s, runner.executor.distinct


def _say(line: str) -> None:
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()
