"""Confirmed one-byte segments: how many a second, whether each was read alone, a whole check.

The reference server answers each read with one frame, so the frames that come back count its reads,
and acknowledge them. The other server answers each request of ten bytes with how many reads it
took: amid a request it has answered before and merely reads, so that its kernel delays the
acknowledgement by 40 ms.
"""

import re
import sys
import time
from collections.abc import Callable

from hypothesis import strategies as st

from tests.bench.machine import HERE, ROOT, spread, write
from tests.bench.server import start
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import Executor, Outcome, open_diag
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import AwaitEnd, HalfClose
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.protocols.framing import delimited
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.request_reply import RequestReply
from wireproof.target import parse_target, resolve
from wireproof.wire.reference import ReferenceServer

SEGMENTS = 30_000
REQUEST_BYTES = 10
ROUNDS = 5
SEGMENTS_FLOOR_PER_S = 20_000
CHECK_CEILINGS_S = {"quick": 3.0, "default": 20.0}
PLANS_FLOOR = 2_000


class Counted(RequestReply):
    """Requests of one size, each answered with how many reads it took."""

    name = "counted"

    def requests(self) -> st.SearchStrategy[bytes]:
        """The only one."""
        return st.just(b"x" * REQUEST_BYTES)

    def reply_length(self, buffer: bytearray) -> int | None:
        """To the end of the line."""
        return delimited(buffer, b"\n")

    def expected(self, request: bytes) -> re.Pattern[bytes]:
        """Any count: it is the figure, not the verdict."""
        del request
        return re.compile(rb"\d+\n")


def main() -> int:
    """Measure, print, and compare with the floors."""
    missed = False
    result: dict[str, object] = {}
    for name, measure in (("answered each", _answered_each), ("answered before", _answered_before)):
        rates, alone = measure()
        rate = spread(rates)
        missed |= rate["median"] < SEGMENTS_FLOOR_PER_S or min(alone) < SEGMENTS
        _say(
            f"confirmed one-byte segments, {name:15}  {rate['median']:,.0f}/s "
            f"({rate['low']:,.0f} - {rate['high']:,.0f}), floor {SEGMENTS_FLOOR_PER_S:,};"
            f" read alone: {min(alone):,} of {SEGMENTS:,}"
        )
        result[name] = {"per_s": rate, "read_alone": alone}
    checks = {}
    for depth, ceiling_s in CHECK_CEILINGS_S.items():
        seconds, plans = _check(depth)
        checks[depth] = {"seconds": seconds, "plans": plans}
        missed |= seconds > ceiling_s or (depth == "default" and plans < PLANS_FLOOR)
        _say(f"check --depth {depth:8} {seconds:5.1f} s (at most {ceiling_s:g}), {plans:,} plans")
    path = write("segments", {**result, "checks": checks})
    _say(f"written to {path.relative_to(ROOT)}")
    return 1 if missed else 0


def _answered_each() -> tuple[list[float], list[int]]:
    """Return segments a second and segments read alone, one of each a round."""
    plan = single([b"x" * SEGMENTS], range(SEGMENTS), ending=(HalfClose, AwaitEnd))
    with ReferenceServer("--workers", "1") as server:
        target = resolve(parse_target(server.target))[0]
        executor = Executor(target, find_protocol("timestamp-echo"), open_diag())
        return _rounds(lambda: executor.execute(plan), lambda received: received.count(b"["))


def _answered_before() -> tuple[list[float], list[int]]:
    """Return the same of a server that has answered, and amid a request merely reads."""
    requests = [b"x" * REQUEST_BYTES] * (SEGMENTS // REQUEST_BYTES)
    plan = single(requests, range(SEGMENTS))
    command = [sys.executable, str(HERE / "servers.py"), f"counting {REQUEST_BYTES}"]
    server = start("counting", command, None)
    try:
        target = resolve(parse_target(f"tcp://127.0.0.1:{server.port}"))[0]
        executor = Executor(target, Counted(), open_diag())
        return _rounds(
            lambda: executor.execute(plan), lambda received: sum(map(int, received.split()))
        )
    finally:
        server.process.kill()
        server.process.wait()


def _rounds(
    execute: Callable[[], Outcome], reads_told_by: Callable[[bytes], int]
) -> tuple[list[float], list[int]]:
    rates, alone = [], []
    for _ in range(ROUNDS):
        begun_s = time.perf_counter()
        outcome = execute()
        rates.append(SEGMENTS / (time.perf_counter() - begun_s))
        if outcome.failure is not None:
            raise AssertionError(outcome.failure.message)
        received = [event.data for event in outcome.transcript.events if event.kind == "receive"]
        alone.append(reads_told_by(b"".join(received)))
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
