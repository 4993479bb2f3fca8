import contextlib
import random
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.certificates import server_context
from tests.support.relaying import Relaying, Seen, received, wait_until
from tests.support.servers import Handler, Serving, echoing, resetting, shouting, silent
from wireproof.errors import CannotRunError
from wireproof.target import Target, parse_target, resolve
from wireproof.traffic.forwarding import (
    Arrival,
    Break,
    Course,
    Finish,
    Hold,
    Send,
    Side,
    Step,
    Transparent,
)
from wireproof.traffic.pairs import MOST_HELD_BYTES
from wireproof.traffic.relay import Relay, listen
from wireproof.wire.observations import END_OF_STREAM, RESET, Data, EndOfStream, Reset


def _over_tls(handler: Handler) -> Handler:
    def handle(peer: socket.socket) -> None:
        with server_context().wrap_socket(peer, server_side=True) as encrypted:
            handler(encrypted)
            with contextlib.suppress(OSError):
                encrypted.unwrap()

    return handle


def _as_tls(server: Serving) -> Target:
    return resolve(parse_target(f"tls://localhost:{server.target.port}"))[-1]


def _counting(peer: socket.socket) -> None:
    """Answers the end of the client's stream, with how long it was."""
    size = len(received(peer))
    peer.sendall(b"%d bytes" % size)


def _speaking_first(peer: socket.socket) -> None:
    """Says all it has to say, and goes on reading."""
    peer.sendall(b"farewell")
    peer.shutdown(socket.SHUT_WR)
    _speaking_first.heard = received(peer)  # type: ignore[attr-defined]


def test_bytes_pass_both_ways() -> None:
    """And the observer is told whose they are."""
    with Serving(shouting) as server, Relaying(server.target) as relay, relay.connect() as client:
        client.sendall(b"hello\n")
        assert received(client, 6) == b"HELLO\n"
        wait_until(lambda: len(relay.seen.arrivals) == 2)
        assert relay.seen.arrivals == [
            (0, Side.CLIENT, Data(b"hello\n")),
            (0, Side.SERVER, Data(b"HELLO\n")),
        ]
        assert relay.seen.peers == ["{}:{}".format(*client.getsockname())]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_half_close_is_passed_on(tls: bool) -> None:
    """The server's answer to it comes back; over TLS, too."""
    with (
        Serving(_over_tls(_counting) if tls else _counting) as server,
        Relaying(_as_tls(server) if tls else server.target) as relay,
        relay.connect() as client,
    ):
        client.sendall(b"x" * 100_000)
        client.shutdown(socket.SHUT_WR)
        assert received(client) == b"100000 bytes"
    assert relay.seen.last(Side.CLIENT) == END_OF_STREAM
    assert relay.seen.last(Side.SERVER) == END_OF_STREAM


def test_a_server_may_end_its_stream_first() -> None:
    """What the client still sends reaches it."""
    with Serving(_speaking_first) as server, Relaying(server.target) as relay:
        with relay.connect() as client:
            assert received(client) == b"farewell"
            client.sendall(b"not yet")
        wait_until(lambda: getattr(_speaking_first, "heard", None) == b"not yet")


def test_a_reset_by_the_client_is_one_for_the_server() -> None:
    """Not an end of stream."""
    heard: list[str] = []

    def hearing(peer: socket.socket) -> None:
        peer.sendall(b"x")
        try:
            heard.append(repr(received(peer)))
        except ConnectionResetError:
            heard.append("reset")

    with Serving(hearing) as server, Relaying(server.target) as relay:
        client = relay.connect()
        assert client.recv(1) == b"x"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        wait_until(lambda: heard)
        assert heard == ["reset"]
        assert relay.seen.last(Side.CLIENT) == RESET


def test_a_reset_by_the_server_is_one_for_the_client() -> None:
    """What the server sent before is not held back from it."""
    with Serving(resetting) as server, Relaying(server.target) as relay:
        with relay.connect() as client:
            client.sendall(b"x")
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        assert relay.seen.last(Side.SERVER) == RESET


