import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from wireproof.deadline import Deadline
from wireproof.target import Target
from wireproof.wire.kernel.queue_sampler import QueueSampler
from wireproof.wire.kernel.queue_watch import QueueWatch

TargetOf = Callable[[socket.socket], Target]


def test_depth_and_overflows_over_time(target_of: TargetOf) -> None:
    """A window has the deepest that the queue was in it, and the overflows in it."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        sampler = stack.enter_context(QueueSampler(target_of(server)))
        watch = stack.enter_context(QueueWatch(sampler))
        begun_s = time.monotonic()
        assert watch.between(begun_s - 9, begun_s - 8) is None
        for _ in range(2):
            stack.enter_context(socket.create_connection(server.getsockname(), timeout=5))
        beyond = stack.enter_context(socket.socket())
        beyond.setblocking(False)
        beyond.connect_ex(server.getsockname())
        deadline = Deadline(10)
        while (seen := watch.between(begun_s, time.monotonic())) is None or seen[1] < 1:
            assert not deadline.expired
            time.sleep(0.01)
        assert seen[0] == 2


def test_the_watch_costs_next_to_nothing(target_of: TargetOf) -> None:
    """The thread's CPU time is under 1 % of the time watched, or 2 % with its caches gone cold."""
    shares = []
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        QueueSampler(target_of(server)) as sampler,
    ):
        for _ in range(3):
            begun_s = time.monotonic()
            with QueueWatch(sampler) as watch:
                time.sleep(0.7)
            shares.append(watch.cpu_s / (time.monotonic() - begun_s))
    assert 0 < min(shares) < 0.02


def test_the_watch_ends_with_the_listener(target_of: TargetOf) -> None:
    """Once the listener is gone, nothing more is seen, and that is no error."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        QueueSampler(target_of(server)) as sampler,
        QueueWatch(sampler) as watch,
    ):
        server.close()
        watch._thread.join(10)
        assert not watch._thread.is_alive()
