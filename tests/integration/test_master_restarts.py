"""Locust's master is killed and started again: its workers stop, come back, and count afresh."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import msgspec
import pytest

from tests.support.servers import Serving, echoing
from wireproof.load.figures.collect import Collector
from wireproof.load.figures.tally import Event, Finished, MasterPort, Note, Tally, decode_event
from wireproof.load.locust_process import EVENTS_DESCRIPTOR, LOCUSTFILE
from wireproof.load.secret import SECRET_VARIABLE
from wireproof.load.spec import LoadSpec, encode_spec

_TIMEOUT_S = 60
_RATE_PER_S = 200
_HEADLESS = ("--headless", "--only-summary", "--exit-code-on-error=0")
# One of its own, so that between two masters nobody else takes the port.
_MASTER_HOST = "127.0.77.1"


class _Locust(subprocess.Popen[bytes]):
    """A process of Locust; a master's events can be read."""

    def __init__(self, *options: str, events: int = -1) -> None:
        command = [sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), *_HEADLESS]
        environment = {**os.environ, EVENTS_DESCRIPTOR: str(events), SECRET_VARIABLE: "s" * 32}
        if events < 0:
            del environment[EVENTS_DESCRIPTOR]
        super().__init__(
            [*command, *options],
            env=environment,
            pass_fds=[events] if events >= 0 else [],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextlib.contextmanager
def _master(spec: LoadSpec, port: int) -> Iterator[tuple[_Locust, Iterator[Event]]]:
    """A master that runs the spec, and its events as they come."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as lines:
        master = _Locust(
            "--master",
            f"--master-bind-host={_MASTER_HOST}",
            f"--master-bind-port={port}",
            f"--expect-workers={spec.processes}",
            f"--users={spec.users[0]}",
            f"--spawn-rate={spec.users[0]}",
            f"--host={spec.target}",
            f"--wireproof-spec={encode_spec(spec)}",
            events=writing,
        )
        os.close(writing)
        try:
            yield master, map(decode_event, lines)
        finally:
            master.kill()
            master.wait(_TIMEOUT_S)


@contextlib.contextmanager
def _workers(spec: LoadSpec, count: int, port: int) -> Iterator[list[_Locust]]:
    options = ("--worker", f"--master-host={_MASTER_HOST}", f"--master-port={port}")
    own = (f"--host={spec.target}", f"--wireproof-spec={encode_spec(spec)}")
    workers = [_Locust(*options, *own) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait(_TIMEOUT_S)


def _port(events: Iterator[Event]) -> int:
    return next(event.port for event in events if isinstance(event, MasterPort))


def _await_load(events: Iterator[Event]) -> str:
    """Wait for the first reply; who reports it."""
    return next(
        event.worker for event in events if isinstance(event, Tally) and event.counts.get("service")
    )


@pytest.fixture
def spec() -> Iterator[LoadSpec]:
    """Two seconds of load on an echo server by two processes."""
    with Serving(echoing) as server:
        yield LoadSpec(
            target=str(server.target),
            protocol="echo",
            users=[4],
            seconds=2.0,
            warm_up_s=0.0,
            rate_per_s=float(_RATE_PER_S),
            processes=2,
        )


def test_workers_of_a_killed_master_work_for_the_next_one(spec: LoadSpec) -> None:
    """The new master's run has the same workers, is whole, and holds no reply of the old one's."""
    long = msgspec.structs.replace(spec, seconds=60.0)
    with contextlib.ExitStack() as stack:
        master, events = stack.enter_context(_master(long, 0))
        port = _port(events)
        workers = stack.enter_context(_workers(spec, 2, port))
        _await_load(events)
        master.kill()
        master.wait(_TIMEOUT_S)
        _, events = stack.enter_context(_master(spec, port))
        collector = Collector(spec)
        for event in events:
            assert not isinstance(event, Note), event.text
            if isinstance(event, Tally):
                collector.add(event)
            if isinstance(event, Finished):
                break
        assert [worker.wait(_TIMEOUT_S) for worker in workers] == [0, 0]
    found = collector.result()
    assert found.details["workers"] == 2
    assert (found.requests, found.failures) == (_RATE_PER_S * 2, {})


def test_a_worker_that_works_for_a_dead_master_is_told(spec: LoadSpec) -> None:
    """What such a worker reports marks the run of the master that gets it, and is not in it."""
    alone = msgspec.structs.replace(spec, seconds=60.0, processes=1)
    with contextlib.ExitStack() as stack:
        master, events = stack.enter_context(_master(alone, 0))
        port = _port(events)
        (stray,) = stack.enter_context(_workers(spec, 1, port))
        _await_load(events)
        stray.send_signal(signal.SIGSTOP)
        master.kill()
        master.wait(_TIMEOUT_S)
        _, events = stack.enter_context(_master(alone, port))
        stack.enter_context(_workers(spec, 1, port))
        workers = {_await_load(events)}
        stray.send_signal(signal.SIGCONT)
        for event in events:
            if isinstance(event, Tally):
                workers.add(event.worker)
            if isinstance(event, Note):
                break
        assert isinstance(event, Note)
        assert event.partial
        assert "a master that is gone" in event.text
    assert len(workers) == 1


@pytest.mark.skipif(not os.environ.get("WIREPROOF_EXTENDED"), reason="waits for a minute")
def test_a_worker_whose_master_does_not_come_back_ends(spec: LoadSpec) -> None:
    """After a minute, with the exit code of what could not run."""
    alone = msgspec.structs.replace(spec, seconds=60.0, processes=1)
    with contextlib.ExitStack() as stack:
        master, events = stack.enter_context(_master(alone, 0))
        (worker,) = stack.enter_context(_workers(spec, 1, _port(events)))
        _await_load(events)
        master.kill()
        master.wait(_TIMEOUT_S)
        assert worker.wait(2 * _TIMEOUT_S) == 3
