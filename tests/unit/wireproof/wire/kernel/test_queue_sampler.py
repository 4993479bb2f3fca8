import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from wireproof.deadline import Deadline
from wireproof.target import Target, parse_target, resolve
from wireproof.wire.kernel.queue_sampler import INTERVAL_S, QueueSampler, overflows

TargetOf = Callable[[socket.socket], Target]


def _wait_for_depth(sampler: QueueSampler, depth: int) -> None:
    deadline = Deadline(5)
    while sampler.sample() != depth:
        assert not deadline.expired


def test_depth_and_peak(target_of: TargetOf) -> None:
    """The depth follows the queue; the peak stays until it is taken."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=7))
        sampler = stack.enter_context(QueueSampler(target_of(server)))
        assert (sampler.limit, sampler.capacity, sampler.sample()) == (7, 8, 0)
        for _ in range(3):
            stack.enter_context(socket.create_connection(server.getsockname(), timeout=5))
        _wait_for_depth(sampler, 3)
        stack.enter_context(server.accept()[0])
        assert sampler.sample() == 2
        assert (sampler.take_peak(), sampler.take_peak()) == (3, 0)
        server.close()
        assert sampler.sample() is None


def test_listeners_that_share_an_address(target_of: TargetOf) -> None:
    """Of a group, limits, depths and capacities are summed."""
    with ExitStack() as stack:
        first = stack.enter_context(
            socket.create_server(("127.0.0.1", 0), backlog=5, reuse_port=True)
        )
        stack.enter_context(socket.create_server(first.getsockname(), backlog=6, reuse_port=True))
        sampler = stack.enter_context(QueueSampler(target_of(first)))
        assert (sampler.listeners, sampler.limit, sampler.capacity) == (2, 11, 13)
        for _ in range(4):
            stack.enter_context(socket.create_connection(first.getsockname(), timeout=5))
        _wait_for_depth(sampler, 4)


def test_a_target_without_a_listener_here(target_of: TargetOf) -> None:
    """Where no listener of this machine serves the target, that is told at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = target_of(server)
    with pytest.raises(LookupError, match="network namespace"):
        QueueSampler(target)


def test_another_machines_listener_is_not_ours() -> None:
    """A listener on the wildcard here does not stand for one at the same port elsewhere."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        text = f"tcp://198.51.100.1:{server.getsockname()[1]}"  # RFC 5737: nobody's
        (target,) = resolve(parse_target(text), ["198.51.100.1"])
        with pytest.raises(LookupError, match="not on this machine"):
            QueueSampler(target)


def test_a_unix_socket_cannot_be_seen(tmp_path: Path) -> None:
    """The queue of a Unix socket is not on the list, which is told at once."""
    (target,) = resolve(parse_target(f"unix:{tmp_path}/s"))
    with pytest.raises(LookupError, match="Unix socket"):
        QueueSampler(target)


def test_sampling_costs_less_than_one_percent(target_of: TargetOf) -> None:
    """The CPU time of a sample is under 1 % of the interval at which samples are taken."""
    samples = 200
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        QueueSampler(target_of(server)) as sampler,
    ):
        shares = []
        for _ in range(5):
            begun_s = time.process_time()
            for _ in range(samples):
                sampler.sample()
            shares.append((time.process_time() - begun_s) / (samples * INTERVAL_S))
        assert min(shares) < 0.01


def test_overflows_are_counted_since_boot() -> None:
    """The counter never goes back."""
    assert 0 <= overflows() <= overflows()
