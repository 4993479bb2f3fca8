"""Faults of state shared between connections, and of capacity."""

import contextlib
import os
import resource
import select
import socket
import ssl

from reference_server.connection import Connection, Loop
from reference_server.listener import Listener
from reference_server.prefork import Worker
from reference_server.variants.base import (
    ChunkFramer,
    Fault,
    Step,
    SteppedConnection,
    flood,
    last,
    open_,
    say,
    worker_of,
)


class StaleTail(ChunkFramer):
    longest = b""

    def payload(self, chunk: bytes) -> bytes:
        self.longest = chunk + self.longest[len(chunk) :]
        return self.longest


class HalfCharacters(ChunkFramer):
    tail = b""

    def payload(self, chunk: bytes) -> bytes:
        data = self.tail + chunk
        self.tail = data[-1:] if data[-1:] >= b"\xc0" else b""
        return data.removesuffix(self.tail)


def _newest(loop: Loop) -> Connection | None:
    return list(loop.connections.values())[-1] if isinstance(loop, Worker) else None


class AnswersNewest(SteppedConnection):
    def send(self, replies: bytes) -> None:
        newest = _newest(self.loop)
        if isinstance(newest, AnswersNewest):
            SteppedConnection.send(newest, replies)


class AnswersAll(SteppedConnection):
    def send(self, replies: bytes) -> None:
        if isinstance(self.loop, Worker):
            for one in list(self.loop.connections.values()):
                if isinstance(one, AnswersAll):
                    SteppedConnection.send(one, replies)


class OneSessionAnAddress(Worker):
    def _connection(self, sock: socket.socket, tls: ssl.SSLContext | None) -> Connection:
        for earlier in list(self.connections.values()):
            earlier.finish()
        return super()._connection(sock, tls)


class SharedRest(SteppedConnection):
    """The unsent rest lies in one place for all, and goes out with whatever is sent next."""

    def owe(self, replies: bytes) -> None:
        self._framer.rest = replies  # type: ignore[attr-defined]

    def send(self, replies: bytes) -> None:
        rest = getattr(self._framer, "rest", b"")
        self._framer.rest = b""  # type: ignore[attr-defined]
        super().send(rest + replies)


class AcceptsSixty(Worker):
    def accept_from(self, listener: Listener) -> bool:
        if self._accepted < 60:
            return super().accept_from(listener)
        self._pause_accepting()
        return False


class ClosesBeyondForty(Worker):
    def accept_from(self, listener: Listener) -> bool:
        accepted = super().accept_from(listener)
        newest = _newest(self)
        if accepted and newest and len(self.connections) > 40:
            newest.close()
        return accepted


class TableOfForty(Worker):
    def accept_from(self, listener: Listener) -> bool:
        accepted = super().accept_from(listener)
        newest = _newest(self)
        if accepted and newest and len(self.connections) > 40:
            self.watch(newest, 0, newest.close)
        return accepted


class LeaksDescriptors(SteppedConnection):
    def close(self) -> None:
        os.dup(self.descriptor)
        if isinstance(self.loop, Worker):  # else epoll would go on reporting the copy
            self.loop._epoll.unregister(self.sock)  # noqa: SLF001
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        super().close()


class ForgetsItsLog(SteppedConnection):
    """Opens a file at the end of each connection, and nobody closes it."""

    def close(self) -> None:
        os.open(os.devnull, os.O_WRONLY)
        super().close()


class FewDescriptors(Worker):
    connection_type = LeaksDescriptors

    def start(self) -> None:
        super().start()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(80, hard), hard))


class WaitsForTheFirst(Worker):
    def accept_from(self, listener: Listener) -> bool:
        accepted = super().accept_from(listener)
        newest = _newest(self)
        if accepted and newest:
            poll = select.poll()
            poll.register(newest.sock, select.POLLIN)
            poll.poll()
        return accepted


def _crowd(size: int) -> tuple[Step, ...]:
    return (*[open_(number) for number in range(size)], say(b"a", size - 1))


