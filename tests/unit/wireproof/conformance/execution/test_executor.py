"""Plans executed against servers in the test's own process."""

import os
import select
import shlex
import socket
import struct
import sys
import threading
from pathlib import Path

import pytest

from tests.support.servers import (
    GreetedShout,
    Handler,
    Serving,
    Shout,
    closing_at_once,
    flooding,
    greeting,
    greeting_one_read_one_line,
    one_read_one_line,
    resetting,
    shouting,
    silent,
)
from wireproof.conformance.execution import plan_execution
from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    AwaitReleased,
    Close,
    CountDescriptors,
    HalfClose,
    Malformed,
    Open,
    OpenTogether,
    Plan,
    Push,
    Reset,
    Send,
    SendLast,
    SendOpening,
)
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import Delivery
from wireproof.target import parse_target, resolve
from wireproof.wire.connection import Connection
from wireproof.wire.delivery import DeliveryWatch, watch
from wireproof.wire.kernel.sock_diag import SockDiag

TIMEOUT_S = 0.4
LINES = single([b"abc\n", b"de\n"], [1, 5])


@pytest.mark.parametrize("where", ["127.0.0.1", "::1", "unix"])
def test_every_segment_is_confirmed_on_this_host(
    where: str, diag: SockDiag, tmp_path: Path
) -> None:
    """Over IPv4, IPv6 and Unix sockets the server reads each segment alone."""
    reads: list[bytes] = []

    def recording(peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            reads.append(data)
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                peer.sendall(line.upper() + b"\n")

    path = tmp_path / "socket" if where == "unix" else None
    with Serving(recording, path, where if path is None else "") as server:
        outcome = Executor(server.target, Shout(), diag).execute(single([b"abc\n"], [1, 2, 3]))
    assert outcome.failure is None
    assert outcome.delivery is Delivery.CONFIRMED
    assert reads == [b"a", b"b", b"c", b"\n"]


def test_without_the_kernel_delivery_is_assumed() -> None:
    """Nothing is claimed that nobody saw."""
    with Serving(shouting) as server:
        outcome = Executor(server.target, Shout(), None).execute(LINES)
    assert outcome.failure is None
    assert outcome.delivery is Delivery.ASSUMED


@pytest.mark.parametrize(
    "plan",
    [
        LINES,
        single([b"a\n"], ending=(HalfClose, AwaitEnd)),
        Plan(((b"a\n",),), (Open(0), SendLast(0, 2), AwaitEnd(0))),
        Plan(((b"x" * 99 + b"\n",) * 50,), (Open(0, 2304), Push(0, 5000, 0.02), Await(0))),
        Plan(((b"a\n",), ()), (Open(0), Open(1), Reset(1), Send(0, 2), Await(0))),
        Plan(((), (b"a\n",)), (Open(0), Malformed(0, b"\0"), Open(1), Send(1, 2), Await(1))),
        Plan(((b"a\n",),) * 3, (OpenTogether(2), *(s(n) for n in range(3) for s in (Close,)))),
        Plan(((),), (Open(0), Close(0), AwaitReleased(0))),
        interleaved([single([b"a\n"]), single([b"b\n"], [1])], [0, 1, 0, 1]),
    ],
)
def test_a_sound_server_keeps_every_step(plan: Plan, diag: SockDiag) -> None:
    """No kind of step makes a sound server fail."""
    with Serving(shouting) as server:
        assert Executor(server.target, Shout(), diag).execute(plan).failure is None


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (one_read_one_line, FailureKind.WRONG_REPLY),
        (silent, FailureKind.SILENCE),
        (resetting, FailureKind.RESET),
        (flooding, FailureKind.WRONG_REPLY),
    ],
)
def test_faulty_servers_fail_in_their_own_ways(
    handler: Handler, kind: FailureKind, diag: SockDiag
) -> None:
    """What was seen in place of a reply is told apart, and every wait ends."""
    with Serving(handler) as server:
        outcome = Executor(server.target, Shout(), diag, TIMEOUT_S).execute(LINES)
    assert outcome.failure is not None
    assert outcome.failure.kind is kind


