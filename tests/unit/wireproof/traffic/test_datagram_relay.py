import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.relaying import TIMEOUT_S, Relaying, wait_until
from wireproof.target import Target, parse_target, resolve
from wireproof.traffic import datagram_relay
from wireproof.traffic.forwarding import Side
from wireproof.wire.observations import Data


@contextlib.contextmanager
def _server() -> Iterator[Target]:
    """Answers each datagram with who sent it, and the same in capitals."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (found := own.recvfrom(65535))[0] != b"stop":
                own.sendto(found[0].upper(), found[1])

        thread = threading.Thread(target=serve)
        thread.start()
        target = resolve(parse_target(f"udp://127.0.0.1:{own.getsockname()[1]}"))[0]
        yield target
        own.sendto(b"stop", own.getsockname())
        thread.join()


def _client(relay: Relaying) -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(TIMEOUT_S)
    client.connect(relay.address)
    return client


def test_datagrams_pass_both_ways() -> None:
    """Each as one, empty and large ones too; clients are told apart."""
    with _server() as target, Relaying(target) as relay:
        with _client(relay) as one, _client(relay) as other:
            for data in (b"hello", b"", b"x" * 9000):
                for client in (one, other):
                    client.send(data)
                    assert client.recv(65535) == data.upper()
        assert len(relay.seen.peers) == 2
        assert relay.seen.arrivals[:2] == [
            (0, Side.CLIENT, Data(b"hello")),
            (0, Side.SERVER, Data(b"HELLO")),
        ]


def test_nobody_there_is_told() -> None:
    """The kernel says so of a host's own ports."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        target = resolve(parse_target(f"udp://127.0.0.1:{gone.getsockname()[1]}"))[0]
    with Relaying(target) as relay, _client(relay) as client:
        client.send(b"hello")
        wait_until(lambda: relay.seen.refusals)
        assert relay.seen.refusals == ["connection refused"]


def test_clients_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest silent one first; it may come back as another."""
    monkeypatch.setattr(datagram_relay, "MOST_CLIENTS", 2)
    with _server() as target, Relaying(target) as relay, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(_client(relay)) for _ in range(3)]
        for client in (clients[0], clients[1], clients[0], clients[2], clients[0], clients[1]):
            client.send(b"x")
            assert client.recv(10) == b"X"
        assert len(relay.seen.peers) == 4
        assert len(relay.relay._peers) == 2
        assert len(relay.relay._by_descriptor) == 2
