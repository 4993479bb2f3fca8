"""Faults of sending and of closing, resets included."""

import os
import select
import socket
import struct
from select import EPOLLIN, EPOLLOUT, EPOLLRDHUP

from reference_server.prefork import Worker
from reference_server.variants.base import (
    Fault,
    SteppedConnection,
    end,
    flood,
    hold,
    last,
    reset,
    say,
    worker_of,
)

MUCH = 12_000_000  # more than the kernel holds for a connection that is not read


class IgnoresPartialSend(SteppedConnection):
    def owe(self, replies: bytes) -> None:
        """Forget it: the result of send was never looked at."""
        del replies


class ClosesOnFullBuffer(SteppedConnection):
    def owe(self, replies: bytes) -> None:
        del replies
        self.close()


class SendsFromTheStart(SteppedConnection):
    def send(self, replies: bytes) -> None:
        self._whole = replies
        super().send(replies)

    def owe(self, replies: bytes) -> None:
        del replies
        super().owe(self._whole)


class BlocksToSend(SteppedConnection):
    def owe(self, replies: bytes) -> None:
        poll = select.poll()
        poll.register(self.sock, select.POLLOUT)
        while replies and poll.poll():
            try:
                replies = replies[os.write(self.descriptor, replies) :]
            except OSError:
                self.close()
                return


class ReadsWhileOwing(SteppedConnection):
    """Keeps reading: what is held grows to a limit, and what exceeds it is dropped."""

    def owe(self, replies: bytes) -> None:
        self.owed = replies
        self.loop.watch(self, EPOLLIN | EPOLLOUT, self.both)

    def both(self) -> None:
        self.flush()
        if self.sock.fileno() >= 0 and self.owed:
            self.receive()

    def send(self, replies: bytes) -> None:
        if not self.owed:
            super().send(replies)
        elif len(self.owed) < 262_144:
            self.owed += replies


class OvertakesItself(SteppedConnection):
    """The rest of a reply waits its turn, but the next reply does not wait for it."""

    def owe(self, replies: bytes) -> None:
        self.owed = replies
        self.loop.watch(self, EPOLLOUT, self.flush)

    def flush(self) -> None:
        rest, self.owed = self.owed, b""
        self.loop.watch(self, EPOLLIN, self.receive)
        self.receive()
        if self.sock.fileno() >= 0:
            self.send(rest) if not self.owed else self.owe(self.owed + rest)


class NeverFlushes(SteppedConnection):
    held = b""

    def answer(self, data: bytes) -> None:
        self.held += self._framer.frames(data)
        if len(self.held) >= 8192:
            held, self.held = self.held, b""
            self.send(held)

    def end_of_input(self) -> None:
        self.send(self.held)
        self.close()


class HalfCloseMeansGone(SteppedConnection):
    def take(self) -> bytes:
        poll = select.poll()
        poll.register(self.sock, EPOLLRDHUP)
        return b"" if poll.poll(0) else super().take()


