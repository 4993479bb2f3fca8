import socket
from collections.abc import Callable, Iterator

import pytest

from wireproof.conformance.execution.failure import ConversationFailedError, FailureKind
from wireproof.conformance.execution.judged_socket import JudgedSocket
from wireproof.deadline import Deadline
from wireproof.protocols.built_in.echo import Echo
from wireproof.target import parse_target, resolve
from wireproof.wire.transcript import Transcript

Sockets = Callable[..., JudgedSocket]


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A bound UDP socket; the test answers from it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(5)
        yield bound


@pytest.fixture
def socket_to(server: socket.socket) -> Iterator[Sockets]:
    """Open a socket with the given datagrams to the server."""
    opened: list[JudgedSocket] = []

    def make(*datagrams: bytes) -> JudgedSocket:
        target = resolve(parse_target(f"udp://127.0.0.1:{server.getsockname()[1]}"))[0]
        oracle = Echo().datagram_oracle()
        opened.append(JudgedSocket(0, target, oracle, datagrams, Transcript()))
        return opened[-1]

    yield make
    for judged in opened:
        judged.close()


def _failure_kind(act: Callable[[], object]) -> FailureKind:
    with pytest.raises(ConversationFailedError) as failed:
        act()
    return failed.value.failure.kind


def test_each_datagram_has_its_reply(server: socket.socket, socket_to: Sockets) -> None:
    """Replies may come in any order; afterwards nothing is owed."""
    judged = socket_to(b"one", b"two")
    judged.send(0)
    judged.send(1)
    received = [server.recvfrom(100) for _ in range(2)]
    for data, sender in reversed(received):
        server.sendto(data, sender)
    judged.await_replies(Deadline(5))
    judged.await_quiet(0.01)


def test_silence(server: socket.socket, socket_to: Sockets) -> None:
    """A datagram without a reply is told when the time is over."""
    judged = socket_to(b"one")
    judged.send(0)
    assert _failure_kind(lambda: judged.await_replies(Deadline(0.02))) is FailureKind.SILENCE


def test_a_second_reply_is_one_too_many(server: socket.socket, socket_to: Sockets) -> None:
    """It is seen in the quiet that follows."""
    judged = socket_to(b"one")
    judged.send(0)
    data, sender = server.recvfrom(100)
    server.sendto(data, sender)
    server.sendto(data, sender)
    judged.await_replies(Deadline(5))
    assert _failure_kind(lambda: judged.await_quiet(5)) is FailureKind.WRONG_REPLY


def test_a_reply_from_elsewhere(server: socket.socket, socket_to: Sockets) -> None:
    """Right bytes from a wrong address are a wrong reply."""
    judged = socket_to(b"one")
    judged.send(0)
    data, sender = server.recvfrom(100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.sendto(data, sender)
        assert _failure_kind(lambda: judged.await_replies(Deadline(5))) is FailureKind.WRONG_REPLY
