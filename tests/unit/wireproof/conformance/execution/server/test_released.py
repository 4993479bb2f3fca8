"""What is held of connections that are over, seen on listeners of the test's own process."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from wireproof.conformance.execution.server.released import Complaint, ServerResources
from wireproof.deadline import Deadline
from wireproof.target import Target, parse_target, resolve
from wireproof.wire.kernel.sock_diag import SockDiag


@pytest.fixture(params=["tcp", "unix"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """A target on which this process listens."""
    if request.param == "unix":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "socket"))
            listener.listen()
            yield resolve(parse_target(f"unix:{tmp_path / 'socket'}"))[0]
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield resolve(parse_target(f"tcp://127.0.0.1:{listener.getsockname()[1]}"))[0]


def _rounds(resources: ServerResources, changes: list[int]) -> list[Complaint | None]:
    """Count before all, and after each of some rounds that open, or close, so many files."""
    found = [resources.count_descriptors(Deadline(0))]
    with ExitStack() as stack:
        opened: list[int] = []
        stack.callback(lambda: [os.close(one) for one in opened])
        for change in changes:
            opened += [os.open(os.devnull, os.O_RDONLY) for _ in range(change)]
            for _ in range(-change):
                os.close(opened.pop())
            found.append(resources.count_descriptors(Deadline(0)))
    return found


def test_growth_that_goes_on(target: Target, diag: SockDiag) -> None:
    """Descriptors that are more after each of three rounds are a complaint, with all counts."""
    *before, complaint = _rounds(ServerResources(target, diag), [1, 2, 1])
    assert before == [None, None, None]
    assert complaint is not None
    first, *_, latest = map(int, complaint.actual.split(", "))
    assert latest - first == 4
    assert complaint.expected == f"no more than {first} each time"


@pytest.mark.parametrize("changes", [[9, 9, 0, 9, 9], [5, 5, -1, 5, 5], [0, 0, 0, 0], [1, 1]])
def test_pools_are_no_leak(target: Target, diag: SockDiag, changes: list[int]) -> None:
    """A level that is reached, even a high one, is none: the rounds in a row begin again."""
    assert not any(_rounds(ServerResources(target, diag), changes))


def test_another_machine_shows_nothing(diag: SockDiag) -> None:
    """A listener of ours on the same port is not taken for that of a server elsewhere."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        elsewhere = resolve(parse_target(f"tcp://192.0.2.1:{port}"), ["192.0.2.1"])[0]
        assert not any(_rounds(ServerResources(elsewhere, diag), [1, 1, 1]))


def test_a_socket_in_close_wait(diag: SockDiag) -> None:
    """A socket whose client has gone is a complaint until it is closed, and none of ours is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = listener.getsockname()
        resources = ServerResources(resolve(parse_target(f"tcp://127.0.0.1:{where[1]}"))[0], diag)
        client = socket.create_connection(where)
        accepted, _ = listener.accept()
        with accepted:
            assert resources.await_released(Deadline(0)) is None
            client.close()
            assert accepted.recv(1) == b""
            complaint = resources.await_released(Deadline(0))
        assert complaint is not None
        assert complaint.actual == "1 in CLOSE-WAIT"
        assert resources.await_released(Deadline(5)) is None


def test_a_stranger_in_close_wait_on_the_same_port_is_none(diag: SockDiag) -> None:
    """Another's socket has the server's port at another address: the server does not hold it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        port = listener.getsockname()[1]
        elsewhere = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stranger = stack.enter_context(socket.socket())
        stranger.bind(("127.0.99.1", port))
        stranger.connect(elsewhere.getsockname())
        peer, _ = elsewhere.accept()
        peer.close()
        assert stranger.recv(1) == b""
        target = resolve(parse_target(f"tcp://127.0.0.1:{port}"))[0]
        assert ServerResources(target, diag).await_released(Deadline(0)) is None
