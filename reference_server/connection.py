"""One stream connection in a worker's loop.

A connection is in one of three states; each is a method that the loop calls when `epoll` reports:

- `receive`: it owes nothing. Read once and frame; nearly every event ends here. The loop calls
  `send` for the replies when it has read all connections that `epoll` reported.
- `flush`: the peer does not take its replies as fast as it asks. It is not read until all that is
  owed has been sent, so the peer's own sends stall, and what we hold for it stays bounded.
- `discard`: we have closed our side while the peer still sends. Closing outright with bytes
  unread would send a reset, which can destroy the last reply on its way (RFC 9293, SHLD-3).

Invariant: no call blocks, and whatever happens on one connection ends at most that connection.
"""

import socket
from collections.abc import Callable
from os import read, write
from select import EPOLLIN, EPOLLOUT
from typing import Protocol

from reference_server.framing import Framer

_SHORT_READ_BYTES = 448  # with the header of a bytes object, within the 512 of pymalloc


class Loop(Protocol):
    """What a connection asks of the loop that it lives in."""

    framer: Framer
    read_bytes: int
    answers: "list[tuple[Connection, bytes]]"
    """Short replies, to be sent at the end of the loop's turn."""

    def watch(self, connection: "Connection", events: int, handler: Callable[[], None]) -> None:
        """From now on call `handler` when one of the epoll `events` is reported."""

    def forget(self, connection: "Connection") -> None:
        """The connection is about to close its descriptor."""

    def linger(self, connection: "Connection") -> None:
        """Abort the connection if the peer has not closed its side in time."""


class Connection:
    """A connection over TCP or a Unix socket.

    Attributes:
        sock: non-blocking.
        descriptor: of the socket, as long as it is open.
        owed: replies that the kernel has not taken yet.

    """

    __slots__ = ("_answers", "_first_read_bytes", "_framer", "descriptor", "loop", "owed", "sock")

    def __init__(self, sock: socket.socket, loop: Loop) -> None:
        self.sock = sock
        self.loop = loop
        self.owed = b""
        self.descriptor = sock.fileno()
        self._framer = loop.framer
        self._first_read_bytes = min(_SHORT_READ_BYTES, loop.read_bytes)
        self._answers = loop.answers

    def receive(self) -> None:
        """Read what has arrived and frame it.

        What the profile asked for: `os.read` and `os.write`, which are a good tenth faster than
        `recv` and `send` of the socket object; no call to frame a short chunk; a first read so
        short that Python's own allocator serves it, which is worth a fiftieth of a round trip.
        What is left to Python is a tenth of a worker's time; the kernel has the rest.
        """
        try:
            data = read(self.descriptor, self._first_read_bytes)
            if not data:
                self.end_of_input()
                return
            if len(data) == _SHORT_READ_BYTES:
                data += self._read_on()
        except BlockingIOError:
            return
        except OSError:  # a reset, above all
            self.close()
            return
        framer = self._framer
        if len(data) <= framer.short_bytes:
            self._answers.append((self, framer.header + data))
        else:  # a turn's worth of these could be much: nothing is kept of them
            self.send(framer.frames(data))

    def _read_on(self) -> bytes:
        """What has arrived beyond a short read; from now on this connection is read at length."""
        self._first_read_bytes = self.loop.read_bytes
        try:
            return read(self.descriptor, self.loop.read_bytes - _SHORT_READ_BYTES)
        except OSError:  # nothing there, or a reset: what has been read is answered all the same
            return b""

    def send(self, replies: bytes) -> None:
        """Send, and owe what the kernel does not take."""
        try:
            sent = write(self.descriptor, replies)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(replies):
            self.owe(replies[sent:])

    def owe(self, replies: bytes) -> None:
        """Keep what the kernel did not take, and do not read until it is gone."""
        self.owed = replies
        self.loop.watch(self, EPOLLOUT, self.flush)

    def flush(self) -> None:
        """Send on what is owed; read again once all of it has gone."""
        try:
            sent = write(self.descriptor, self.owed)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self.owed = self.owed[sent:]
        if not self.owed:
            self.loop.watch(self, EPOLLIN, self.receive)

    def end_of_input(self) -> None:
        """The peer sends no more, and a connection that is read owes nothing: close."""
        self.close()

    def finish(self) -> None:
        """Close our side though the peer may still send: the server ends or has waited enough."""
        try:
            self.end_output()
        except OSError:
            self.close()
            return
        self.loop.watch(self, EPOLLIN, self.discard)
        self.loop.linger(self)

    def end_output(self) -> None:
        """Tell the peer that no more replies will come."""
        self.sock.shutdown(socket.SHUT_WR)

    def discard(self) -> None:
        """Throw away what arrives after our end, until the peer ends too."""
        try:
            if read(self.descriptor, self.loop.read_bytes):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        self.loop.forget(self)
        self.sock.close()
