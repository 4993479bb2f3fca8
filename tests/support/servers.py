"""Small servers in threads of the test's own process, and the protocol that they speak.

Each is a handler of one connection: `with Serving(shouting) as server: server.target`.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from hypothesis import strategies as st

from wireproof.protocols.framing import delimited
from wireproof.protocols.request_reply import RequestReply
from wireproof.target import Target, parse_target, resolve

Handler = Callable[[socket.socket], None]
SHOUT = f"{__file__}:Shout"
"""What `--protocol` takes for the protocol of the servers that shout."""


class Shout(RequestReply):
    """One line in, the same line in capitals out."""

    name = "shout"

    def requests(self) -> st.SearchStrategy[bytes]:
        """Lines of a few letters."""
        return st.text("abcxyz", max_size=40).map(lambda text: text.encode() + b"\n")

    def sized_request(self, size_bytes: int) -> bytes:
        """A line of this size."""
        return b"s" * (size_bytes - 1) + b"\n"

    def reply_length(self, buffer: bytearray) -> int | None:
        """To the end of the line."""
        return delimited(buffer, b"\n")

    def expected(self, request: bytes) -> bytes:
        """The same, in capitals."""
        return request.upper()


class GreetedShout(Shout):
    """The same behind a greeting and a log-in."""

    name = "greeted-shout"

    def greeting(self) -> bytes:
        """What the server says first."""
        return b"220 ready\n"

    def opening(self) -> list[bytes]:
        """What the client says first."""
        return [b"login\n"]


def shouting(peer: socket.socket) -> None:
    """A sound server: collects whole lines."""
    buffer = b""
    while data := peer.recv(65536):
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            peer.sendall(line.upper() + b"\n")


def greeting(peer: socket.socket) -> None:
    """The same behind a greeting."""
    peer.sendall(b"220 ready\n")
    shouting(peer)


def one_read_one_line(peer: socket.socket) -> None:
    """Takes what one read returns for one line: the commonest fault of all."""
    while data := peer.recv(65536):
        peer.sendall(data.rstrip(b"\n").upper() + b"\n")


def greeting_one_read_one_line(peer: socket.socket) -> None:
    """The same behind a greeting."""
    peer.sendall(b"220 ready\n")
    one_read_one_line(peer)


def echoing(peer: socket.socket) -> None:
    """Sends back what comes."""
    while data := peer.recv(65536):
        peer.sendall(data)


def silent(peer: socket.socket) -> None:
    """Reads everything and never answers."""
    while peer.recv(65536):
        pass


def resetting(peer: socket.socket) -> None:
    """Answers the first read with RST."""
    peer.recv(1)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closing_at_once(_: socket.socket) -> None:
    """Accepts and closes."""


def flooding(peer: socket.socket) -> None:
    """Sends as fast as it can and reads nothing."""
    while True:
        peer.sendall(b"x" * 65536)


class Serving:
    """A listener whose connections are each handled by a thread.

    Attributes:
        target: where it listens, resolved.
        handler: of each connection; it may be exchanged while serving.

    """

    def __init__(self, handler: Handler, path: Path | None = None, host: str = "127.0.0.1") -> None:
        self.handler = handler
        if path is not None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen(128)
            text = f"unix:{path}"
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server((host, 0), family=family, backlog=128)
            shown = f"[{host}]" if ":" in host else host
            text = f"tcp://{shown}:{self._listener.getsockname()[1]}"
        self.target: Target = resolve(parse_target(text))[0]
        self._peers: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._threads[0].join()
        self._listener.close()
        for peer in list(self._peers):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._peers.add(peer)
            thread = threading.Thread(target=self._handle, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _handle(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            self.handler(peer)
        self._peers.discard(peer)


def over_tls(peer: socket.socket) -> None:
    """Shake hands, and echo inside TLS."""
    from tests.support.certificates import server_context  # this file is also loaded as SHOUT

    with contextlib.suppress(OSError), server_context().wrap_socket(peer, server_side=True) as own:
        while data := own.recv(4096):
            own.sendall(data)
