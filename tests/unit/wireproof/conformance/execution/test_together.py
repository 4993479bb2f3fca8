import socket
import threading

from tests.support.servers import Serving, Shout, shouting
from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.execution.together import LONG_HOLD_S, longest_hold_s
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Await, Close, Open, Plan, Push
from wireproof.wire.kernel.sock_diag import SockDiag

_TIMEOUT_S = 2.0


def _held(line: bytes, hold_s: float = LONG_HOLD_S) -> Plan:
    return single([line], [1], hold_s=hold_s)


def test_all_first_parts_arrive_before_any_second(diag: SockDiag) -> None:
    """Conversations that hold do so at the same time, each with its own reply in the end."""
    arrived: list[bytes] = []
    lock = threading.Lock()

    def noting(peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            with lock:
                arrived.append(data)
            buffer += data
            if buffer.endswith(b"\n"):
                peer.sendall(buffer.upper())

    plans = [_held(line) for line in (b"abc\n", b"def\n", b"ghi\n")]
    with Serving(noting) as server:
        executor = Executor(server.target, Shout(), diag)
        held = list(executor.execute_together(plans, _TIMEOUT_S))
    assert arrived == [b"a", b"d", b"g", b"hi\n", b"ef\n", b"bc\n"]
    assert [plan for plan, _ in held] == plans[::-1]
    assert all(outcome.failure is None for _, outcome in held)
    assert executor.executed == executor.distinct == len(plans)


def test_one_that_fails_leaves_the_others_alone(diag: SockDiag) -> None:
    """A connection that is closed during its hold fails; what holds the longest ends first."""

    def impatient(peer: socket.socket) -> None:
        if (first := peer.recv(1)) == b"d":
            return
        rest = peer.recv(65536)
        peer.sendall((first + rest).upper())

    longest, closed, short = _held(b"abc\n", 2 * LONG_HOLD_S), _held(b"def\n"), _held(b"ghi\n")
    with Serving(impatient) as server:
        executor = Executor(server.target, Shout(), diag)
        held = dict(executor.execute_together([longest, closed, short], _TIMEOUT_S))
    assert list(held) == [longest, short, closed]
    failures = [held[plan].failure for plan in (closed, short, longest)]
    assert [failure and failure.kind for failure in failures] == [FailureKind.END, None, None]


def test_what_holds_for_a_moment_only_takes_its_turn(diag: SockDiag) -> None:
    """A plan without a long hold is executed whole, as it would be by itself."""
    plan = single([b"abc\n"], [1, 2])
    assert not longest_hold_s(plan)
    with Serving(shouting) as server:
        ((_, outcome),) = Executor(server.target, Shout(), diag).execute_together([plan], 1.0)
    assert outcome.failure is None


def test_a_stall_passes_beside_a_hold(diag: SockDiag) -> None:
    """Who reads nothing for long has the others hold meanwhile, and gets all its replies then."""
    first_bytes: list[bytes] = []
    lock = threading.Lock()

    def noting(peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            with lock:
                first_bytes.append(data[:1])
            buffer += data
            whole, _, buffer = buffer.rpartition(b"\n")
            peer.sendall(whole.upper() + b"\n" if whole else b"")

    line = b"x" * 65536 + b"\n"
    pushed = (Open(0, receive_buffer_bytes=2304), Push(0, 128 * len(line), 3 * LONG_HOLD_S))
    stalled = Plan(((line,) * 128,), (*pushed, Await(0), Close(0)))
    held = _held(b"abc\n")
    assert longest_hold_s(stalled) == 3 * LONG_HOLD_S
    with Serving(noting) as server:
        executor = Executor(server.target, Shout(), diag)
        ended = list(executor.execute_together([stalled, held], _TIMEOUT_S))
    assert [plan for plan, _ in ended] == [stalled, held]
    assert all(outcome.failure is None for _, outcome in ended)
    assert b"x" in first_bytes[first_bytes.index(b"a") : first_bytes.index(b"b")]


def test_in_the_time_of_a_silence_something_else_is_done(diag: SockDiag) -> None:
    """What comes only then is right all the same; what never comes is still a silence."""
    is_asked = threading.Event()

    def waiting(peer: socket.socket) -> None:
        line = peer.recv(65536)
        is_asked.wait(_TIMEOUT_S)
        peer.sendall(line.upper() if line == b"abc\n" else b"")
        peer.recv(1)

    done: list[bytes] = []

    def ask() -> None:
        done.append(b"asked")
        is_asked.set()

    with Serving(waiting) as server:
        executor = Executor(server.target, Shout(), diag, timeout_s=0.3)
        late = executor.execute_patiently(single([b"abc\n"]), 0.02, ask).failure
        never = executor.execute_patiently(single([b"def\n"]), 0.02, ask).failure
    assert late is None
    assert never is not None
    assert never.kind is FailureKind.SILENCE
    assert len(done) == 2
