"""Second log-ins under one name, against servers that do one thing or another about them."""

import contextlib
import socket
import threading
from dataclasses import replace

import pytest

from tests.support.servers import Handler, Serving, Shout, shouting
from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.properties.connections.identity import same_name
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS, Subject
from wireproof.protocols.exchange import SecondLogin
from wireproof.wire.kernel.sock_diag import SockDiag

TIMEOUT_S = 0.3


class Named(Shout):
    """Shouts behind a log-in that names the client."""

    name = "named-shout"

    def __init__(self, second: SecondLogin | None) -> None:
        """Say so of a second log-in."""
        self._second = second

    def opening(self) -> list[bytes]:
        """A name."""
        return [b"i am 0000000\n"]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the name."""
        return request.replace(b"0000000", b"%07d" % serial)

    def same_identity(self) -> SecondLogin | None:
        """What was said."""
        return self._second


def naming(second: SecondLogin, last_words: bytes = b"") -> Handler:
    """Return a server that does this about a second log-in, with these words."""
    named: dict[bytes, socket.socket] = {}
    lock = threading.Lock()

    def handle(peer: socket.socket) -> None:
        name = b""
        while not name.endswith(b"\n"):
            name += peer.recv(1) or b"\n"
        with lock:
            before = named.get(name)
            if second is not SecondLogin.REFUSED or before is None:
                named[name] = peer
        if before and second is not SecondLogin.SHARED:
            loser = before if second is SecondLogin.TAKES_OVER else peer
            with contextlib.suppress(OSError):
                loser.sendall(last_words)
                loser.shutdown(socket.SHUT_RDWR)
        peer.sendall(name.upper())
        shouting(peer)
        with lock:
            if named.get(name) is peer:
                del named[name]

    return handle


def subject_of(server: Serving, protocol: Named) -> Subject:
    """Return what properties know of a server."""
    subject = Runner(server.target, protocol, DEPTHS["quick"], seed=1, diag=None).subject
    return replace(subject, concurrent=True)


@pytest.mark.parametrize("last_words", [b"", b"another has your name\n"])
@pytest.mark.parametrize("does", SecondLogin)
@pytest.mark.parametrize("declared", SecondLogin)
def test_a_server_does_what_the_protocol_says(
    declared: SecondLogin, does: SecondLogin, last_words: bytes, diag: SockDiag
) -> None:
    """Taking over, refusing and sharing are each right where they are declared, and else wrong."""
    with Serving(naming(does, last_words)) as server:
        subject = subject_of(server, Named(declared))
        executor = Executor(server.target, subject.protocol, diag, TIMEOUT_S)
        failures = [executor.execute(plan).failure for plan in same_name.plans(subject)]
    assert [failure is None for failure in failures] == [declared is does] * len(failures)


def test_alone_a_connection_is_neither_taken_over_nor_refused(diag: SockDiag) -> None:
    """What shrinking leaves of a plan fails for no want of a second connection."""
    for second in (SecondLogin.TAKES_OVER, SecondLogin.REFUSED):
        with Serving(naming(second)) as server:
            subject = subject_of(server, Named(second))
            executor = Executor(server.target, subject.protocol, diag, TIMEOUT_S)
            plan = next(iter(same_name.plans(subject)))
            for number in range(len(plan.requests)):
                alone = tuple(one for one in plan.actions if one.connection == number)
                assert executor.execute(Plan(plan.requests, alone)).failure is None


def test_a_log_in_that_names_nobody_is_not_asked_about() -> None:
    """There is nothing to take over."""
    with Serving(naming(SecondLogin.SHARED)) as server:
        assert same_name.unsupported_reason(subject_of(server, Named(None)))
