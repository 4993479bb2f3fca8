"""One class for each defect. The docstring says what a user would see."""

import contextlib
import os
import socket
import threading
from queue import SimpleQueue

from tests.zoo.server import OK, Peer, Server

_QUEUE = 64
_SMALL_READ = 8192


def _with(kind: type[Peer]) -> type[Server]:
    return type(kind.__name__, (Server,), {"peer": kind})


class LoginInOneRead(Peer):
    """A log-in that comes in two segments is refused."""

    def log_in(self) -> None:
        self.more()
        if len(self.buffer) < 12:
            self.refuse()
        super().log_in()


class LoginDropsTheRest(Peer):
    """What comes in one segment with the log-in is lost."""

    def log_in(self) -> None:
        super().log_in()
        self.buffer = b""


class LoginResetKills(Peer):
    """A reset inside the log-in ends the server."""

    def log_in(self) -> None:
        try:
            super().log_in()
        except ConnectionResetError:
            os._exit(3)


class LengthInOneRead(Peer):
    """The bytes of a length must come together, where it has several."""

    def read_length(self) -> int:
        fresh = not self.buffer
        if fresh:
            self.more()
        if fresh and self.buffer[0] > 127 and len(self.buffer) == 1:
            self.refuse()
        return super().read_length()


class FullReadWaits(Peer):
    """After a read that fills its buffer it waits for more before it answers."""

    def receive(self) -> bytes:
        parts = [self.socket.recv(_SMALL_READ)]
        while len(parts[-1]) == _SMALL_READ:
            parts.append(self.socket.recv(_SMALL_READ))
        return b"".join(parts)


class ShortQueue(Peer):
    """Of the requests that come at once, those past the 64th are lost."""

    queued = 0

    def receive(self) -> bytes:
        self.queued = 0
        return super().receive()

    def answer(self, kind: int, payload: bytes) -> None:
        self.queued += 1
        if self.queued <= _QUEUE:
            super().answer(kind, payload)


class StaleTail(Peer):
    """A shorter value keeps the tail of the longer one before it."""

    def to_store(self, key: bytes, value: bytes) -> bytes:
        return value + self.server.stored.get(key, b"")[len(value) :][:4]


class CutValue(Peer):
    """A value is stored modulo 64 KiB."""

    def to_store(self, key: bytes, value: bytes) -> bytes:
        del key
        return value[: len(value) % 65536] if len(value) >= 65536 else value


class SignedId(Peer):
    """Ids are kept in a signed integer of 15 bits."""

    def reply_id(self) -> bytes:
        return (int.from_bytes(self.ident) & 0x7FFF).to_bytes(2)


class FullTable(Peer):
    """A connection has 65,536 requests, and then no more."""

    count = 0

    def answer(self, kind: int, payload: bytes) -> None:
        self.count += 1
        if self.count <= 65536:
            super().answer(kind, payload)


class DeleteInOneRead(Peer):
    """The rarest kind has a parser of its own, which reads once."""

    def read_payload(self, kind: int, size: int) -> bytes:
        if kind == b"D"[0]:
            if not self.buffer:
                self.more()
            if len(self.buffer) < size:
                self.refuse()
        return super().read_payload(kind, size)


class LaterInOneRead(Peer):
    """The rest of a request behind others of the same read must come with the next read."""

    def take(self, size: int) -> bytes:
        held = self.buffer
        if self.answered_since_read and held and len(held) < size:
            self.refuse()
        return super().take(size)

    answered_since_read = False

    def receive(self) -> bytes:
        self.answered_since_read = False
        return super().receive()

    def answer(self, kind: int, payload: bytes) -> None:
        self.answered_since_read = True
        super().answer(kind, payload)


class PoolKeepsConnections(Server):
    """Eight workers, each of which keeps its connection until that ends."""

    def __init__(self) -> None:
        super().__init__()
        self.workers = threading.Semaphore(8)

    def serve(self, peer: Peer) -> None:
        def run() -> None:
            with self.workers:
                peer.run()

        threading.Thread(target=run, daemon=True).start()


class LosesLongValues(Peer):
    """What the kernel does not take of a value at once is lost; an echo is sent to its end."""

    def transmit(self, data: bytes) -> None:
        if data[:1] != b"v" or self.echoing:
            super().transmit(data)
            return
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self.socket.send(data)
        self.socket.setblocking(True)

    echoing = False

    def answer(self, kind: int, payload: bytes) -> None:
        self.echoing = kind == b"E"[0]
        super().answer(kind, payload)


class FewSenders(Peer):
    """Four may send at a time."""

    def transmit(self, data: bytes) -> None:
        with self.server.senders:
            super().transmit(data)


class FewSendersServer(Server):
    """Connections have threads of their own, which share what sends."""

    peer = FewSenders

    def __init__(self) -> None:
        super().__init__()
        self.senders = threading.Semaphore(4)


