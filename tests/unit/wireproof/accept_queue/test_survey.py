import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wireproof.accept_queue.survey import QueueSurvey
from wireproof.errors import UsageError
from wireproof.target import Target, parse_target, resolve
from wireproof.wire.kernel.process import descendants_of

TargetOf = Callable[[socket.socket], Target]
StartServer = Callable[..., Any]
"""See conftest.py."""


def test_a_server_that_may_be_paused(start_server: StartServer) -> None:
    """Depth, bursts and counters come together, and the first sentence says what was found."""
    server = start_server(7)
    said: list[tuple[int, int, str]] = []
    found = QueueSurvey(server.target, [server.pid]).run([1, 3], lambda *step: said.append(step))
    assert (found.queue.depth, found.queue.limit, found.queue.source) == (8, 7, "sock_diag")
    assert [burst.connections for burst in found.burst] == [1, 3]
    assert found.counters["ListenOverflows"] >= 9
    assert found.explanation[0].startswith("8 connects completed at once")
    assert said == [(1, 3, "depth of the queue"), (2, 3, "burst of 1"), (3, 3, "burst of 3")]


def test_a_server_that_nobody_named_is_not_paused(start_server: StartServer) -> None:
    """Without permission only the limit is known, and the sentence says how to give permission."""
    server = start_server(60)
    found = QueueSurvey(server.target).run([1])
    assert (found.queue.depth, found.queue.limit, found.queue.source) == (None, 60, "unknown")
    assert f"--pause-pid {server.pid}" in found.explanation[0]


def test_a_worker_alone_is_not_enough(start_server: StartServer) -> None:
    """While another process could still accept, the one named is not paused either."""
    server = start_server(60, workers=1)
    (worker,) = descendants_of(server.pid)
    found = QueueSurvey(server.target, [worker]).run([1])
    assert found.queue.source == "unknown"
    assert f"--pause-pid {server.pid}" in found.explanation[0]


def test_the_wrong_process_is_refused(start_server: StartServer) -> None:
    """A process that does not serve the target is never paused."""
    server, other = start_server(5), start_server(5)
    with pytest.raises(UsageError, match=f"{other.pid} does not listen .* {server.pid}"):
        QueueSurvey(server.target, [other.pid]).run([1])


def test_a_queue_overflowed_without_pausing(start_server: StartServer) -> None:
    """Where connects outran a slow server, the depth seen is told, and told as such."""
    server = start_server(2, 0.7)
    survey = QueueSurvey(server.target)
    found = survey.run([6])
    assert (found.queue.depth, found.queue.source) == (3, "connects")
    assert "seen 3 deep" in found.explanation[0]


def test_a_server_elsewhere(start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server that cannot be seen, connects bound the depth, and nothing else is claimed."""

    def elsewhere(_: Target) -> None:
        raise LookupError("the server is not on this machine")

    monkeypatch.setattr("wireproof.accept_queue.survey.QueueSampler", elsewhere)
    found = QueueSurvey(start_server(2, 0.7).target).run([6])
    assert (found.queue.limit, found.queue.source) == (None, "connects")
    assert found.queue.depth in {3, 4}  # the queue's three, and one that was accepted meanwhile
    assert found.counters == {}
    text = " ".join(found.explanation)
    assert f"is at most {found.queue.depth}, by the connects: the server is not on this" in text
    assert "Only connect times are known" in text


def test_a_server_that_does_not_accept(target_of: TargetOf) -> None:
    """Where nobody takes a burst's connections, larger bursts are left out, and that is said."""
    with socket.create_server(("127.0.0.1", 0), backlog=9) as server:
        found = QueueSurvey(target_of(server)).run([2, 200])
    assert [burst.connections for burst in found.burst] == [2]
    assert any("2 connections stayed in the queue" in one for one in found.explanation)


def test_before_anything_is_measured() -> None:
    """A survey that was ended early still has a result that claims nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = resolve(parse_target(f"tcp://127.0.0.1:{server.getsockname()[1]}"))[0]
        found = QueueSurvey(target).result()
    assert (found.queue.source, found.burst, found.counters) == ("unknown", [], {})


def test_datagrams_have_no_queue() -> None:
    """A UDP target is refused with what to use instead."""
    with pytest.raises(UsageError, match="no accept queue"):
        QueueSurvey(resolve(parse_target("udp://127.0.0.1:9"))[0])


def test_a_unix_socket(start_server: StartServer, tmp_path: Path) -> None:
    """A Unix socket is measured by its connects, and nothing is said of SYNs."""
    server = start_server(4, path=str(tmp_path / "s"))
    found = QueueSurvey(server.target, [server.pid]).run([1])
    assert (found.queue.depth, found.queue.source, found.queue.limit) == (5, "connects", None)
    assert not any("SYN" in sentence for sentence in found.explanation)
