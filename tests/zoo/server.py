"""The sound server: a thread for each connection, and hooks where defects differ."""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Iterator

LOGIN, SET, GET, DELETE, ECHO = b"LSGDE"
OK, VALUE, NONE, ERROR = b"kvnx"
_READ_BYTES = 65536
_MOST_BYTES = 2 * 1024 * 1024
_MOST_LENGTH_BYTES = 4
_TURN = 0.001


class RefusedError(Exception):
    """What the peer sent is no request."""


class EndedError(Exception):
    """The peer has ended its stream inside a request."""


class Peer:
    """One connection."""

    def __init__(self, server: "Server", sock: socket.socket) -> None:
        self.server = server
        self.socket = sock
        self.buffer = b""
        self.name = b""
        self.ident = b"\0\0"

    def run(self) -> None:
        """Serve until the peer ends its stream."""
        try:
            self.log_in()
            while request := self.read_request():
                self.answer(*request)
        except RefusedError:
            self.send(ERROR, b"")
        except EndedError:
            pass
        except OSError:
            self.broken()
        finally:
            self.over()

    def log_in(self) -> None:
        """Read the first request, which must be the log-in."""
        kind, payload = self.read_request() or self.refuse()
        if kind != LOGIN or len(payload) != 8:
            self.refuse()
        self.name = payload
        self.server.take_over(self)
        self.send(OK, b"")

    def read_request(self) -> tuple[int, bytes] | None:
        """Read one request; None at the end of the stream between two."""
        if not self.buffer and not self.more():
            return None
        head = self.take(3)
        self.ident = head[1:3]
        size = self.read_length()
        if size >= _MOST_BYTES:
            self.refuse()
        return head[0], self.read_payload(head[0], size)

    def read_length(self) -> int:
        """Read seven bits a byte."""
        size = 0
        for at in range(_MOST_LENGTH_BYTES):
            byte = self.take(1)[0]
            size |= (byte & 127) << 7 * at
            if byte < 128:
                return size
        return self.refuse()

    def read_payload(self, kind: int, size: int) -> bytes:
        """Read so many bytes."""
        del kind
        return self.take(size)

    def take(self, size: int) -> bytes:
        """Read exactly so many bytes."""
        parts = [self.buffer]
        have = len(self.buffer)
        while have < size:
            data = self.receive()
            if not data:
                raise EndedError
            parts.append(data)
            have += len(data)
        self.buffer = b"".join(parts)
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def more(self) -> bool:
        """Read on; False at the end of the stream."""
        self.buffer += self.receive()
        return bool(self.buffer)

    def receive(self) -> bytes:
        """Read once."""
        return self.socket.recv(_READ_BYTES)

    def refuse(self) -> "int":
        """Take it for no request."""
        raise RefusedError

    def answer(self, kind: int, payload: bytes) -> None:
        """Do what is asked, and say so."""
        key, value = payload[:8], payload[8:]
        stored = self.server.stored
        if kind == ECHO:
            self.send(VALUE, payload)
        elif kind not in {SET, GET, DELETE} or len(key) < 8 or (value and kind != SET):
            self.refuse()
        elif kind == SET:
            stored[key] = self.to_store(key, value)
            self.send(OK, b"")
        elif kind == DELETE:
            stored.pop(key, None)
            self.send(OK, b"")
        elif key in stored:
            self.send(VALUE, stored[key])
        else:
            self.send(NONE, b"")

    def to_store(self, key: bytes, value: bytes) -> bytes:
        """Return what is stored for a value."""
        del key
        return value

    def send(self, kind: int, content: bytes) -> None:
        """Answer."""
        self.transmit(bytes([kind]) + self.reply_id() + length(len(content)) + content)

    def reply_id(self) -> bytes:
        """Return the request's id."""
        return self.ident

    def transmit(self, data: bytes) -> None:
        """Hand it to the kernel, all of it."""
        self.socket.sendall(data)

    def broken(self) -> None:
        """Hear that the connection was reset."""

    def over(self) -> None:
        """Forget the connection."""
        self.server.leave(self)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Server:
    """Accepts, and gives each connection a thread."""

    peer = Peer
    backlog = 128
    wanted_port = 0

    def __init__(self) -> None:
        self.stored: dict[bytes, bytes] = {}
        self.named: dict[bytes, Peer] = {}
        self.lock = threading.Lock()
        self.lost: list[socket.socket] = []
        self.stopping = False
        self.listener = socket.create_server(("127.0.0.1", self.wanted_port), backlog=self.backlog)
        self.port: int = self.listener.getsockname()[1]

    def run(self) -> None:
        """Accept for ever."""
        for sock in self.accepted():
            self.serve(self.peer(self, sock))

    def accepted(self) -> Iterator[socket.socket]:
        """Yield connections; when descriptors are short, wait until some are given back."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError as error:
                self.not_accepted(error)
                continue
            yield sock

    def not_accepted(self, error: OSError) -> None:
        """Let the others end first."""
        del error
        threading.Event().wait(_TURN * 50)

    def serve(self, peer: Peer) -> None:
        """Start a thread."""
        threading.Thread(target=peer.run, daemon=True).start()

    def take_over(self, peer: Peer) -> None:
        """End the connection that has the name already."""
        with self.lock:
            before = self.named.get(peer.name)
            self.named[peer.name] = peer
        if before is not None:
            with contextlib.suppress(OSError):
                before.socket.shutdown(socket.SHUT_RDWR)

    def leave(self, peer: Peer) -> None:
        """Forget the name."""
        with self.lock:
            if self.named.get(peer.name) is peer:
                del self.named[peer.name]


def length(size: int) -> bytes:
    """Return a length, seven bits a byte, the lowest first."""
    found = bytearray()
    while size > 127:
        found.append(size & 127 | 128)
        size >>= 7
    return bytes([*found, size])


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def main() -> None:
    """Serve what is named, and print the port."""
    from tests.zoo import server as zoo  # not this module, which runs under another name
    from tests.zoo.defects import DEFECTS
    from tests.zoo.odd import AT_THE_LIMIT, ODD

    threading.excepthook = lambda _: None
    name, *port = sys.argv[1:]
    zoo.Server.wanted_port = int(port[0]) if port else 0
    server = {**DEFECTS, **ODD, **AT_THE_LIMIT}[name]()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.run()


if __name__ == "__main__":
    main()
