"""Servers in which TLS begins inside a connection: each faulty in one way, and sound ones."""

import contextlib
import socket
import ssl

from tests.support.certificates import server_context
from tests.support.servers import Handler, Shout

ASKS = b"tls\n"


class Upgraded(Shout):
    """A greeting and a word; then all once more inside TLS, and lines in capitals."""

    name = "upgraded"

    def greeting(self) -> bytes:
        """What the server says first."""
        return b"220 ready\n"

    def opening(self) -> list[bytes]:
        """What the client says first."""
        return [b"hello\n", ASKS, b"hello\n"]

    def begins_tls(self, request: bytes) -> bool:
        """Behind the second."""
        return request == ASKS

    def example(self) -> bytes:
        """What nobody needs to log in for."""
        return b"abc\n"


class Peer:
    """Sound: what was read beyond the request for TLS is thrown away."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket: socket.socket = plain
        self.buffer = b""

    def run(self) -> None:
        """Serve one connection."""
        self.socket.sendall(b"220 ready\n")
        while line := self.read_line():
            self.socket.sendall(line.upper())
            if line == ASKS:
                if not self.may_begin():
                    return
                self.begin()
                self.begun()

    def read_line(self) -> bytes:
        """Return a line; nothing at the end of the stream."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return b""
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def may_begin(self) -> bool:
        """Look at what is there in clear."""
        self.buffer = b""
        return True

    def begin(self) -> None:
        """Lay TLS over the socket."""
        self.socket = server_context().wrap_socket(self.socket, server_side=True)

    def begun(self) -> None:
        """Hear that all is inside TLS now."""


class Refuses(Peer):
    """Closes where anything comes with the request for TLS."""

    def may_begin(self) -> bool:
        return not self.buffer


class AnswersInClear(Peer):
    """Does what came in clear, and says so in clear, before TLS begins."""

    def may_begin(self) -> bool:
        self.socket.sendall(self.buffer.upper())
        return super().may_begin()


class ClosesInside(Peer):
    """Begins TLS, and ends it where anything came in clear."""

    had = False

    def may_begin(self) -> bool:
        self.had = bool(self.buffer)
        return super().may_begin()

    def begun(self) -> None:
        if self.had:
            raise ConnectionError


class AnswersInside(Peer):
    """What came in clear stays in the buffer, and is answered as if it were secret."""

    def may_begin(self) -> bool:
        return True


class AnswersLater(AnswersInside):
    """The same, but only once something comes inside TLS."""

    def begun(self) -> None:
        self.buffer += self.socket.recv(65536)


class WholeHandshake(Peer):
    """Takes the head of the handshake with one read."""

    def begin(self) -> None:
        if len(self.socket.recv(5, socket.MSG_PEEK)) < 5:
            raise ConnectionError
        super().begin()


def handler(kind: type[Peer]) -> Handler:
    """Return what serves a connection."""

    def serve(plain: socket.socket) -> None:
        peer = kind(plain)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            peer.run()
        peer.socket.close()

    return serve


SOUND = {
    "throws-away": Peer,
    "refuses": Refuses,
    "answers-in-clear": AnswersInClear,
    "closes-inside": ClosesInside,
}
FAULTY = {
    "answers-inside": (AnswersInside, "COAL-UPGRADE"),
    "answers-later": (AnswersLater, "COAL-UPGRADE"),
    "whole-handshake": (WholeHandshake, "SEG-UPGRADE"),
}