class ResetsOnClose(SteppedConnection):
    def end_of_input(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


class NeverCloses(SteppedConnection):
    def end_of_input(self) -> None:
        self.loop.watch(self, 0, self.close)


class ClosesAfterReply(SteppedConnection):
    def answer(self, data: bytes) -> None:
        super().answer(data)
        self.finish()


class ClosesAfterHundred(SteppedConnection):
    left = 100

    def answer(self, data: bytes) -> None:
        super().answer(data)
        self.left -= 1
        if not self.left:
            self.finish()


class ResetKillsWorker(SteppedConnection):
    def failed(self) -> None:
        raise ConnectionResetError("nobody catches this")


class ResetStopsAccepting(SteppedConnection):
    def failed(self) -> None:
        self.close()
        if isinstance(self.loop, Worker):
            self.loop._pause_accepting()  # noqa: SLF001 - the fault: and never again
            self.loop._listeners.clear()  # noqa: SLF001


class EndClosesNeighbour(SteppedConnection):
    def end_of_input(self) -> None:
        self.close()
        if isinstance(self.loop, Worker) and self.loop.connections:
            next(iter(self.loop.connections.values())).finish()


FAULTS = (
    Fault(
        "ignores-partial-send",
        "sending",
        "`send` may take only a part; the rest is lost",
        "the article's own server; the commonest bug of senders",
        (flood(MUCH), say(b"a")),
        service=worker_of(connection=IgnoresPartialSend),
    ),
    Fault(
        "closes-on-full-buffer",
        "sending",
        "EAGAIN is taken for a broken connection",
        "fakeredis 2.40.0 TcpFakeServer under a slow reader",
        (flood(MUCH), say(b"a")),
        service=worker_of(connection=ClosesOnFullBuffer),
    ),
    Fault(
        "sends-from-the-start",
        "sending",
        "after a partial send the whole is sent again",
        'OpenSSL\'s "retry with the same buffer" applied to send',
        (flood(MUCH), say(b"a")),
        service=worker_of(connection=SendsFromTheStart),
    ),
    Fault(
        "blocks-to-send",
        "sending",
        "sendall in the loop: one slow reader stalls all",
        "socat PIPE; event loops that call sendall",
        (flood(MUCH), say(b"a", 1)),
        service=worker_of(connection=BlocksToSend),
    ),
    Fault(
        "reads-while-owing",
        "sending",
        "a full output queue drops replies",
        "bounded message queues with a drop policy",
        (flood(MUCH), say(b"a")),
        service=worker_of(connection=ReadsWhileOwing),
    ),
    Fault(
        "overtakes-itself",
        "sending",
        "a new reply is sent ahead of the rest of an older one",
        "`try to write, queue on EAGAIN` without looking at the queue",
        (flood(MUCH), say(b"a")),
        service=worker_of(connection=OvertakesItself),
    ),
    Fault(
        "never-flushes",
        "sending",
        "replies lie in a buffered file until 8 KiB are together",
        "makefile('wb') without flush; stdio on a pipe to inetd's child",
        (say(b"a"),),
        service=worker_of(connection=NeverFlushes),
    ),
    Fault(
        "half-close-means-gone",
        "closing",
        "the end of input drops what is not answered yet",
        "ncat 7.93 -e (nmap#962); EPOLLRDHUP before EPOLLIN",
        (last(b"a"),),
        service=worker_of(connection=HalfCloseMeansGone),
    ),
    Fault(
        "resets-on-close",
        "closing",
        "SO_LINGER with 0 s makes every close a reset",
        "advice against TIME_WAIT",
        (say(b"a"), end()),
        service=worker_of(connection=ResetsOnClose),
    ),
    Fault(
        "never-closes",
        "closing",
        "the end of input is not answered by an end: CLOSE_WAIT",
        "servers that remove the reader and forget the socket",
        (say(b"a"), end()),
        service=worker_of(connection=NeverCloses),
    ),
    Fault(
        "closes-after-reply",
        "closing",
        "one request a connection",
        "zabbix-agent 6.0, finger",
        (say(b"a"), say(b"b")),
        service=worker_of(connection=ClosesAfterReply),
    ),
    Fault(
        "closes-after-hundred",
        "closing",
        "a limit of requests a connection, which no one stated",
        "keepalive_requests of nginx",
        (*[say(b"a")] * 100, say(b"b")),
        service=worker_of(connection=ClosesAfterHundred),
    ),
    Fault(
        "reset-kills-worker",
        "closing",
        "one ConnectionResetError ends the process",
        "the commonest bug of Python event loops",
        (say(b"a", 1), say(b"a"), reset(), say(b"b", 1)),
        service=worker_of(connection=ResetKillsWorker),
    ),
    Fault(
        "reset-stops-accepting",
        "closing",
        "after a reset the accept loop has ended",
        "`except OSError: break` around accept and recv alike",
        (say(b"a"), reset(), hold(0.2), say(b"b", 1)),
        service=worker_of(connection=ResetStopsAccepting),
    ),
    Fault(
        "end-closes-neighbour",
        "closing",
        "removes by a stale index: the wrong one is closed",
        "`for s in sockets: sockets.remove(s)`",
        (say(b"a", 1), say(b"a"), end(), say(b"b", 1)),
        service=worker_of(connection=EndClosesNeighbour),
    ),
)
