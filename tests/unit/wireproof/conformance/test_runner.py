"""Verdicts, against servers whose faults the test knows."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.support.servers import (
    Serving,
    Shout,
    one_read_one_line,
    resetting,
    shouting,
    silent,
)
from wireproof.conformance import liveness, settling
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS, Depth
from wireproof.conformance.verdict import Judged
from wireproof.errors import ProtocolCodeError
from wireproof.protocols.base import Protocol
from wireproof.results import Level, Verdict
from wireproof.wire.kernel.sock_diag import SockDiag

HASTY = replace(DEPTHS["quick"], timeout_s=0.5, shrink_s=0.8, confirmations=3)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers here answer at once or never."""
    monkeypatch.setattr(settling, "_TIMEOUT_S", 0.4)
    monkeypatch.setattr(liveness, "_REVIVAL_TIMEOUT_S", 0.2)


def _judged(
    server: Serving,
    diag: SockDiag,
    *ids: str,
    protocol: Protocol | None = None,
    time_budget_s: float | None = None,
    shrink_s: float = HASTY.shrink_s,
    depth: Depth = HASTY,
) -> list[Judged]:
    protocol = protocol or Shout()
    known = {one.id: one for one in catalogue_for(protocol)}
    depth = replace(depth, shrink_s=shrink_s)
    runner = Runner(server.target, protocol, depth, seed=3, diag=diag, time_budget_s=time_budget_s)
    return list(runner.judge([known[identifier] for identifier in ids]))


def test_a_sound_server_passes(diag: SockDiag) -> None:
    """PASS with how many conversations it took, and how sure their delivery was."""
    with Serving(shouting) as server:
        (judged,) = _judged(server, diag, "SEG-SINGLE")
    assert judged.result.verdict is Verdict.PASS
    assert judged.result.examples > 10
    assert judged.result.delivery == "confirmed"
    assert judged.finding is None


def test_the_boundary_map_says_where_it_fails(diag: SockDiag) -> None:
    """Each offset of the conversation was tried, and those that fail are marked."""

    def splits_cr_lf(peer: socket.socket) -> None:
        """Loses its buffer when it ends with the fourth octet."""
        buffer = b""
        while data := peer.recv(65536):
            buffer += data
            if len(buffer) == 2 and not buffer.endswith(b"\n"):
                buffer = b""
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                peer.sendall(line.upper() + b"\n")

    with Serving(splits_cr_lf) as server:
        (judged,) = _judged(server, diag, "SEG-SINGLE")
    assert judged.result.verdict is Verdict.FAIL
    found = judged.boundary_map
    assert found is not None
    assert [one.offset_bytes for one in found.boundaries] == [*range(1, found.length_bytes)]
    failed = [one.offset_bytes for one in found.boundaries if one.failed]
    assert 2 in failed
    assert len(failed) < len(found.boundaries)


def test_a_finding_is_minimal_and_confirmed(diag: SockDiag) -> None:
    """The smallest conversation, run again on fresh connections, and explained."""
    with Serving(one_read_one_line) as server:
        (judged,) = _judged(server, diag, "SEG-SETS", shrink_s=30)
    finding = judged.finding
    assert finding is not None
    assert finding.failed == finding.runs >= 3
    assert finding.failing.plan.cuts == 1
    assert finding.failing.plan.bytes_sent == 2
    assert "when the cut falls after byte 1" in judged.result.message


def test_one_cause_is_one_story(diag: SockDiag) -> None:
    """Two requirements broken by one fault name the same cause, and it is made small once."""
    with Serving(one_read_one_line) as server:
        first, second = _judged(server, diag, "SEG-SINGLE", "SEG-OCTETS", shrink_s=30)
    assert first.finding is not None
    assert second.finding is not None
    # How a minimum ends is the same, too, unless a busy machine has let one try of the two wait.
    one, other = first.finding.failing.plan, second.finding.failing.plan
    assert (one.requests, one.cuts) == (other.requests, other.cuts)
    assert (first.result.cause, second.result.cause) == ("C1", "C1")
    assert first.result.message == second.result.message
    assert second.result.examples < first.result.examples


def test_a_fault_that_comes_and_goes_is_flaky(diag: SockDiag) -> None:
    """FLAKY says how often it was seen again."""
    lock = threading.Lock()
    calls = [0]

    def moody(peer: socket.socket) -> None:
        """Every third connection resets."""
        with lock:
            calls[0] += 1
            bad = calls[0] % 3 == 0
        (resetting if bad else shouting)(peer)

    with Serving(moody) as server:
        (judged,) = _judged(server, diag, "FRAME-EXACT")
    assert judged.result.verdict in {Verdict.FLAKY, Verdict.INCONCLUSIVE}
    finding = judged.finding
    assert finding is not None
    assert 0 <= finding.failed < finding.runs


