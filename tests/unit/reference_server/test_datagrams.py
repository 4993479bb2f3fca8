"""reference_server.datagrams."""

import socket

import pytest

from reference_server.datagrams import UNANSWERED_PORTS, Datagrams, remember_destination
from reference_server.framing import Framer


class Recorded(Datagrams):
    """Replies are noted instead of sent."""

    replies: tuple[bytes, ...] = ()

    def reply(
        self, frame: bytes, ancillary: list[tuple[int, int, bytes]], sender: tuple[str, int]
    ) -> None:
        """Note."""
        del ancillary, sender
        self.replies = (*self.replies, frame)


class FakeSocket:
    """Delivers one datagram."""

    def __init__(self, data: bytes, port: int) -> None:
        self.data = data
        self.port = port

    def recvmsg(
        self, size: int, ancillary_size: int
    ) -> tuple[bytes, list[object], int, tuple[str, int]]:
        """Cut off like a socket."""
        del ancillary_size
        return self.data[:size], [], 0, ("127.0.0.1", self.port)


def answered(data: bytes, port: int = 50_000) -> tuple[bytes, ...]:
    """The replies to one datagram."""
    framer = Framer(8)
    framer.set_time(0)
    service = Recorded(FakeSocket(data, port), framer)  # type: ignore[arg-type]
    assert service.receive()
    return tuple(reply[27:] for reply in service.replies)


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"hello", (b"hello",)),
        (b"", (b"",)),
        (b"0123456789", (b"01234567",)),
        (b"[Sat Jan", (b"[Sat Jan",)),
    ],
)
def test_a_datagram_is_answered_once(data: bytes, replies: tuple[bytes, ...]) -> None:
    """With its first bytes up to the buffer size, be they none."""
    assert answered(data) == replies


@pytest.mark.parametrize("port", sorted(UNANSWERED_PORTS))
def test_services_that_answer_anything_are_not_answered(port: int) -> None:
    """Two services that answer each other would not stop."""
    assert answered(b"x", port) == ()


def test_a_reply_of_ours_is_not_answered() -> None:
    """Whatever its port: it looks like a frame."""
    framer = Framer(1024)
    framer.set_time(0)
    service = Recorded(FakeSocket(framer.frames(b"x"), 50_000), framer)  # type: ignore[arg-type]
    service.receive()
    assert service.replies == ()


def test_replies_come_from_the_address_that_was_asked() -> None:
    """On a socket bound to every address, too."""
    framer = Framer(1024)
    framer.set_time(0)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        remember_destination(ours)
        ours.bind(("0.0.0.0", 0))
        client.settimeout(10)
        client.bind(("127.0.0.1", 0))
        asked = ("127.0.0.9", ours.getsockname()[1])
        client.sendto(b"x", asked)
        assert Datagrams(ours, framer).receive()
        assert client.recvfrom(100) == (framer.header + b"x", asked)