def test_a_client_that_vanishes_after_its_end_resets_the_server() -> None:
    """It ended its stream, then was gone before the reply."""
    heard: list[str] = []
    go_on = threading.Event()

    def late(peer: socket.socket) -> None:
        received(peer)
        go_on.wait()
        try:
            while True:
                peer.sendall(b"x" * 65536)
        except OSError as error:
            heard.append(type(error).__name__)

    with Serving(late) as server, Relaying(server.target) as relay:
        client = relay.connect()
        client.shutdown(socket.SHUT_WR)
        wait_until(lambda: relay.seen.last(Side.CLIENT) == END_OF_STREAM)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        go_on.set()
        wait_until(lambda: heard)
        assert heard[0] in {"ConnectionResetError", "BrokenPipeError"}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_reader_that_is_slow_slows_its_writer_down(tls: bool) -> None:
    """Memory is bounded meanwhile, and nothing is lost when it reads at last."""
    go_on = threading.Event()
    data = random.Random(1).randbytes(40 << 20)

    def slow(peer: socket.socket) -> None:
        go_on.wait()
        peer.sendall(b"%d" % hash(received(peer)))

    with (
        Serving(_over_tls(slow) if tls else slow) as server,
        Relaying(_as_tls(server) if tls else server.target) as relay,
        relay.connect() as client,
    ):
        wait_until(lambda: relay.relay.connections)
        client.setblocking(False)
        sent = 0
        while (taken := _sent_after_a_while(client, data[sent : sent + (1 << 20)])) > 0:
            sent += taken
        assert sent < len(data)
        (pair,) = relay.relay._descriptors
        held = len(pair._leaving.get(Side.SERVER, b"")) + pair._course.held_bytes(Side.SERVER)
        assert held < MOST_HELD_BYTES + 65536
        go_on.set()
        client.settimeout(20)
        client.sendall(data[sent:])
        client.shutdown(socket.SHUT_WR)
        assert received(client) == b"%d" % hash(data)


def _sent_after_a_while(client: socket.socket, data: bytes) -> int:
    """Send what the kernel takes; 0 once it takes nothing for some time."""
    for _ in range(30):
        with contextlib.suppress(BlockingIOError):
            return client.send(data)
        threading.Event().wait(0.02)
    return 0


def test_many_connections_at_once() -> None:
    """Each has its own server's connection, and its own bytes."""
    with (
        Serving(echoing) as server,
        Relaying(server.target) as relay,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(relay.connect()) for _ in range(300)]
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number)
        for number, client in enumerate(clients):
            assert received(client, len(str(number))) == b"%d" % number
        for client in clients:
            client.shutdown(socket.SHUT_WR)
            assert received(client) == b""
        wait_until(lambda: not relay.relay._descriptors)
        assert not relay.relay._awaited


