"""Check and load again and again beside one long load, with all processes measured after each.

What grows by a little with each round is a leak. Two things grow that are none, and each has its
place. Hypothesis keeps what it has made of the strategies that it met, up to a thousand: some ten
megabytes that come with the first fifty checks, so a hundred and fifty go before the first round.
And a load keeps its seconds, which its series shows, and the accept queue's samples: that is
bounded for each second of a run.
"""

import dataclasses
import os
import tempfile
import threading
import time
from pathlib import Path

from tests.soak.long_load import LongLoad, long_load
from tests.soak.processes import SoakError, descriptors, resident_bytes, say, settled_descriptors
from tests.soak.trends import trend
from tests.support.server_process import Running
from wireproof.conformance.session import CheckSpec, run_check
from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec
from wireproof.protocols.loading.registry import find_protocol
from wireproof.reporting.terminal.progress import CheckProgress
from wireproof.target import parse_target, resolve

PERIOD_S = 20.0
REQUIREMENTS = ("SEG-SINGLE", "FRAME-EXACT", "RESET-MID", "CLOSE-HALF", "ISO-REPLIES")
WARM_UP_CHECKS = 150
WARM_UP_ROUNDS = 3  # of the long load, whose processes start with the rounds
FEWEST_ROUNDS = WARM_UP_ROUNDS + 6
KEPT_FOR_A_SECOND_BYTES = 5000


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What was measured after one round."""

    at_s: float
    harness_memory_bytes: float
    harness_descriptors: float
    load_memory_bytes: float
    load_descriptors: float
    server_memory_bytes: float
    server_descriptors: float
    latency_p50_us: float
    latency_p99_us: float


BOUND_PER_HOUR = {
    "harness_memory_bytes": 1e6,
    "harness_descriptors": 1.0,
    "load_memory_bytes": 3600.0 * KEPT_FOR_A_SECOND_BYTES,
    "load_descriptors": 1.0,
    "server_memory_bytes": 1e6,
    "server_descriptors": 1.0,
}
"""Latency is told but fails nothing: the machine may be busy."""


def check(server: Running, number: int) -> None:
    """A few requirements, in this process; all must pass."""
    spec = CheckSpec(
        protocol=find_protocol("timestamp-echo", {}),
        protocol_name="timestamp-echo",
        settings={},
        depth="quick",
        seed=number,
        only=REQUIREMENTS,
        skip=(),
        time_budget_s=60,
    )
    target = resolve(parse_target(server.targets[0]))[0]
    with tempfile.TemporaryDirectory() as folder:
        checked, _ = run_check(target, spec, Path(folder), CheckProgress(enabled=False))
    verdicts = {one.id: one.verdict for one in checked.requirements}
    if set(verdicts.values()) != {"PASS"}:
        raise SoakError(f"check {number}: {verdicts}")


def load(server: Running, number: int) -> tuple[float, float]:
    """Three seconds of load; p50 and p99 of its service latency in microseconds."""
    spec = LoadSpec(target=server.targets[0], users=[20], seconds=3, rate_per_s=500.0)
    loaded = run_load(spec)
    if loaded.failures or not loaded.requests:
        raise SoakError(f"load {number}: {loaded.requests} requests, {loaded.failures}")
    service = loaded.latency_us["service"]
    return service.p50, service.p99


def measure(server: Running, beside: LongLoad, at_s: float, latency: tuple[float, float]) -> Sample:
    """What harness (this process), the long load and the server hold."""
    own, loading = [os.getpid()], beside.pids()
    serving = [server.process.pid, *server.children()]
    return Sample(
        at_s,
        resident_bytes(own),
        descriptors(own),
        resident_bytes(loading),
        descriptors(loading),
        resident_bytes(serving),
        settled_descriptors(serving),
        *latency,
    )


def tell(samples: list[Sample]) -> None:
    """Print each trend; an error if memory or descriptors have one upwards."""
    say(f"{len(samples)} rounds; medians of the first and the last third, and the trend:")
    at_s = [sample.at_s for sample in samples]
    growing = []
    for field in dataclasses.fields(Sample)[1:]:
        found = trend(at_s, [getattr(sample, field.name) for sample in samples])
        bound = BOUND_PER_HOUR.get(field.name)
        allowed = "" if bound is None else f", at most {bound:.0f}"
        say(
            f"  {field.name:<22} {found.first:12.0f} {found.last:12.0f}  "
            f"{found.per_hour:+12.0f} an hour{allowed}  noise {found.noise:.0f}"
        )
        if bound is not None and found.is_growing(bound):
            growing.append(field.name)
    if growing:
        raise SoakError(f"growing: {', '.join(growing)}")


def go_round(server: Running, minutes: float) -> None:
    """Warm up; rounds for so long, one each `PERIOD_S`; then the trends."""
    for number in range(WARM_UP_CHECKS):
        check(server, number)
    pause = threading.Event()
    samples: list[Sample] = []
    with long_load(server) as beside:
        started_s = time.monotonic()
        while time.monotonic() < started_s + 60 * minutes or len(samples) < FEWEST_ROUNDS:
            due_s = started_s + PERIOD_S * len(samples)
            pause.wait(max(0.0, due_s - time.monotonic()))
            check(server, WARM_UP_CHECKS + len(samples))
            latency = load(server, len(samples))
            samples.append(measure(server, beside, time.monotonic() - started_s, latency))
            if len(samples) % 10 == 1:
                say(f"  round {len(samples)}: {samples[-1]}")
    tell(samples[WARM_UP_ROUNDS:])
