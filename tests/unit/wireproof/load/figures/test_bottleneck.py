"""The bottleneck's word, from figures as they are measured."""

import pytest

from wireproof.histogram import Histogram
from wireproof.load.figures.bottleneck import Evidence, judge

QUEUED = {"wire": Histogram.of([20] * 10 + [400] * 990), "service": Histogram.of([410] * 1000)}
FLAT = {"wire": Histogram.of([1000] * 1000), "service": Histogram.of([1010] * 1000)}


def evidence(*, service_us: float, lag_us: float, idle: float, waiting: float = 0.0) -> Evidence:
    """Return ten seconds of a worker with 1000 timestamped replies of that latency."""
    return Evidence(
        worker_s=10.0,
        cpu_s=10 * (1 - idle),
        waiting_for_cpu_s=10 * waiting,
        idle_s=10 * idle,
        stamped=1000,
        service_us=1000 * service_us,
        lag_us=1000 * lag_us,
    )


@pytest.mark.parametrize(
    ("found", "histograms", "users", "word"),
    [
        # 50 connections at 100,000/s: 500 µs each, 400 of them in our own queue.
        (evidence(service_us=500, lag_us=400, idle=0.02), QUEUED, 50, "generator"),
        # The same, asleep only because others had the CPU.
        (
            evidence(service_us=500, lag_us=400, idle=0.6, waiting=0.58),
            QUEUED,
            50,
            "generator",
        ),
        # Replies queue at the server, and the generator sleeps meanwhile.
        (evidence(service_us=500, lag_us=20, idle=0.5), QUEUED, 50, "server"),
        # A server that takes a flat millisecond has no queue, however long it takes.
        (evidence(service_us=1010, lag_us=10, idle=0.5), FLAT, 50, "undetermined"),
        # One connection: half of its latency is our own waking up, which is no queue.
        (evidence(service_us=40, lag_us=20, idle=0.5), QUEUED, 1, "undetermined"),
        # Both have a share.
        (evidence(service_us=500, lag_us=220, idle=0.05), QUEUED, 50, "undetermined"),
    ],
)
def test_word(found: Evidence, histograms: dict[str, Histogram], users: int, word: str):
    """Whoever holds the queue is the bottleneck; without a queue nobody is."""
    least = {kind: latency.percentile_us(0.1) for kind, latency in histograms.items()}
    verdict = judge(
        found,
        histograms,
        users=users,
        rate_per_s=None,
        throughput_per_s=100_000.0,
        least_us=least,
    )
    assert verdict.word == word
    assert verdict.explanation["bottleneck_reason"]


def test_a_rate_that_was_kept_limits_nobody():
    """An open loop below everybody's limit says nothing about capacity."""
    found = evidence(service_us=500, lag_us=400, idle=0.02)
    kept = judge(found, QUEUED, users=50, rate_per_s=1000.0, throughput_per_s=999.0, least_us={})
    missed = judge(
        found, QUEUED, users=50, rate_per_s=200_000.0, throughput_per_s=100_000.0, least_us={}
    )
    assert (kept.word, missed.word) == ("undetermined", "generator")


def test_without_timestamps_sleep_decides():
    """TLS and Unix sockets have no kernel timestamps."""
    busy = Evidence(worker_s=10.0, idle_s=0.2)
    asleep = Evidence(worker_s=10.0, idle_s=5.0)
    arguments = {
        "users": 50,
        "rate_per_s": None,
        "throughput_per_s": 1.0,
        "least_us": {"service": 20.0},
    }
    assert judge(busy, {"service": QUEUED["wire"]}, **arguments).word == "generator"
    assert judge(asleep, {"service": QUEUED["wire"]}, **arguments).word == "server"