@pytest.mark.parametrize(
    "plan", [LINES, Plan(((b"a\n",),), (OpenTogether(0), Send(0, 2), Await(0)))]
)
def test_a_reset_as_soon_as_the_connection_stands_is_seen(
    plan: Plan, diag: SockDiag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the server's doing, and never an error of ours, however soon it comes."""
    connects_returned = threading.Event()

    def watch_late(
        connected: Connection, diag: SockDiag | None, round_trip_s: float
    ) -> DeliveryWatch:
        connects_returned.set()
        gone = select.poll()
        gone.register(connected.socket, select.POLLRDHUP)
        assert gone.poll(5000)
        return watch(connected, diag, round_trip_s)

    def resetting_at_once(peer: socket.socket) -> None:
        assert connects_returned.wait(5)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    monkeypatch.setattr(plan_execution, "watch", watch_late)
    with Serving(resetting_at_once) as server:
        outcome = Executor(server.target, Shout(), diag, TIMEOUT_S).execute(plan)
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.RESET
    assert outcome.delivery is Delivery.CONFIRMED


def test_a_server_that_closes_at_once(diag: SockDiag) -> None:
    """Whether its end or its reset is seen first is the kernel's affair."""
    with Serving(closing_at_once) as server:
        outcome = Executor(server.target, Shout(), diag, TIMEOUT_S).execute(LINES)
    assert outcome.failure is not None
    assert outcome.failure.kind in {FailureKind.END, FailureKind.RESET}


def test_a_flood_after_malformed_input_ends(diag: SockDiag) -> None:
    """A server that sends for ever is left when the time is over."""
    plan = Plan(((),), (Open(0), Malformed(0, b"\0"), HalfClose(0), AwaitEnd(0)))
    with Serving(flooding) as server:
        outcome = Executor(server.target, Shout(), diag, TIMEOUT_S).execute(plan)
    assert outcome.failure is not None
    # What comes before the malformed input is still judged.
    assert outcome.failure.kind in {FailureKind.NOT_CLOSED, FailureKind.WRONG_REPLY}


def test_a_greeting_and_a_log_in_come_first(diag: SockDiag) -> None:
    """Offsets count from behind the opening exchange."""
    with Serving(greeting) as server:
        outcome = Executor(server.target, GreetedShout(), diag).execute(LINES)
    assert outcome.failure is None
    moved = [event.data for event in outcome.transcript.events if event.data]
    assert moved[:3] == [b"220 ready\n", b"login\n", b"LOGIN\n"]


def test_a_late_greeting_passes_while_others_are_judged(diag: SockDiag) -> None:
    """Connections are open ahead; the verdicts are the same, and plans that count stand alone."""
    begun = threading.Semaphore(0)

    def counted(peer: socket.socket) -> None:
        begun.release()
        greeting(peer)

    with Serving(counted) as server:
        executor = Executor(server.target, GreetedShout(), diag)
        with executor.opening_ahead(0.1, 4):
            assert executor.execute(LINES).failure is None
            assert all(begun.acquire(timeout=5) for _ in range(5))
            beside = (*LINES.actions, AwaitReleased(0))
            assert executor.execute(Plan(LINES.requests, beside)).failure is None
            assert begun.acquire(timeout=5)
            server.handler = greeting_one_read_one_line
            assert executor.execute(Plan(LINES.requests, beside)).failure is not None
        with executor.opening_ahead(0.001, 4):
            server.handler = counted
            assert executor.execute(LINES).failure is None
        assert begun.acquire(timeout=5)
    assert not begun.acquire(blocking=False)


def test_nobody_listens() -> None:
    """A refused connect is a failure of its own kind, at the step that opens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    target = resolve(parse_target(f"tcp://127.0.0.1:{port}"))[0]
    for plan in (LINES, Plan(((),) * 2, (OpenTogether(1),))):
        failure = Executor(target, Shout(), None).execute(plan).failure
        assert failure is not None
        assert failure.kind is FailureKind.NO_CONNECTION


def test_a_failed_handshake_is_the_servers() -> None:
    """A server that speaks no TLS has no connection to give, one at a time or all at once."""
    with Serving(closing_at_once) as server:
        port = server.target.port
        target = resolve(parse_target(f"tls://127.0.0.1:{port}"))[0]
        for plan in (LINES, Plan(((),) * 3, (OpenTogether(2),))):
            failure = Executor(target, Shout(), None).execute(plan).failure
            assert failure is not None
            assert failure.kind is FailureKind.NO_CONNECTION


def test_sockets_that_are_not_given_back(diag: SockDiag) -> None:
    """A server that forgets to close is found by its sockets in CLOSE-WAIT."""
    over = threading.Event()

    def forgetful(peer: socket.socket) -> None:
        shouting(peer)
        over.wait(30)

    plan = Plan(((b"a\n",),), (Open(0), Send(0, 2), Await(0), Close(0), AwaitReleased(0)))
    with Serving(forgetful) as server:
        failure = Executor(server.target, Shout(), diag, TIMEOUT_S).execute(plan).failure
        over.set()
    assert failure is not None
    assert failure.message == "the server keeps a socket of connections that are over"


def _slowly(peer: socket.socket) -> None:
    """Twenty milliseconds a reply."""
    idle = threading.Event()
    while data := peer.recv(65536):
        for _ in range(data.count(b"\n")):
            idle.wait(0.02)
            peer.sendall(b"A\n")


def _half_closed(lines: int) -> Plan:
    """Lines, the end of the stream, and only then a look at the replies."""
    ending = (Open(0), Send(0, 2 * lines), HalfClose(0), AwaitEnd(0))
    return Plan(((b"a\n",) * lines,), ending)


@pytest.mark.parametrize("plan", [single([b"a\n"] * 500), _half_closed(500)])
def test_right_replies_that_come_slowly(plan: Plan) -> None:
    """Replies that are right and take too long together are no fault of the server."""
    with Serving(_slowly) as server:
        for _ in range(3):
            failure = Executor(server.target, Shout(), None, 0.1).execute(plan).failure
            assert failure is not None
            assert failure.kind is FailureKind.TOO_SLOW


def _octet_by_octet(peer: socket.socket) -> None:
    """A line of a hundred bytes, ten milliseconds each."""
    idle = threading.Event()
    while data := peer.recv(65536):
        for octet in data.upper():
            idle.wait(0.01)
            peer.sendall(bytes([octet]))


def test_a_long_reply_that_comes_slowly() -> None:
    """A single reply that is right so far, and still comes when the time is over, is no fault."""
    with Serving(_octet_by_octet) as server:
        plan = single([b"a" * 99 + b"\n"])
        failure = Executor(server.target, Shout(), None, 0.05).execute(plan).failure
    assert failure is not None
    assert failure.kind is FailureKind.TOO_SLOW


def test_a_server_that_answers_is_not_silent() -> None:
    """Behind our end of stream, too, the timeout begins anew with each reply."""
    with Serving(_slowly) as server:
        assert Executor(server.target, Shout(), None, 0.3).execute(_half_closed(25)).failure is None


def test_descriptors_that_are_not_given_back(diag: SockDiag) -> None:
    """Files that a server opens for a connection and forgets are found over three connections."""
    forgotten: list[int] = []

    def forgetful(peer: socket.socket) -> None:
        forgotten.append(os.open(os.devnull, os.O_RDONLY))
        shouting(peer)

    def rounds(count: int) -> Plan:
        steps = [
            step
            for n in range(count)
            for step in (CountDescriptors(0), Open(n), Send(n, 2), Await(n), Close(n))
        ]
        return Plan(((b"a\n",),) * count, (*steps, CountDescriptors(0)))

    with Serving(forgetful) as server:
        executor = Executor(server.target, Shout(), diag, TIMEOUT_S)
        failures = [executor.execute(rounds(count)).failure for count in (2, 3)]
    for one in forgotten:
        os.close(one)
    assert failures[0] is None
    assert failures[1] is not None
    assert failures[1].message.endswith("the server has more descriptors open")


def test_an_opening_by_hand(diag: SockDiag) -> None:
    """It is cut, joined with the first request, and left unfinished, as the plan says."""
    opened = (Open(0, by_hand=True), Await(0))
    cut = (*opened, SendOpening(0, 2), SendOpening(0, 6), Await(0), Send(0, 2), Await(0), Close(0))
    joined = (*opened, Send(0, 2), Await(0), Close(0))
    unfinished = (*opened, SendOpening(0, 2), Reset(0))
    sent = []
    with Serving(greeting) as server:
        executor = Executor(server.target, GreetedShout(), diag, TIMEOUT_S)
        for actions in (cut, joined, unfinished):
            outcome = executor.execute(Plan(((b"a\n",),), actions))
            assert outcome.failure is None
            sent.append([one.data for one in outcome.transcript.events if one.kind == "send"])
    assert sent == [[b"lo", b"gin\n", b"a\n"], [b"login\na\n"], [b"lo"]]


def test_a_failure_in_an_opening_by_hand_names_the_segments(diag: SockDiag) -> None:
    """Who reads what fails must see where the opening was cut."""
    actions = (Open(0, by_hand=True), Await(0), SendOpening(0, 2), SendOpening(0, 6), Await(0))
    with Serving(greeting_one_read_one_line) as server:
        executor = Executor(server.target, GreetedShout(), diag, TIMEOUT_S)
        failure = executor.execute(Plan(((),), actions)).failure
    assert failure is not None
    assert "after the segments up to 2" in failure.message


def test_a_name_that_is_in_use(diag: SockDiag) -> None:
    """A connection opens under another's name where the plan says so, and counts from there."""

    class Named(GreetedShout):
        def personalise(self, request: bytes, serial: int) -> bytes:
            return request.replace(b"login", b"logi%d" % serial)

        def numbered(self, request: bytes, number: int) -> bytes:
            return request.replace(b"#", b"%d" % (number % 10))

    plan = Plan(
        ((b"#\n",), (), (b"#\n",)),
        (
            *(Open(0), Send(0, 2), Await(0), Open(1, named_like=0), Open(2, first_number=255)),
            *(Send(2, 2), Await(2), Close(0), Close(1), Close(2)),
        ),
    )
    with Serving(greeting) as server:
        outcome = Executor(server.target, Named(), diag, TIMEOUT_S).execute(plan)
    assert outcome.failure is None
    sent = [one.data for one in outcome.transcript.events if one.kind == "send"]
    assert sent == [b"logi0\n", b"1\n", b"logi0\n", b"logi2\n", b"5\n"]


def test_plans_are_counted() -> None:
    """Executed plans, different ones, and whoever wants to hear of each."""
    heard: list[int] = []
    with Serving(shouting) as server:
        hear = lambda: heard.append(executor.executed)  # noqa: E731
        executor = Executor(server.target, Shout(), None, on_executed=hear)
        for plan in (LINES, LINES, single([b"a\n"])):
            executor.execute(plan)
    assert (executor.executed, executor.distinct) == (3, 2)
    assert heard == [1, 2, 3]


def test_what_is_remembered_holds_no_oracle(diag: SockDiag) -> None:
    """A conversation of 64 MiB is alive once, however many are remembered."""
    with Serving(shouting) as server:
        executor = Executor(server.target, Shout(), diag)
        outcomes = [executor.execute(LINES) for _ in range(2)]
    assert [len(one.oracles) for one in outcomes] == [1, 1]
    assert [(plan, one.oracles) for plan, one in executor.latest] == [(LINES, ())] * 2


def test_a_request_is_refused_before_all_of_it_is_sent(diag: SockDiag) -> None:
    """The end of the stream ends the refusal; nobody has to take the rest of the request."""

    def refusing(peer: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += peer.recv(1)
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno")

    protocol = find_protocol("http1", {"body": "echo"})
    (request,) = next(one for one in protocol.rules() if one.id == "HTTP1-004").conversations[0]
    plan = single([request], range(request.index(b"\r\n\r\n") + 4, len(request)))
    with Serving(refusing) as server:
        assert Executor(server.target, protocol, diag, TIMEOUT_S).execute(plan).failure is None


_SHOUTS = "import os\nwhile data := os.read(0, 65536): os.write(1, data.upper())"
_WORKS = "import time\nwhile time.process_time() < {}: pass\n"


@pytest.mark.parametrize(
    ("program", "is_silent"),
    [
        (_WORKS.format(3 * TIMEOUT_S / 2) + _SHOUTS, False),
        (_WORKS.format(60), True),
        ("import time; time.sleep(60)", True),
    ],
)
def test_a_process_that_is_at_work_before_it_says_anything_is_starting(
    program: str, is_silent: bool, diag: SockDiag
):
    """It is waited for longer than a reply, though not for ever; one that sleeps is silent."""
    command = shlex.join([sys.executable, "-S", "-E", "-c", program])
    (target,) = resolve(parse_target(f"exec:{command}"))
    timeout_s = TIMEOUT_S / 2 if is_silent else TIMEOUT_S
    outcome = Executor(target, Shout(), diag, timeout_s).execute(single([b"abc\n"]))
    assert (outcome.failure is not None) == is_silent
    if outcome.failure is not None:
        assert outcome.failure.kind is FailureKind.SILENCE