def test_a_server_that_refuses_is_told() -> None:
    """The client, already accepted, is reset."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        target = resolve(parse_target(f"tcp://127.0.0.1:{gone.getsockname()[1]}"))[0]
    with Relaying(target) as relay:
        with pytest.raises(ConnectionResetError), relay.connect() as client:
            client.recv(1)
        assert relay.seen.refusals == ["connection refused"]


def test_a_server_without_tls_is_told() -> None:
    """Its answer to the handshake is none."""

    def greeting(peer: socket.socket) -> None:
        peer.sendall(b"220 no TLS here\r\n")

    with Serving(greeting) as server, Relaying(_as_tls(server)) as relay:
        with pytest.raises(ConnectionResetError), relay.connect() as client:
            client.recv(1)
        (reason,) = relay.seen.refusals
        assert reason.startswith("no TLS, ")


@pytest.mark.parametrize("handler", [shouting, _over_tls(shouting)], ids=["plain", "TLS"])
def test_octets_arrive_as_they_were_sent(handler: Handler) -> None:
    """However slowly."""
    with Serving(handler) as server:
        target = server.target if handler is shouting else _as_tls(server)
        with Relaying(target) as relay, relay.connect() as client:
            for octet in b"hello\nyou\n":
                client.sendall(bytes([octet]))
            assert received(client, 10) == b"HELLO\nYOU\n"


def test_unix_sockets_on_both_sides(tmp_path: Path) -> None:
    """Half-close and all."""
    with (
        Serving(_counting, path=tmp_path / "server") as server,
        Relaying(server.target, own=f"unix:{tmp_path}/relay") as relay,
        relay.connect() as client,
    ):
        client.sendall(b"x" * 1000)
        client.shutdown(socket.SHUT_WR)
        assert received(client) == b"1000 bytes"
        assert relay.seen.peers == [""]


@given(st.integers(0, 2**32))
@settings(max_examples=10)
def test_streams_are_the_same_whatever_the_writes(seed: int) -> None:
    """Both directions at once, in pieces of any size, each ended by its sender."""
    chance = random.Random(seed)
    sizes = [chance.choice([1, 100, 5000, 200_000]) for _ in range(chance.randrange(1, 12))]
    sent = [chance.randbytes(chance.randrange(1, size + 1)) for size in sizes]
    answer = [chance.randbytes(chance.randrange(1, size + 1)) for size in sizes]
    heard: list[bytes] = []

    def talking(peer: socket.socket) -> None:
        reader = threading.Thread(target=lambda: heard.append(received(peer)))
        reader.start()
        for piece in answer:
            peer.sendall(piece)
        peer.shutdown(socket.SHUT_WR)
        reader.join()

    with Serving(talking) as server, Relaying(server.target) as relay, relay.connect() as client:
        writer = threading.Thread(
            target=lambda: [*map(client.sendall, sent), client.shutdown(socket.SHUT_WR)]
        )
        writer.start()
        assert received(client) == b"".join(answer)
        writer.join()
        wait_until(lambda: heard)
        assert heard == [b"".join(sent)]
        assert _bytes_of(relay.seen, Side.CLIENT) == b"".join(sent)
        assert _bytes_of(relay.seen, Side.SERVER) == b"".join(answer)


def _bytes_of(seen: Seen, source: Side) -> bytes:
    return b"".join(
        arrival.data
        for _, side, arrival in seen.arrivals
        if side is source and isinstance(arrival, Data)
    )


@pytest.mark.parametrize("path", [False, True], ids=["TCP", "Unix"])
def test_nothing_is_done_while_nothing_happens(path: bool, tmp_path: Path) -> None:
    """No descriptor is ready for ever: not after an end of stream, nor after both."""
    own = f"unix:{tmp_path}/relay" if path else "tcp://127.0.0.1:0"
    listener = listen(resolve(parse_target(own, any_port=True))[0])
    with (
        Serving(silent) as server,
        Relay(listener, server.target, Seen(), Transparent) as relay,
        socket.socket(listener.family) as client,
    ):
        client.connect(listener.getsockname())
        for ending in (lambda: None, lambda: client.shutdown(socket.SHUT_WR)):
            ending()
            for _ in range(20):
                relay.serve_once(0.01)
            assert relay._epoll.poll(0) == []


class _Octets(Course):
    """Cuts everything into single bytes, and waits before each."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self._steps: dict[Side, deque[Step]] = {side: deque() for side in Side}
        self._pause_s = pause_s
        self._next_s = dict.fromkeys(Side, 0.0)

    def take(self, source: Side, arrival: Arrival, now_s: float) -> None:
        """Cut it."""
        steps = self._steps[source.other]
        if isinstance(arrival, Data):
            steps.extend(Send(bytes([octet])) for octet in arrival.data)
        else:
            steps.append(Finish() if isinstance(arrival, EndOfStream) else Break())

    def next_step(self, to: Side, now_s: float) -> Step | None:
        """Return the next byte, once its time has come."""
        if not self._steps[to]:
            return None
        if now_s < self._next_s[to]:
            return Hold(self._next_s[to])
        self._next_s[to] = now_s + self._pause_s
        return self._steps[to].popleft()

    def held_bytes(self, to: Side) -> int:
        """Count them."""
        return len(self._steps[to])


