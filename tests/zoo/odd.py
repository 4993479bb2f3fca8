"""Sound servers that come close to a defect. The docstring says what is odd."""

from tests.zoo.server import Peer, Server


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


ODD: dict[str, type[Server]] = {
    "sound": Server,
    "reads-octets": _with(ReadsOctets),
    "reads-full-buffers": _with(ReadsFullBuffers),
    "answers-in-pieces": _with(AnswersInPieces),
}