def _parade(size: int) -> tuple[Step, ...]:
    return (*[last(b"a", number) for number in range(size)], say(b"a", size))


MUCH = 12_000_000
SHARED = {"workers": 1}

FAULTS = (
    Fault(
        "stale-tail",
        "sharing",
        "a reply is as long as the longest before it, of any connection",
        "reused buffers whose length is not reset; Heartbleed's family",
        (say(b"abc"), say(b"x", 1)),
        changes=SHARED,
        service=worker_of(framer=StaleTail),
    ),
    Fault(
        "half-characters",
        "sharing",
        "the start of a character waits for its end, from anyone",
        "one incremental decoder for all connections",
        (say(b"a\xc3"), say(b"b", 1)),
        changes=SHARED,
        service=worker_of(framer=HalfCharacters),
    ),
    Fault(
        "answers-newest",
        "sharing",
        "the reply goes to the connection accepted last",
        "tinytcp 1.0.0: a late-bound lambda",
        (open_(0), open_(1), say(b"a", 0)),
        changes=SHARED,
        service=worker_of(connection=AnswersNewest),
    ),
    Fault(
        "answers-all",
        "sharing",
        "the reply goes to everyone",
        "chat server tutorials",
        (open_(0), say(b"a", 1), say(b"b", 0)),
        changes=SHARED,
        service=worker_of(connection=AnswersAll),
    ),
    Fault(
        "one-session-an-address",
        "sharing",
        "a second connection from an address ends the first",
        "sessions kept in a dict by IP address",
        (say(b"a"), open_(1), say(b"b")),
        changes=SHARED,
        service=worker_of(worker=OneSessionAnAddress),
    ),
    Fault(
        "shared-rest",
        "sharing",
        "what one connection could not be sent goes out to another",
        "a pending-output variable in the server object",
        (flood(MUCH), say(b"a", 1)),
        changes=SHARED,
        service=worker_of(connection=SharedRest),
    ),
    Fault(
        "one-at-a-time",
        "capacity",
        "the next connection waits until this one has ended",
        "the article's own server",
        (open_(0), say(b"a", 1)),
        changes={"model": "iterative"},
    ),
    Fault(
        "accepts-sixty",
        "capacity",
        "after 60 connections in all no more are accepted",
        "fixed tables whose entries are not given back",
        _parade(60),
        changes=SHARED,
        service=worker_of(worker=AcceptsSixty),
    ),
    Fault(
        "closes-beyond-forty",
        "capacity",
        "the 41st connection at a time is closed at once",
        "connection limits that nobody set",
        _crowd(41),
        changes=SHARED,
        service=worker_of(worker=ClosesBeyondForty),
    ),
    Fault(
        "table-of-forty",
        "capacity",
        "the 41st connection is accepted and never read",
        "FD_SETSIZE, in small",
        _crowd(41),
        changes=SHARED,
        service=worker_of(worker=TableOfForty),
    ),
    Fault(
        "leaks-descriptors",
        "capacity",
        "the connection ends, its descriptor stays",
        "dup or makefile without close",
        _parade(80),
        changes=SHARED,
        service=FewDescriptors,
    ),
    Fault(
        "forgets-its-log",
        "capacity",
        "a file opened for the connection stays open; the limit is far away",
        "open() without with; a pipe or an eventfd a connection",
        (),
        "the descriptors of the process, as /proc shows them, after each round of connections",
        changes=SHARED,
        service=worker_of(connection=ForgetsItsLog),
    ),
    Fault(
        "waits-for-the-first",
        "capacity",
        "accept waits for the first byte: an idle one stalls all",
        "handshakes read in the accept loop",
        (open_(0), say(b"a", 1)),
        changes=SHARED,
        service=worker_of(worker=WaitsForTheFirst, connection=Connection),
    ),
    Fault(
        "backlog-of-one",
        "capacity",
        "listen(1): a burst of connects is not queued",
        "tutorials that call listen(1)",
        (),
        "the accept queue's limit, as `ss -l` shows it",
        changes={"backlog": 1},
    ),
)