@pytest.mark.parametrize("pause_s", [0.0, 0.002])
def test_a_course_may_cut_and_hold_what_passes(pause_s: float) -> None:
    """The server reads single bytes; the conversation is the same."""
    reads: list[int] = []

    def reading(peer: socket.socket) -> None:
        while data := peer.recv(100):
            reads.append(len(data))
            peer.sendall(data)

    with (
        Serving(reading) as server,
        Relaying(server.target, lambda: _Octets(pause_s)) as relay,
        relay.connect() as client,
    ):
        client.sendall(b"0123456789" * 5)
        client.shutdown(socket.SHUT_WR)
        assert received(client) == b"0123456789" * 5
    assert sum(reads) == 50
    assert pause_s == 0.0 or len(reads) > 25


class _BreakingReply(Transparent):
    """Resets the client at the first byte of a reply."""

    def next_step(self, to: Side, now_s: float) -> Step | None:
        """Return a reset instead of a reply."""
        step = super().next_step(to, now_s)
        return Break() if to is Side.CLIENT and isinstance(step, Send) else step


def test_a_course_may_break_a_connection() -> None:
    """Where the server did not."""
    with Serving(echoing) as server, Relaying(server.target, _BreakingReply) as relay:
        with relay.connect() as client:
            client.sendall(b"x")
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        wait_until(lambda: not relay.relay._descriptors)


def test_an_address_that_is_taken_is_told() -> None:
    """In a line."""
    with Serving(echoing) as server, pytest.raises(CannotRunError, match="cannot listen on tcp://"):
        listen(server.target)


def test_descriptors_that_run_out_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay accepts again when a connection has ended, and doesn't spin until then."""
    listener = listen(resolve(parse_target("tcp://127.0.0.1:0", any_port=True))[0])
    with Serving(echoing) as server, Relay(listener, server.target, Seen(), Transparent) as relay:

        def connect() -> socket.socket:
            client = socket.create_connection(listener.getsockname())
            client.settimeout(5)
            return client

        with connect() as first:
            first.sendall(b"x")
            _turn(relay, lambda: relay.connections == 1)
            monkeypatch.setattr(relay, "_listener", _Exhausted(listener))
            with connect() as second:
                for _ in range(5):
                    relay.serve_once(0.01)
                assert relay.connections == 1
                assert relay._epoll.poll(0) == [] or relay.serve_once(0.01) is None
                monkeypatch.setattr(relay, "_listener", listener)
                first.close()
                _turn(relay, lambda: relay.connections == 2)
                second.sendall(b"y")
                _turn(relay, lambda: bool(relay._descriptors))


def _turn(relay: Relay, condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        relay.serve_once(0.01)
    raise AssertionError("it never became true")


class _Exhausted:
    """A listener for whose clients there is no descriptor left."""

    def __init__(self, listener: socket.socket) -> None:
        self.fileno = listener.fileno

    def accept(self) -> None:
        """Fail as the kernel does."""
        raise OSError(24, "Too many open files")


def test_the_transparent_course_passes_on_what_came() -> None:
    """In order, to the other side, ends and resets too."""
    course = Transparent()
    course.take(Side.CLIENT, Data(b"ab"), 0.0)
    course.take(Side.CLIENT, Data(b"c"), 0.0)
    course.take(Side.SERVER, Reset(), 0.0)
    course.take(Side.CLIENT, EndOfStream(), 0.0)
    assert course.held_bytes(Side.SERVER) == 3
    steps = [course.next_step(Side.SERVER, 0.0) for _ in range(4)]
    assert steps == [Send(b"ab"), Send(b"c"), Finish(), None]
    assert [course.next_step(Side.CLIENT, 0.0) for _ in range(2)] == [Break(), None]
    assert course.held_bytes(Side.SERVER) == 0


def test_tls_that_ends_without_saying_so_is_an_end() -> None:
    """Many servers close like this."""

    def rude(peer: socket.socket) -> None:
        with server_context().wrap_socket(peer, server_side=True) as encrypted:
            encrypted.sendall(b"bye")
            raw = socket.socket(fileno=encrypted.detach())
            raw.shutdown(socket.SHUT_RDWR)
            raw.close()

    with Serving(rude) as server, Relaying(_as_tls(server)) as relay, relay.connect() as client:
        assert received(client) == b"bye"
