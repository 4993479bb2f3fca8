"""Sound servers that come close to a defect. The docstring says what is odd."""

import contextlib
import os
import socket
import threading
from collections import deque
from queue import Queue, SimpleQueue

from tests.zoo.server import ERROR, Peer, Server


def _with(kind: type[Peer]) -> type[Server]:
    return type(kind.__name__, (Server,), {"peer": kind})


class ReadsOctets(Peer):
    """Reads a byte at a time until the log-in is there, then little."""

    def receive(self) -> bytes:
        return self.socket.recv(7 if self.name else 1)


class ReadsFullBuffers(Peer):
    """Reads on behind a full buffer, but only what is there."""

    def receive(self) -> bytes:
        self.socket.recv(1, 0x2)  # MSG_PEEK: wait
        parts = [b""]
        self.socket.setblocking(False)
        try:
            while len(data := self.socket.recv(8192)) == 8192:
                parts.append(data)
            parts.append(data)
        except BlockingIOError:
            pass
        finally:
            self.socket.setblocking(True)
        return b"".join(parts)


class AnswersInPieces(Peer):
    """Each reply leaves in three sends."""

    def transmit(self, data: bytes) -> None:
        for at in (slice(1), slice(1, 5), slice(5, None)):
            self.socket.sendall(data[at])


class RemembersSome(Server):
    """The last 300 connections are remembered, with four kilobytes each."""

    def __init__(self) -> None:
        super().__init__()
        self.recent: deque[bytearray] = deque(maxlen=300)

    def serve(self, peer: Peer) -> None:
        self.recent.append(bytearray(b"x" * 4096))
        super().serve(peer)


class GrowsPool(Server):
    """A pool gets a worker more for each connection, up to a hundred."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: SimpleQueue[Peer] = SimpleQueue()
        self.workers = 0

    def serve(self, peer: Peer) -> None:
        self.waiting.put(peer)
        if self.workers < 100:
            self.workers += 1
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self.waiting.get().run()


class KeepsSomeReplies(Peer):
    """A thread sends what a queue has kept, 64 replies at most and 4 MiB of them."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        super().__init__(server, sock)
        self.kept: Queue[bytes] = Queue(64)
        threading.Thread(target=self.send_kept, daemon=True).start()

    def transmit(self, data: bytes) -> None:
        for at in range(0, len(data), 65536):
            self.kept.put(data[at : at + 65536])

    def send_kept(self) -> None:
        broken = False
        while data := self.kept.get():
            try:
                if not broken:
                    self.socket.sendall(data)
            except OSError:
                broken = True
        super().over()

    def over(self) -> None:
        self.kept.put(b"")


class ClosesLate(Peer):
    """A connection that is over is closed a moment later."""

    def over(self) -> None:
        threading.Timer(0.02, super().over).start()


class RestsForASecond(Server):
    """When descriptors run out it looks at the listener again after a second, as asyncio does."""

    def not_accepted(self, error: OSError) -> None:
        del error
        threading.Event().wait(1.0)


class KeepsASpare(Server):
    """When descriptors run out it gives up a spare one, to accept and end who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.spare = os.open(os.devnull, os.O_RDONLY)

    def not_accepted(self, error: OSError) -> None:
        os.close(self.spare)
        with contextlib.suppress(OSError):
            self.listener.accept()[0].close()
        while True:
            try:
                self.spare = os.open(os.devnull, os.O_RDONLY)
            except OSError:
                super().not_accepted(error)
            else:
                return


class SaysFarewell(Server):
    """A connection that is taken over is told so, and ended a moment later."""

    def take_over(self, peer: Peer) -> None:
        with self.lock:
            before = self.named.get(peer.name)
            self.named[peer.name] = peer
        if before is not None:
            with contextlib.suppress(OSError):
                before.send(ERROR, b"another has your name")
                threading.Timer(0.02, end, [before]).start()


def end(peer: Peer) -> None:
    """Wake who reads."""
    with contextlib.suppress(OSError):
        peer.socket.shutdown(socket.SHUT_RDWR)


class RefusesSilently(Peer):
    """What is no request has no answer: the connection ends."""

    def send(self, kind: int, content: bytes) -> None:
        if kind != ERROR:
            super().send(kind, content)


ODD: dict[str, type[Server]] = {
    "sound": Server,
    "reads-octets": _with(ReadsOctets),
    "reads-full-buffers": _with(ReadsFullBuffers),
    "answers-in-pieces": _with(AnswersInPieces),
    "remembers-some": RemembersSome,
    "keeps-some-replies": _with(KeepsSomeReplies),
    "grows-pool": GrowsPool,
    "closes-late": _with(ClosesLate),
    "says-farewell": SaysFarewell,
    "refuses-silently": _with(RefusesSilently),
}
AT_THE_LIMIT: dict[str, type[Server]] = {
    "rests-for-a-second": RestsForASecond,
    "keeps-a-spare": KeepsASpare,
}
"""Odd where descriptors run out, and nowhere else."""
