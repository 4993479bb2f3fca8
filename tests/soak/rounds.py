"""Check and load again and again, with harness and server measured after each round.

What grows by a little with each round is a leak. The first quarter of the rounds warms caches and
allocators; the trend is that of the rest: the line of Theil and Sen (the median of the slopes
between all pairs), which a few odd samples do not move. It counts as a trend when what it makes
over the whole stretch is more than noise (twice the median distance from the line) and more than
a twentieth of the value itself.
"""

import dataclasses
import os
import statistics
import tempfile
import threading
import time
from itertools import combinations
from pathlib import Path

from harness.conformance.session import CheckPlan, run_check
from harness.load.launch import run_load
from harness.load.plan import LoadPlan
from harness.protocols.registry import find_protocol
from harness.reporting.progress import CheckProgress
from harness.target import parse_target, resolve
from tests.server_process import Running
from tests.soak.processes import SoakError, descriptors, resident_bytes, say, settled_descriptors

PERIOD_S = 20.0
REQUIREMENTS = ("SEG-SINGLE", "FRAME-EXACT", "RESET-MID", "CLOSE-HALF", "ISO-REPLIES")
FEWEST_ROUNDS = 8
_SHARE_OF_VALUE = 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What was measured after one round. Memory is the proportional set size."""

    at_s: float
    harness_memory_bytes: float
    harness_descriptors: float
    server_memory_bytes: float
    server_descriptors: float
    latency_p50_us: float
    latency_p99_us: float


MUST_STAY = (
    "harness_memory_bytes",
    "harness_descriptors",
    "server_memory_bytes",
    "server_descriptors",
)
"""Latency is told but fails nothing: the machine may be busy."""


@dataclasses.dataclass(frozen=True, slots=True)
class Trend:
    """How a value went.

    Attributes:
        median: of the samples.
        per_hour: the slope.
        change: what the slope makes over the whole stretch.
        noise: the median distance of a sample from the line.

    """

    median: float
    per_hour: float
    change: float
    noise: float

    @property
    def word(self) -> str:
        """Flat is within the noise; what is small all the same is not called so."""
        if abs(self.change) <= 2 * self.noise:
            return "flat"
        return "small, but above the noise" if self.is_tolerable else "NOT FLAT"

    @property
    def is_tolerable(self) -> bool:
        """Whether the change is within the noise, or small."""
        return abs(self.change) <= max(2 * self.noise, _SHARE_OF_VALUE * self.median)


def trend(at_s: list[float], values: list[float]) -> Trend:
    """The line of Theil and Sen through the samples."""
    samples = list(zip(at_s, values, strict=True))
    slope = statistics.median(
        (later - earlier) / (then_s - first_s)
        for (first_s, earlier), (then_s, later) in combinations(samples, 2)
    )
    levels = [value - slope * when_s for when_s, value in samples]
    level = statistics.median(levels)
    return Trend(
        median=statistics.median(values),
        per_hour=slope * 3600,
        change=slope * (at_s[-1] - at_s[0]),
        noise=statistics.median(abs(one - level) for one in levels),
    )


def one_round(server: Running, number: int) -> tuple[float, float]:
    """Check, then load; p50 and p99 of the load's service latency in microseconds."""
    protocol = find_protocol("timestamp-echo", {})
    plan = CheckPlan(
        protocol=protocol,
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
        checked, _ = run_check(target, plan, Path(folder), CheckProgress(enabled=False))
    verdicts = {one.id: one.verdict for one in checked.requirements}
    if set(verdicts.values()) != {"PASS"}:
        raise SoakError(f"round {number}: {verdicts}")
    load = LoadPlan(target=server.targets[0], users=[20], seconds=3, rate_per_s=500.0)
    loaded = run_load(load)
    if loaded.failures or not loaded.requests:
        raise SoakError(f"round {number}: {loaded.requests} requests, {loaded.failures}")
    service = loaded.latency_us["service"]
    return service.p50, service.p99


def measure(server: Running, started_s: float, latency_us: tuple[float, float]) -> Sample:
    """What harness (this process) and server hold, once the round's connections have gone."""
    pids = [server.process.pid, *server.children()]
    own = [os.getpid()]
    return Sample(
        time.monotonic() - started_s,
        resident_bytes(own),
        descriptors(own),
        resident_bytes(pids),
        settled_descriptors(pids),
        *latency_us,
    )


def tell(samples: list[Sample]) -> None:
    """Print each trend; an error if memory or descriptors have one upwards."""
    later = samples[len(samples) // 4 :]
    say(f"trend of the last {len(later)} of {len(samples)} rounds:")
    at_s = [sample.at_s for sample in later]
    growing = []
    for field in dataclasses.fields(Sample)[1:]:
        found = trend(at_s, [getattr(sample, field.name) for sample in later])
        say(
            f"  {field.name:<22} median {found.median:12.0f}  {found.per_hour:+12.1f} an hour  "
            f"noise {found.noise:10.1f}  {found.word}"
        )
        if field.name in MUST_STAY and not found.is_tolerable and found.change > 0:
            growing.append(field.name)
    if growing:
        raise SoakError(f"growing: {', '.join(growing)}")


def go_round(server: Running, minutes: float) -> None:
    """Rounds for so long, one each `PERIOD_S`; then the trends."""
    started_s = time.monotonic()
    pause = threading.Event()
    samples: list[Sample] = []
    while time.monotonic() < started_s + 60 * minutes or len(samples) < FEWEST_ROUNDS:
        due_s = started_s + PERIOD_S * len(samples)
        pause.wait(max(0.0, due_s - time.monotonic()))
        latency_us = one_round(server, len(samples))
        samples.append(measure(server, started_s, latency_us))
        if len(samples) % 10 == 1:
            say(f"  round {len(samples)}: {samples[-1]}")
    tell(samples)