def test_a_minimum_that_chance_found_is_walked_back(diag: SockDiag) -> None:
    """Where shrinking ended in a plan that failed once only, the larger one before it counts."""
    lock = threading.Lock()
    left = ["short"]
    long_ones: list[bytes] = []

    def fails_on_long_lines(peer: socket.socket) -> None:
        """Falls silent on a cut line of ten bytes and more, and on one short one after it."""
        buffer = peer.recv(65536)
        if buffer and not buffer.endswith(b"\n"):
            while more := peer.recv(65536):
                buffer += more
                if buffer.endswith(b"\n"):
                    break
            with lock:
                if len(buffer) >= 10:
                    long_ones.append(buffer)
                    return silent(peer)
                if long_ones and left:
                    left.pop()
                    return silent(peer)
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            peer.sendall(line.upper() + b"\n")
        return shouting(peer)

    with Serving(fails_on_long_lines) as server:
        (judged,) = _judged(server, diag, "SEG-SINGLE", shrink_s=30)
    assert not left
    assert judged.result.verdict is Verdict.FAIL
    finding = judged.finding
    assert finding is not None
    assert finding.failed == finding.runs >= 3
    assert finding.failing.plan.bytes_sent >= 10


def test_a_should_is_not_strict(diag: SockDiag) -> None:
    """What is no MUST is not met, and no failure; the protocol may bind more."""

    class Strict(Shout):
        half_close = Level.MUST

    def closes_at_the_end(peer: socket.socket) -> None:
        """Takes the client's end for its own."""
        buffer = b""
        while data := peer.recv(65536):
            buffer += data
            with contextlib.suppress(BlockingIOError):
                if peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                    return
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                peer.sendall(line.upper() + b"\n")

    with Serving(closes_at_the_end) as server:
        (strict,) = _judged(server, diag, "CLOSE-HALF", protocol=Strict())
        (lenient,) = _judged(server, diag, "CLOSE-HALF")
    assert lenient.result.verdict is Verdict.NON_STRICT
    assert strict.result.verdict is Verdict.FAIL


def test_a_server_that_dies_is_told_by_what_ended_it(diag: SockDiag) -> None:
    """The requirement that killed it FAILs; what follows is INCONCLUSIVE, not another failure."""

    def fragile(peer: socket.socket) -> None:
        """Falls silent for good once a connection is reset."""
        try:
            if server.handler is fragile:
                shouting(peer)
        except ConnectionResetError:
            server.handler = silent

    with Serving(fragile) as server:
        lines = [
            one.result for one in _judged(server, diag, "BASE-ANSWER", "RESET-MID", "SEG-SETS")
        ]
    assert [line.verdict for line in lines] == [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE]
    assert "in RESET-MID" in lines[2].message


def test_no_time_is_inconclusive(diag: SockDiag) -> None:
    """What was not tried did not pass."""
    with Serving(shouting) as server:
        (judged,) = _judged(server, diag, "SEG-SINGLE", time_budget_s=0.0)
    assert judged.result.verdict is Verdict.INCONCLUSIVE
    assert judged.result.message == "time ran out"


def test_what_a_depth_leaves_out_of_a_long_request_is_told(diag: SockDiag) -> None:
    """PASS, with how many of how many places were cut."""

    class Scripted(Shout):
        def conversations(self) -> list[tuple[bytes, ...]]:
            return [(b"x" * 2_000 + b"\n",)]

    with Serving(shouting) as server:
        (judged,) = _judged(
            server, diag, "SEG-SINGLE", protocol=Scripted(), depth=replace(HASTY, requirement_s=0.2)
        )
    assert judged.result.verdict is Verdict.PASS
    assert re.fullmatch(
        r"2\d\d of 2,\d{3} conversations tried, spread over all: depth quick tries no more",
        judged.result.message,
    )


def test_what_the_protocol_has_not(diag: SockDiag) -> None:
    """UNSUPPORTED says why, and sends nothing."""
    with Serving(shouting) as server:
        (judged,) = _judged(server, diag, "TS-CHUNK")
    assert judged.result.verdict is Verdict.UNSUPPORTED
    assert judged.result.examples == 0


