"""What is found out before the catalogue."""

import itertools
import re
import socket
import threading
import time

import pytest

from tests.support.servers import SHOUT, Serving, Shout, over_tls, shouting
from wireproof.conformance import settling
from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.execution.executor import Executor, Outcome
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.errors import CannotRunError
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import Verdict
from wireproof.wire.kernel.sock_diag import SockDiag


def ignores_lone_newlines(peer: socket.socket) -> None:
    """Answer lines, but not the empty one."""
    buffer = b""
    while data := peer.recv(65536):
        buffer += data
        while b"\n" in buffer:
            line, _, buffer = buffer.partition(b"\n")
            if line:
                peer.sendall(line.upper() + b"\n")


def test_a_request_that_is_not_answered_is_a_finding_and_not_the_end(diag: SockDiag) -> None:
    """The plain request is one that the server answers; the other fails where all are tried."""
    with Serving(ignores_lone_newlines) as server:
        runner = Runner(server.target, find_protocol(SHOUT), DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
        assert runner.subject.requests[0] == b"\n"
        assert runner.subject.plain_request != b"\n"
        assert runner.subject.smallest != b"\n"
        wanted = {"BASE-ANSWER": Verdict.PASS, "FRAME-EXACT": Verdict.FAIL}
        found = {
            one.id: runner.judge_one(one).result.verdict for one in GENERIC if one.id in wanted
        }
        assert found == wanted


class SaysBye(Shout):
    """Lines; the server may say bye and end the connection."""

    def expected(self, request: bytes) -> bytes | re.Pattern[bytes]:
        """The line in capitals, with or without a word more."""
        return re.compile(re.escape(request[:-1].upper()) + b"(; bye)?\n")

    def closes(self, reply: bytes) -> bool:
        """It is the last where it says so."""
        return reply.endswith(b"; bye\n")


def ends_after_seven(peer: socket.socket) -> None:
    """Answer seven lines of a connection."""
    lines = peer.makefile("rb")
    for number, line in enumerate(lines, 1):
        peer.sendall(line[:-1].upper() + (b"; bye\n" if number == 7 else b"\n"))
        if number == 7:
            return


def test_a_server_that_ends_connections_is_asked_no_more(diag: SockDiag) -> None:
    """What is sent behind its last reply might meet a reset, and lose what it owes."""
    with Serving(ends_after_seven) as server:
        runner = Runner(server.target, SaysBye(), DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
    assert runner.subject.most_requests == 7
    stall = next(one for one in GENERIC if one.id == "SLOW-STALL")
    assert all(len(each) <= 7 for plan in stall.plans(runner.subject) for each in plan.requests)


def test_a_server_that_ends_none_is_asked_as_often_as_the_protocol_allows(diag: SockDiag) -> None:
    """Though it might say bye."""
    with Serving(shouting) as server:
        runner = Runner(server.target, SaysBye(), DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
    assert runner.subject.most_requests == SaysBye.most_requests


def test_a_protocol_names_its_plain_request(diag: SockDiag) -> None:
    """What the protocol calls plain is tried first."""

    class Named(Shout):
        def example(self) -> bytes:
            return b"hello\n"

    with Serving(shouting) as server:
        runner = Runner(server.target, Named(), DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
    assert runner.subject.plain_request == b"hello\n"
    assert runner.subject.smallest == b"\n"
    assert runner.subject.half_close
    assert runner.subject.concurrent
    assert runner.subject.request_s > 0


def test_a_server_that_falls_silent_is_waited_for_once(
    diag: SockDiag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows the first silence has less time, and a silence is no measure of the pace."""
    timeouts: list[float | None] = []
    execute = Executor.execute

    def noted(self: Executor, plan: Plan, timeout_s: float | None = None) -> Outcome:
        timeouts.append(timeout_s)
        return execute(self, plan, timeout_s)

    monkeypatch.setattr(Executor, "execute", noted)
    with Serving(ignores_lone_newlines) as server:
        runner = Runner(server.target, find_protocol(SHOUT), DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
    one_answered, one_silent, *later = timeouts
    assert one_answered == one_silent == 1.0
    assert set(later) == {0.25}
    assert runner.subject.request_s < 0.25


@pytest.mark.parametrize("is_slow", [False, True])
def test_what_long_exchanges_and_ends_take_is_found_out(diag: SockDiag, is_slow: bool) -> None:
    """A server is slow that takes its time for each byte, or before it ends."""

    def serve(peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            buffer += data
            whole, _, buffer = buffer.rpartition(b"\n")
            if is_slow and len(whole) > 100:
                threading.Event().wait(0.03)
            peer.sendall(whole.upper() + b"\n" if whole or data == b"\n" else b"")
        if is_slow:
            threading.Event().wait(0.05)

    with Serving(serve) as server:
        runner = Runner(server.target, find_protocol(SHOUT), DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
    subject = runner.subject
    assert subject.ends_late is is_slow
    assert (subject.byte_s > 0) is is_slow
    assert (subject.exchange_s > 0.01) is is_slow
    long = single([b"x" * 100_000 + b"\n"])
    assert subject.can_afford(long) is not is_slow


def test_one_quick_reply_among_slow_ones_makes_no_fast_server(diag: SockDiag) -> None:
    """Where delays vary, the pace is that of most exchanges."""
    delays = itertools.cycle([0.0, *[0.03] * 7])

    def serve(peer: socket.socket) -> None:
        while data := peer.recv(65536):
            threading.Event().wait(next(delays))
            peer.sendall(data.upper())

    with Serving(serve) as server:
        runner = Runner(server.target, find_protocol(SHOUT), DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
    assert runner.subject.exchange_s > 0.02


def test_what_a_busy_machine_takes_makes_no_slow_server(
    diag: SockDiag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time in which we had no CPU is left out, and as much for the server's."""

    def serve(peer: socket.socket) -> None:
        while data := peer.recv(65536):
            threading.Event().wait(0.03)
            peer.sendall(data.upper())

    monkeypatch.setattr(settling, "waited_s", lambda: time.monotonic() / 2)
    with Serving(serve) as server:
        runner = Runner(server.target, find_protocol(SHOUT), DEPTHS["quick"], seed=1, diag=diag)
        runner.settle()
    assert runner.subject.exchange_s < 0.01


def test_a_target_without_the_tls_that_its_server_speaks_is_no_finding(diag: SockDiag) -> None:
    """A sound server is not blamed for what its user wrote: the right target is told."""
    with Serving(over_tls) as server:
        runner = Runner(server.target, find_protocol(SHOUT), DEPTHS["quick"], seed=1, diag=diag)
        port = server.target.port
        with pytest.raises(CannotRunError, match=f"speaks TLS\nwrite tls://127.0.0.1:{port}$"):
            runner.settle()