class KeepsAllReplies(Peer):
    """A thread sends what a queue without end has kept."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        super().__init__(server, sock)
        self.kept: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self.send_kept, daemon=True).start()

    def transmit(self, data: bytes) -> None:
        self.kept.put(data)

    def send_kept(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.kept.get():
                self.socket.sendall(data)
        super().over()

    def over(self) -> None:
        self.kept.put(b"")


class KeepsReset(Peer):
    """A connection that is reset before its log-in was read is never closed."""

    def log_in(self) -> None:
        try:
            super().log_in()
        except ConnectionResetError:
            self.server.lost.append(self.socket)
            raise

    def over(self) -> None:
        if self.socket not in self.server.lost:
            super().over()


class SpinsAfterReset(Peer):
    """A connection that was reset is asked again and again."""

    def broken(self) -> None:
        while not self.server.stopping:
            with contextlib.suppress(OSError):
                self.socket.getpeername()


class ThreadStays(Peer):
    """The thread of a connection that was reset waits forever."""

    def broken(self) -> None:
        threading.Event().wait()


class RemembersAll(Server):
    """Every connection that there ever was is kept in a list, with two kilobytes and a half."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[bytearray] = []

    def serve(self, peer: Peer) -> None:
        self.all.append(bytearray(b"x" * 2500))
        super().serve(peer)


class KeepsTakenOver(Server):
    """A second log-in under a name is served, and the first connection stays open."""

    def take_over(self, peer: Peer) -> None:
        with self.lock:
            self.named[peer.name] = peer


class LosesNewName(Server):
    """A connection that ends takes its name out of the table, whoever has it by then."""

    def leave(self, peer: Peer) -> None:
        with self.lock:
            self.named.pop(peer.name, None)


class StopsAccepting(Server):
    """When descriptors run out the thread that accepts ends, and nobody hears of it."""

    def run(self) -> None:
        threading.Thread(target=super().run, daemon=True).start()
        threading.Event().wait()

    def not_accepted(self, error: OSError) -> None:
        raise error


class AsksAgainAtOnce(Server):
    """When descriptors run out it tries to accept again, and again, without a pause."""

    def not_accepted(self, error: OSError) -> None:
        del error


class ObeysAnything(Peer):
    """A kind of request that there is not is answered as if it were done."""

    def answer(self, kind: int, payload: bytes) -> None:
        if kind in b"SGDE":
            super().answer(kind, payload)
        else:
            self.send(OK, b"")


class ServesHalf(Peer):
    """A payload that the end of the stream cuts short is taken for the whole."""

    def read_payload(self, kind: int, size: int) -> bytes:
        while len(self.buffer) < size and self.more_of_it():
            pass
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def more_of_it(self) -> bool:
        data = self.receive()
        self.buffer += data
        return bool(data)


FOUND_BY: dict[str, tuple[type[Server], str]] = {
    "login-in-one-read": (_with(LoginInOneRead), "SEG-OPENING"),
    "login-drops-the-rest": (_with(LoginDropsTheRest), "COAL-OPENING"),
    "login-reset-kills": (_with(LoginResetKills), "RESET-OPENING"),
    "length-in-one-read": (_with(LengthInOneRead), "SEG-LENGTHS"),
    "full-read-waits": (_with(FullReadWaits), "SIZE-BUFFER"),
    "short-queue": (_with(ShortQueue), "COAL-QUEUE"),
    "stale-tail": (_with(StaleTail), "SIZE-VALUES"),
    "cut-value": (_with(CutValue), "SIZE-VALUES"),
    "signed-id": (_with(SignedId), "ID-BORDERS"),
    "full-table": (_with(FullTable), "ID-MANY"),
    "delete-in-one-read": (_with(DeleteInOneRead), "SEG-KINDS"),
    "later-in-one-read": (_with(LaterInOneRead), "SEG-RUN"),
    "loses-long-values": (_with(LosesLongValues), "SLOW-LOSS"),
    "few-senders": (FewSendersServer, "SLOW-MANY"),
    "keeps-all-replies": (_with(KeepsAllReplies), "SLOW-MEMORY"),
    "keeps-reset": (_with(KeepsReset), "RESET-QUEUED"),
    "keeps-reset-in-login": (_with(KeepsReset), "REL-DESCRIPTORS"),
    "spins-after-reset": (_with(SpinsAfterReset), "REL-IDLE"),
    "thread-stays": (_with(ThreadStays), "REL-THREADS"),
    "remembers-all": (RemembersAll, "REL-MEMORY"),
    "pool-keeps-connections": (PoolKeepsConnections, "CAP-ANSWERED"),
    "keeps-taken-over": (KeepsTakenOver, "ISO-IDENTITY"),
    "loses-new-name": (LosesNewName, "ISO-IDENTITY"),
    "stops-accepting": (StopsAccepting, "LIMIT-SERVE"),
    "asks-again-at-once": (AsksAgainAtOnce, "LIMIT-WAIT"),
    "obeys-anything": (_with(ObeysAnything), "BAD-REFUSE"),
    "serves-half": (_with(ServesHalf), "CLOSE-MID"),
}
"""By name: the server, and the requirement that must find it."""
DEFECTS = {name: server for name, (server, _) in FOUND_BY.items()}
