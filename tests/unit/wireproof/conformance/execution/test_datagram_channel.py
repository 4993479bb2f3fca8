import socket
from collections.abc import Callable, Iterator

import pytest

from wireproof.conformance.execution.datagram_channel import DatagramChannel
from wireproof.conformance.execution.failure import ConversationFailedError, FailureKind
from wireproof.deadline import Deadline
from wireproof.protocols.built_in.echo import Echo
from wireproof.target import parse_target, resolve
from wireproof.wire.transcript import Transcript

Channels = Callable[..., DatagramChannel]


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A bound UDP socket; the test answers from it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(5)
        yield bound


@pytest.fixture
def channel_to(server: socket.socket) -> Iterator[Channels]:
    """Open a channel with the given datagrams to the server."""
    opened: list[DatagramChannel] = []

    def make(*datagrams: bytes) -> DatagramChannel:
        target = resolve(parse_target(f"udp://127.0.0.1:{server.getsockname()[1]}"))[0]
        oracle = Echo().datagram_oracle()
        opened.append(DatagramChannel(0, target, oracle, datagrams, Transcript()))
        return opened[-1]

    yield make
    for channel in opened:
        channel.close()


def _failure_kind(act: Callable[[], object]) -> FailureKind:
    with pytest.raises(ConversationFailedError) as failed:
        act()
    return failed.value.failure.kind


def test_each_datagram_has_its_reply(server: socket.socket, channel_to: Channels) -> None:
    """Replies may come in any order; afterwards nothing is owed."""
    channel = channel_to(b"one", b"two")
    channel.send(0)
    channel.send(1)
    received = [server.recvfrom(100) for _ in range(2)]
    for data, sender in reversed(received):
        server.sendto(data, sender)
    channel.await_replies(Deadline(5))
    channel.await_quiet(0.01)


def test_silence(server: socket.socket, channel_to: Channels) -> None:
    """A datagram without a reply is told when the time is over."""
    channel = channel_to(b"one")
    channel.send(0)
    assert _failure_kind(lambda: channel.await_replies(Deadline(0.02))) is FailureKind.SILENCE


def test_a_second_reply_is_one_too_many(server: socket.socket, channel_to: Channels) -> None:
    """It is seen in the quiet that follows."""
    channel = channel_to(b"one")
    channel.send(0)
    data, sender = server.recvfrom(100)
    server.sendto(data, sender)
    server.sendto(data, sender)
    channel.await_replies(Deadline(5))
    assert _failure_kind(lambda: channel.await_quiet(5)) is FailureKind.WRONG_REPLY


def test_a_reply_from_elsewhere(server: socket.socket, channel_to: Channels) -> None:
    """Right bytes from a wrong address are a wrong reply."""
    channel = channel_to(b"one")
    channel.send(0)
    data, sender = server.recvfrom(100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.sendto(data, sender)
        assert _failure_kind(lambda: channel.await_replies(Deadline(5))) is FailureKind.WRONG_REPLY
