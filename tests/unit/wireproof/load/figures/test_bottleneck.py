"""The bottleneck's word, from figures as they are measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.histogram import Histogram
from wireproof.load.figures.bottleneck import Evidence, judge
from wireproof.load.figures.tally import Phase, Tally

QUEUED = {"wire": Histogram.of([20] * 10 + [400] * 990), "service": Histogram.of([410] * 1000)}
FLAT = {"wire": Histogram.of([1000] * 1000), "service": Histogram.of([1010] * 1000)}


def evidence(
    *,
    service_us: float,
    lag_us: float,
    idle: float,
    waiting: float = 0.0,
    server: float | None = None,
    server_waits: float = 0.0,
    cpus: int = 0,
) -> Evidence:
    """Return ten seconds of a worker with 1000 timestamped replies of that latency."""
    found = Evidence()
    found.add(
        Tally(
            worker="a",
            second=0,
            stage=0,
            phase=Phase.STEADY,
            length_s=10.0,
            users=1,
            cpu_s=10 * (1 - idle - waiting),
            waiting_for_cpu_s=10 * waiting,
            polling_s=10 * (idle + waiting),
            stamped=1000 if service_us else 0,
            service_us=1000 * service_us,
            lag_us=1000 * lag_us,
            server_cpu_s=None if server is None else 10 * server,
            server_ready_s=10 * ((server or 0.0) + server_waits),
            cpus=cpus,
        )
    )
    return found


def test_a_server_that_waits_for_our_ack_is_told_what_to_do():
    """Half of the replies at 40 ms, and nobody busy; not where the server computes so long."""
    clustered = {"wire": Histogram.of([300] * 400 + [44_000] * 600)}
    for server, reason in ((0.05, "TCP_NODELAY"), (0.95, "queue")):
        verdict = judge(
            evidence(service_us=44_000, lag_us=100, idle=0.95, server=server),
            clustered,
            users=50,
            rate_per_s=None,
            throughput_per_s=1130.0,
            least_us={"wire": 300.0},
        )
        assert verdict.word == "server"
        assert reason in verdict.explanation["bottleneck_reason"]
        assert ("advice" in verdict.explanation) == (server < 0.5)


ASLEEP = evidence(service_us=1010, lag_us=10, idle=0.5)


@pytest.mark.parametrize(
    ("found", "histograms", "users", "per_s", "word"),
    [
        # 50 connections at 100,000/s: 500 µs each, 400 of them in our own queue.
        (evidence(service_us=500, lag_us=400, idle=0.02), QUEUED, 50, 1e5, "generator"),
        # Two connections to an oracle that takes all the time: no queue, and nothing to spare.
        (evidence(service_us=500, lag_us=300, idle=0.02), QUEUED, 2, 4e3, "generator"),
        # The same, not asleep but only without a CPU, which others had.
        (
            evidence(service_us=500, lag_us=400, idle=0.0, waiting=0.58),
            QUEUED,
            50,
            1e5,
            "generator",
        ),
        # Replies queue at the server, and the generator sleeps meanwhile.
        (evidence(service_us=500, lag_us=20, idle=0.5), QUEUED, 50, 1e5, "server"),
        # A server that takes a flat millisecond of every connection has no queue, but all of them.
        (ASLEEP, FLAT, 50, 49_500.0, "server"),
        # Of connections that do not wait for it, it is not the limit.
        (ASLEEP, FLAT, 50, 20_000.0, "undetermined"),
        # One connection: half of its latency is our own waking up, which is no queue.
        (evidence(service_us=40, lag_us=20, idle=0.5), QUEUED, 1, 2e4, "undetermined"),
        # Both have a share.
        (evidence(service_us=500, lag_us=220, idle=0.05), QUEUED, 50, 1e5, "undetermined"),
        # Both on one core, whoever has the queue on it.
        (
            evidence(service_us=500, lag_us=20, idle=0.3, waiting=0.3, server=0.55, cpus=1),
            QUEUED,
            50,
            1e5,
            "shared core",
        ),
        # On two cores, each has one: nobody waits.
        (
            evidence(service_us=500, lag_us=400, idle=0.02, server=0.98, cpus=2),
            QUEUED,
            50,
            1e5,
            "generator",
        ),
        # A generator that hardly sleeps, with nothing that waits for it, and a server at its limit.
        (
            evidence(service_us=500, lag_us=10, idle=0.07, server=0.93, cpus=2),
            QUEUED,
            50,
            1e5,
            "server",
        ),
        # The same with a server that has half of its CPU to spare.
        (evidence(service_us=500, lag_us=10, idle=0.07, server=0.5), QUEUED, 50, 1e5, "generator"),
        # On one core with others besides, it is shared all the same.
        (
            evidence(service_us=500, lag_us=400, idle=0.0, waiting=0.8, server=0.1, cpus=1),
            QUEUED,
            50,
            1e5,
            "shared core",
        ),
        # A generator that is busy with sending octets, to a server that is not.
        (
            evidence(service_us=96_000, lag_us=1900, idle=0.0, waiting=0.7, server=0.36),
            FLAT,
            20,
            188.0,
            "generator",
        ),
        # On one core that is not used up, the server sleeps.
        (
            evidence(service_us=1010, lag_us=10, idle=0.9, server=0.1, cpus=1),
            FLAT,
            50,
            49_500.0,
            "server",
        ),
        # Others had a part of either's core: who was always ready to run is the limit.
        (
            evidence(service_us=500, lag_us=20, idle=0.08, waiting=0.48, server=0.7),
            QUEUED,
            50,
            1e5,
            "undetermined",
        ),
        (
            evidence(
                service_us=500, lag_us=20, idle=0.08, waiting=0.48, server=0.7, server_waits=0.25
            ),
            QUEUED,
            50,
            1e5,
            "server",
        ),
        (
            evidence(
                service_us=500, lag_us=70, idle=0.0, waiting=0.34, server=0.73, server_waits=0.2
            ),
            QUEUED,
            50,
            1e5,
            "undetermined",
        ),
        # A server on a core of its own.
        (
            evidence(service_us=500, lag_us=400, idle=0.0, waiting=0.5, server=0.9, cpus=0),
            QUEUED,
            50,
            1e5,
            "generator",
        ),
    ],
)
def test_word(
    found: Evidence, histograms: dict[str, Histogram], users: int, per_s: float, word: str
):
    """Whoever holds the queue is the bottleneck, or all the time; else nobody is."""
    least = {kind: latency.percentile_us(0.1) for kind, latency in histograms.items()}
    verdict = judge(
        found,
        histograms,
        users=users,
        rate_per_s=None,
        throughput_per_s=per_s,
        least_us=least,
    )
    assert verdict.word == word, verdict.explanation
    assert verdict.explanation["bottleneck_reason"]


shares = st.floats(0.0, 1.2)


@given(cpu=shares, waiting=shares, polling=shares)
def test_who_had_no_time_was_not_asleep(cpu: float, waiting: float, polling: float):
    """A CPU share and a wait for one of 0.9 together never go with sleep above 0.1."""
    found = Evidence(
        worker_s=10.0,
        cpu_s=10 * cpu,
        waiting_for_cpu_s=10 * waiting,
        polling_s=10 * polling,
        lengths_s={"a": 10.0},
    )
    figures = judge(
        found, {}, users=50, rate_per_s=None, throughput_per_s=1.0, least_us={}
    ).explanation
    if figures["generator_cpu"] + figures["generator_waiting_for_cpu"] > 0.9:
        assert figures["generator_idle"] <= 0.1
    assert figures["generator_idle"] <= polling + 0.001


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
    busy = evidence(service_us=0, lag_us=0, idle=0.02)
    asleep = evidence(service_us=0, lag_us=0, idle=0.5)
    arguments = {
        "users": 50,
        "rate_per_s": None,
        "throughput_per_s": 1.0,
        "least_us": {"service": 20.0},
    }
    assert judge(busy, {"service": QUEUED["wire"]}, **arguments).word == "generator"
    assert judge(asleep, {"service": QUEUED["wire"]}, **arguments).word == "server"