@pytest.mark.parametrize("promised", [1, 2])
def test_no_more_connections_are_opened_at_a_time_than_are_promised(
    diag: SockDiag, promised: int
) -> None:
    """A server that has one at a time is sound where one is promised, and not where two are."""

    class Promised(Shout):
        connections = promised

    is_free = threading.Lock()

    def in_turn(peer: socket.socket) -> None:
        with is_free:
            shouting(peer)

    asked = ("SEG-SINGLE", "CAP-CONCURRENT", "ISO-PARTS", "RESET-MID")
    with Serving(in_turn) as server:
        judged = _judged(server, diag, *asked, protocol=Promised())
    found = {one.result.id: one.result.verdict for one in judged}
    assert found.pop("SEG-SINGLE") is Verdict.PASS
    if promised == 1:
        assert set(found.values()) == {Verdict.UNSUPPORTED}
        assert "1 connection at a time" in judged[1].result.message
    else:
        assert found["CAP-CONCURRENT"] is Verdict.FAIL


def test_a_fault_of_ours_hides_no_other_verdict(
    diag: SockDiag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ERROR for the one, a verdict for the next."""
    known = {one.id: one for one in catalogue_for(Shout())}

    def broken(_: object) -> Iterator[object]:
        raise ZeroDivisionError("ours")

    ours = replace(known["SEG-SINGLE"], plans=broken)  # type: ignore[arg-type]
    with Serving(shouting) as server:
        runner = Runner(server.target, Shout(), HASTY, seed=3, diag=diag)
        first, second = runner.judge([ours, known["BASE-ANSWER"]])
    assert (first.result.verdict, first.result.message) == (
        Verdict.ERROR,
        "ZeroDivisionError: ours",
    )
    assert second.result.verdict is Verdict.PASS


def test_a_fault_of_the_users_protocol_stops(diag: SockDiag) -> None:
    """The user's code is named, instead of a verdict about the server."""

    class Wrong(Shout):
        def expected(self, request: bytes) -> bytes:
            raise KeyError(request)

    with Serving(shouting) as server, pytest.raises(ProtocolCodeError, match="KeyError"):
        _judged(server, diag, "BASE-ANSWER", protocol=Wrong())


def test_the_minimum_keeps_what_the_protocol_declares(diag: SockDiag) -> None:
    """Where a request must wait for the reply before, no smaller conversation may pipeline."""

    class OneAtATime(Shout):
        pipelining = False

    with Serving(one_read_one_line) as server:
        judged = _judged(server, diag, "SEG-SINGLE", "SEG-SETS", "SEG-LATER", protocol=OneAtATime())
    plans = [one.finding.failing.plan for one in judged if one.finding is not None]
    assert len(plans) == 3
    assert not any(plan.pipelines for plan in plans)


def test_the_heading_is_the_requirement_that_fits(diag: SockDiag) -> None:
    """What fails at its twentieth request, however sent, is no matter of coalescing."""

    def tires(peer: socket.socket) -> None:
        """Answers nineteen lines."""
        left = 19
        for line in peer.makefile("rb"):
            if not left:
                return silent(peer)
            left -= 1
            peer.sendall(line.upper())
        return None

    with Serving(tires) as server:
        exact, many = _judged(server, diag, "FRAME-EXACT", "COAL-MANY", shrink_s=20)
    assert (exact.result.verdict, many.result.verdict) == (Verdict.PASS, Verdict.FAIL)
    (amended,) = many.amended
    assert (amended.result.id, amended.result.verdict) == ("FRAME-EXACT", Verdict.FAIL)
    assert amended.result.cause == many.result.cause == "C1"
    assert "whenever request 20 of a connection" in many.result.message
    assert many.cause is not None
    assert many.cause.requirements == ["FRAME-EXACT", "COAL-MANY"]


def test_a_judge_that_cannot_take_a_reply_finds_it_wrong(diag: SockDiag) -> None:
    """`json.loads` of garbage is a finding of that conversation, not the end of the check."""

    class Loads(Shout):
        def expected(self, request: bytes) -> Callable[[bytes], bool]:
            del request
            return lambda reply: bool(json.loads(reply))

    with Serving(shouting) as server:
        (judged,) = _judged(server, diag, "BASE-ANSWER", protocol=Loads())
    assert judged.result.verdict is Verdict.FAIL
    assert judged.finding is not None
    assert "raised JSONDecodeError" in judged.result.message
    assert "test_runner.py:" in judged.result.message
