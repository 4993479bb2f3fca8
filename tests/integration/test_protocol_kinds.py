"""What a protocol says of itself, kept by the engine on real connections."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from hypothesis import strategies as st

from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.protocols import Delimited, Protocol
from wireproof.target import parse_target, resolve
from wireproof.wire.kernel.sock_diag import SockDiag

TIMEOUT_S = 10


@contextlib.contextmanager
def serving(replies: dict[bytes, bytes], seen: list[bytes], *, close: bool) -> Iterator[int]:
    """Answer each recv() by the first of `replies` that it begins with; keep what was seen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(TIMEOUT_S)
                        while data := connection.recv(1000):
                            seen.append(data)
                            connection.sendall(
                                next((r for q, r in replies.items() if data.startswith(q)), b"?\n")
                            )
                            if close:
                                break

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(TIMEOUT_S)


def run(port: int, protocol: Protocol, *plans: Plan) -> list[str]:
    """Execute plans and return their failures."""
    target = resolve(parse_target(f"tcp://127.0.0.1:{port}"))[0]
    with contextlib.closing(SockDiag()) as diag:
        executor = Executor(target, protocol, diag, TIMEOUT_S)
        outcomes = [executor.execute(plan) for plan in plans]
    return [outcome.failure.message if outcome.failure else "" for outcome in outcomes]


class TwoSteps(Delimited):
    """`DATA`, then a text that may only follow its reply."""

    def requests(self):
        """Return both."""
        return st.just(b"DATA\ntext\n")

    def parts(self, request: bytes):
        """Return both, one by one."""
        return request.splitlines(keepends=True)

    def pauses(self, request: bytes):
        """Wait behind the first line."""
        return [request.index(b"\n") + 1]

    def expected(self, message: bytes):
        """Return what each is answered with."""
        return b"go\n" if message == b"DATA\n" else b"ok\n"


def test_the_client_pauses_where_the_protocol_says():
    """A request that is to leave in one segment is held back at its pause."""
    seen: list[bytes] = []
    with serving({b"DATA": b"go\n", b"text": b"ok\n"}, seen, close=False) as port:
        assert run(port, TwoSteps(), single([b"DATA\ntext\n"])) == [""]
    assert seen == [b"DATA\n", b"text\n"]


class Private(Delimited):
    """A key that belongs to the connection."""

    def requests(self):
        """Return a request for key 0."""
        return st.just(b"get 0000\n")

    def opening(self):
        """Return a request that needs the key too."""
        return [b"del 0000\n"]

    def personalise(self, request: bytes, serial: int):
        """Put the serial into the key."""
        return request.replace(b"0000", b"%04d" % serial)

    def expected(self, request: bytes):
        """Return one answer for all."""
        return b"ok\n"


def test_each_connection_has_requests_of_its_own():
    """Opening and requests of one connection share a serial; the next connection has another."""
    seen: list[bytes] = []
    plan = single([b"get 0000\n"])
    with serving({b"": b"ok\n"}, seen, close=False) as port:
        assert run(port, Private(), plan, plan) == ["", ""]
    assert seen == [b"del 0000\n", b"get 0000\n", b"del 0001\n", b"get 0001\n"]


class Closing(Private):
    """The server says that it closes."""

    def opening(self):
        """Open with nothing."""
        return []

    def closes(self, reply: bytes):
        """Every reply is the last."""
        return True


def test_nothing_is_missed_where_the_server_says_that_it_closes():
    """Requests behind the reply that ends the stream are not owed an answer."""
    plan = single([b"get 0000\n"] * 3, lock_step=True)
    with serving({b"": b"ok\n"}, [], close=True) as port:
        assert run(port, Closing(), plan) == [""]
    with serving({b"": b"ok\n"}, [], close=True) as port:
        assert run(port, Private(), plan) != [""]
