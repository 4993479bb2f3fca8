import socket
from collections.abc import Callable
from typing import Any

import pytest

from wireproof.accept_queue.burst import burst_sizes, connect_burst, settle
from wireproof.accept_queue.counters import read_sysctls, schedule_of
from wireproof.target import Target
from wireproof.wire.kernel.queue_sampler import QueueSampler

StartServer = Callable[..., Any]
"""See conftest.py."""

TargetOf = Callable[[socket.socket], Target]


SCHEDULE = schedule_of(read_sysctls())


def test_a_burst_that_fits(start_server: StartServer) -> None:
    """Where the server accepts, all connects complete at once and none is half-open."""
    server = start_server(60)
    with QueueSampler(server.target) as sampler:
        burst = connect_burst(server.target, 50, SCHEDULE, sampler)
        assert settle(sampler)
    assert (burst.completed_at_once, burst.retransmitted, burst.failed) == (50, 0, {})
    assert (burst.half_open, burst.retries) == (0, {"0": 50})
    times = burst.connect_us["times"]
    assert len(times) == 50
    assert times == sorted(times)
    assert burst.connect_us["percentiles"]["max"] == times[-1]


def test_a_burst_that_overflows(target_of: TargetOf) -> None:
    """What a queue that nobody empties has no room for was sent again and had no answer."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=3) as server,
        QueueSampler(target_of(server)) as sampler,
    ):
        burst = connect_burst(target_of(server), 6, SCHEDULE, sampler, hold_s=0, at_most_s=1.3)
        assert burst.completed_at_once == 4
        assert (burst.retransmitted, burst.failed) == (2, {"no answer": 2})
        assert burst.peak_depth == 4
        assert not settle(sampler, 0.05)


def test_what_cannot_be_seen_is_not_claimed(start_server: StartServer) -> None:
    """Without a view on the server's side, half-open connections and depth are unknown."""
    burst = connect_burst(start_server(3).target, 2, SCHEDULE)
    assert burst.completed_at_once == 2
    assert (burst.half_open, burst.peak_depth) == (None, None)


def test_refused_is_a_cause(target_of: TargetOf) -> None:
    """Where nobody listens, all connects fail, and there are no times."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = target_of(server)
    burst = connect_burst(target, 3, SCHEDULE)
    assert (burst.completed_at_once, burst.failed, burst.connect_us) == (0, {"refused": 3}, {})


@pytest.mark.parametrize(
    ("limit", "extra"), [(None, set()), (50, set()), (7, {7, 8, 9}), (4096, set()), (0, set())]
)
def test_sizes_around_the_limit(limit: int | None, extra: set[int]) -> None:
    """The usual sizes are tried, and those around a limit that is within reach."""
    assert burst_sizes(limit) == sorted({1, 10, 25, 50, 51, 52, 60, 75, 100, 200} | extra)
