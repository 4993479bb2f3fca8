"""Both forms of a turn do the same with the same sockets."""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.histogram import LENGTH, index_of
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.surroundings import REAL
from wireproof.load.swarm.turn import STAMP_ONE_IN, Turn
from wireproof.load.workload.batch import Batch, Steps

compiled = pytest.importorskip(
    "wireproof.load.swarm.compiled_turn", reason="this installation has no compiled loop"
)
REPLY = b"reply"
REQUEST = b"request"
BIG = b"x" * (1 << 22)
READABLE, HUNG_UP = 1, 16


@dataclass
class Recorder:
    """What is counted."""

    sent: int = 0
    polling_ns: int = 0
    service: list[int] = field(default_factory=lambda: [0] * LENGTH)
    by_kind: list[list[int]] = field(default_factory=lambda: [[0] * LENGTH for _ in range(2)])
    unreplied: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    def count_unreplied(self, requests: int, kinds: tuple[int, ...]) -> None:
        """Take note."""
        self.unreplied.append((requests, kinds))


class Attendant:
    """Writes down what it is asked to deal with."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.numbers: dict[int, int] = {}

    def number(self, connection: Any) -> int:
        """Which connection it is; slots have no room for that."""
        return self.numbers[connection.fd]

    def on_event(self, fd: int, event: int) -> None:
        """An event that is not plain data; descriptors differ from run to run."""
        del fd
        self.asked.append(("event", event))

    def on_data(self, connection: Any, data: bytes) -> None:
        """Data that is not the known reply."""
        self.asked.append(("data", self.number(connection), data))

    def on_error(self, connection: Any, error: OSError) -> None:
        """An error instead of data."""
        self.asked.append(("error", self.number(connection), type(error), error.errno))

    def on_send_error(self, connection: Any, error: OSError) -> None:
        """An error instead of a send."""
        self.asked.append(("send error", self.number(connection), type(error), error.errno))

    def on_sent_partly(self, connection: Any, sent: int) -> None:
        """Not all was sent."""
        self.asked.append(("sent partly", self.number(connection), 0 < sent < len(BIG)))

    def count(self, connection: Any, now: int, answered: int) -> None:
        """A reply that nothing follows at once."""
        self.asked.append(("count", self.number(connection), now, answered))

    def free(self, connection: Any, now: int) -> None:
        """A connection that has nothing under way."""
        self.asked.append(("free", self.number(connection), now))


@dataclass(frozen=True)
class Case:
    """What one connection meets.

    Attributes:
        sends: what its peer has sent.
        ends: how the peer has ended: not at all, in order, or by a reset.
        event: what epoll tells.
        plain: whether it receives and sends by the socket itself.
        reply: what is known of the reply.
        slow_us: how long ago its request left.
        foreign: whether another recorder counts its requests.
        silent: how many of its requests have no reply.
        big: whether its next request is more than the kernel takes.
        slotted: whether connection and batch are what the swarm has, or something like them.
        steps: by which counters of its reply grow.

    """

    sends: bytes
    ends: str
    event: int
    plain: bool
    reply: bytes | None
    slow_us: int
    foreign: bool
    silent: int
    big: bool
    slotted: bool
    steps: Steps | None


cases = st.builds(
    Case,
    sends=st.sampled_from([REPLY, b"", REPLY[:3], REPLY + b"!", b"wrong"]),
    ends=st.sampled_from(["", "", "", "in order", "reset"]),
    event=st.sampled_from([READABLE, READABLE, READABLE, READABLE | HUNG_UP]),
    plain=st.booleans(),
    reply=st.sampled_from([REPLY, REPLY, None]),
    slow_us=st.sampled_from([0, 1, 2047, 2048, 100_000, 90_000_000]),
    foreign=st.booleans(),
    silent=st.integers(0, 2),
    big=st.booleans(),
    slotted=st.booleans(),
    steps=st.one_of(
        st.none(),
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(1, 2), st.sampled_from([0, 1, 255, 65_536])),
            max_size=2,
        ).map(tuple),
    ),
)


class LikeABatch(Batch):
    """Has all that a batch has, and is none of its own kind."""


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as ours,
        listening.accept()[0] as peers,
    ):
        ours.setblocking(False)
        yield ours, peers


def batch_of(case: Case) -> Any:
    """Return the batch under way; the next one is as large as the case has it."""
    request = BIG if case.big else REQUEST
    following: Any = Batch((request,)) if case.slotted else SimpleNamespace()
    following.first, following.left, following.count = request, len(request), 1
    batch: Any = (Batch if case.slotted else LikeABatch)((REQUEST,))
    batch.reply, batch.receive_bytes = case.reply, 65536 if case.reply is None else len(REPLY) + 1
    batch.silent, batch.answered, batch.shares = case.silent, 1, ((0, 1),)
    batch.kinds, batch.first = (0,) + (1,) * case.silent, REQUEST
    batch.next = following
    batch.steps, batch.passes, batch.accepted = case.steps, 0, None
    return batch


def connection_of(case: Case, sock: socket.socket, sent_ns: int, recorder: Recorder) -> Any:
    """Return a connection with a request under way."""
    slotted = case.slotted
    connection: Any = SwarmConnection.__new__(SwarmConnection) if slotted else SimpleNamespace()
    connection.fd, connection.hot, connection.sent_ns = sock.fileno(), batch_of(case), sent_ns
    connection.receive = sock.recv if case.plain else partial(sock.recv)
    connection.send = sock.send if case.plain else partial(sock.send)
    connection.recorder = recorder
    return connection


class Epoll:
    """Tells what it was given, once."""

    def __init__(self, events: list[tuple[int, int]]) -> None:
        self.events = events

    def poll(self, timeout_s: float, most: int) -> list[tuple[int, int]]:
        """Tell it."""
        del timeout_s
        assert len(self.events) <= most
        told, self.events = self.events, []
        return told


def requests_in(connections: Collection[Any]) -> int:
    """Count their requests."""
    return sum(connection.hot.count for connection in connections)


def done_by(turn: type, drawn: list[Case], *, how: str, tells_kinds: bool) -> object:
    """Return all that one form of a turn does with such connections."""
    now = 10**12
    times = iter(range(now, now + 10**6, 1000))
    ours, foreign, attendant = Recorder(), Recorder(), Attendant()
    ready: list[Any] = []
    with contextlib.ExitStack() as stack:
        opened: dict[int, Any] = {}
        batches: list[Any] = []
        events = []
        for number, case in enumerate(drawn):
            sock, peer = stack.enter_context(connected())
            if case.sends:
                peer.sendall(case.sends)
            if case.ends == "in order":
                peer.shutdown(socket.SHUT_WR)
            elif case.ends == "reset":
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()
            sent_ns, recorder = now - case.slow_us * 1000, foreign if case.foreign else ours
            opened[sock.fileno()] = one = connection_of(case, sock, sent_ns, recorder)
            batches.append(one.hot)
            attendant.numbers[sock.fileno()] = number
            events.append((sock.fileno(), case.event))
        events.append((1 << 20, READABLE))  # one that was closed meanwhile
        epoll, last = Epoll(events), None
        taken = turn(
            epoll,
            opened,
            attendant,
            ready,
            lambda: next(times),
            requests_in=requests_in,
            tells_kinds=tells_kinds,
        )
        if how == "stream":
            taken.stream(ours, now + 50_000)
        else:
            taken.poll(0)
            last = taken.receive(ours, now, how == "streaming")
            taken.send()
        one_by_one = opened.values()
        after = [(one.sent_ns, one.recorder is ours, one.hot.first) for one in one_by_one]
    known = [(one.reply, one.passes, one.accepted) for one in batches]
    assert ready == []
    return last, after, known, attendant.asked, ours, foreign, next(times)


@given(st.lists(cases, max_size=6), st.sampled_from(["stream", "streaming", "once"]), st.booleans())
def test_both_forms_do_the_same(drawn: list[Case], how: str, tells_kinds: bool) -> None:
    """The same counts, the same calls in the same order, and the same requests sent."""
    python, in_c = (
        done_by(turn, drawn, how=how, tells_kinds=tells_kinds) for turn in (Turn, compiled.Turn)
    )
    assert in_c == python


@pytest.mark.parametrize("turn", [Turn, compiled.Turn])
def test_one_reply_in_some_is_timed_by_the_kernel(turn: type) -> None:
    """Of as many events as are told between, one connection's next reply gets a timestamp."""
    chosen: list[int] = []
    with connected() as (ours, peer), contextlib.closing(REAL.epoll()) as epoll:
        batch = SimpleNamespace(
            reply=REPLY,
            receive_bytes=6,
            silent=0,
            answered=1,
            first=REQUEST,
            left=7,
            count=1,
            steps=None,
        )
        batch.next = batch
        recorder = Recorder()
        connection = SimpleNamespace(
            fd=ours.fileno(),
            hot=batch,
            receive=ours.recv,
            send=ours.send,
            sent_ns=0,
            recorder=recorder,
            stamp_next=lambda: chosen.append(sum(recorder.service)),
        )
        epoll.register(ours.fileno(), select.EPOLLIN)
        taken = turn(
            epoll,
            {ours.fileno(): connection},
            Attendant(),
            [],
            time.monotonic_ns,
            requests_in=requests_in,
            tells_kinds=False,
        )
        for _ in range(3 * STAMP_ONE_IN):
            peer.sendall(REPLY)
            taken.poll(10)
            taken.receive(recorder, 0, True)
            taken.send()
    assert sum(recorder.service) == 3 * STAMP_ONE_IN
    assert chosen == [STAMP_ONE_IN + 1, 2 * STAMP_ONE_IN + 2]


def test_a_reply_that_fills_no_buffer_of_ours_is_received_as_in_python() -> None:
    """What is longer than the buffer in C is none of its business."""
    with connected() as (ours, peer):
        reply = b"r" * 70_000
        peer.sendall(reply)
        while len(ours.recv(len(reply) + 1, socket.MSG_PEEK)) < len(reply):
            pass
        recorder = Recorder()
        ready: list[Any] = []
        batch = SimpleNamespace(
            reply=reply, receive_bytes=len(reply) + 1, silent=0, answered=3, count=3, steps=None
        )
        batch.next = batch
        connection = SimpleNamespace(
            fd=ours.fileno(), hot=batch, receive=ours.recv, sent_ns=0, recorder=recorder
        )
        opened = {ours.fileno(): connection}
        epoll = Epoll([(ours.fileno(), READABLE)])
        turn = compiled.Turn(
            epoll,
            opened,
            Attendant(),
            ready,
            lambda: 5_000,
            requests_in=requests_in,
            tells_kinds=False,
        )
        turn.poll(0)
        turn.receive(recorder, 0, True)
    assert ready == [connection]
    assert recorder.service[index_of(5)] == 3
