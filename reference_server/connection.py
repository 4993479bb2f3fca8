"""One stream connection in a worker's loop.

A connection is in one of three states; each is a method that the loop calls when `epoll` reports:

- `receive`: it owes nothing. Read once, answer, send at once; nearly every event ends here.
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


class Loop(Protocol):
    """What a connection asks of the loop that it lives in."""

    framer: Framer
    read_bytes: int

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
        owed: replies that the kernel has not taken yet.

    """

    __slots__ = ("_descriptor", "_framer", "_read_bytes", "loop", "owed", "sock")

    def __init__(self, sock: socket.socket, loop: Loop) -> None:
        self.sock = sock
        self.loop = loop
        self.owed = b""
        self._descriptor = sock.fileno()
        self._framer = loop.framer
        self._read_bytes = loop.read_bytes

    def receive(self) -> None:
        """Read what has arrived and answer it at once.

        What the profile asked for: `os.read` and `os.write`, which are a good tenth faster than
        `recv` and `send` of the socket object; one method for all of it; no call to frame a short
        chunk. What is left beyond the two system calls is about a twentieth of a round trip.
        """
        try:
            data = read(self._descriptor, self._read_bytes)
            if not data:
                self.end_of_input()
                return
        except BlockingIOError:
            return
        except OSError:  # a reset, above all
            self.close()
            return
        framer = self._framer
        replies = framer.header + data if len(data) <= framer.short_bytes else framer.frames(data)
        try:
            sent = write(self._descriptor, replies)
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
            sent = write(self._descriptor, self.owed)
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
        """Close our side though the peer may still send: the server ends or loses patience."""
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
            if read(self._descriptor, self._read_bytes):
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
