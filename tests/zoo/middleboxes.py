"""A zoo of relays that stand before a server: each faulty in one way, and sound ones.

`python -m tests.zoo.middleboxes NAME PORT` relays to a port of this machine, in a process of
its own so that its memory can be looked at, and prints its own port.
"""

import contextlib
import queue
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

_READ_BYTES = 65536
_LINGER_NONE = struct.pack("ii", 1, 0)
Ends = tuple[socket.socket, socket.socket]


class Relay:
    """Sound: two threads a connection, each of which passes on bytes, an end, or a reset."""

    def __init__(self, port: int) -> None:
        self.port = port

    def serve(self, client: socket.socket) -> None:
        """Relay one connection until both directions are over."""
        server = socket.create_connection(("127.0.0.1", self.port))
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        up = threading.Thread(target=self.pass_on, args=(client, server, True))
        up.start()
        self.pass_on(server, client, False)
        up.join()
        client.close()
        server.close()

    def pass_on(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        """Pass on what comes from one side, and how it ends."""
        try:
            while data := source.recv(_READ_BYTES):
                self.write(sink, data, upwards)
            self.at_end(source, sink, upwards)
        except OSError:
            self.at_reset(source, sink, upwards)

    def write(self, sink: socket.socket, data: bytes, upwards: bool) -> None:
        """Pass on bytes."""
        del upwards
        sink.sendall(data)

    def at_end(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        """Pass on an end."""
        del source, upwards
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def at_reset(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        """Pass on a reset, and wake the thread of the other direction."""
        del upwards
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
                one.shutdown(socket.SHUT_RDWR)


class Octets(Relay):
    """Sound, and odd: passes on what it reads in pieces of a few octets."""

    def write(self, sink: socket.socket, data: bytes, upwards: bool) -> None:
        if len(data) > 512:
            sink.sendall(data)
            return
        for at in range(0, len(data), 7):
            sink.sendall(data[at : at + 7])


class EndsForResets(Relay):
    """Sound, and odd: passes on an end for a reset."""

    def at_reset(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class EndsBoth(Relay):
    """Takes the end of one direction for the end of both, as nginx does unless told."""

    def at_end(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        for one in (source, sink) if upwards else (sink,):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR if upwards else socket.SHUT_WR)


class KeepsEnd(Relay):
    """Never tells the server behind that the client has ended its stream."""

    def at_end(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        if not upwards:
            super().at_end(source, sink, upwards)


class LosesLast(Relay):
    """Writes in a thread of its own, and drops what that has not written once the source ends."""

    def pass_on(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        if upwards:
            super().pass_on(source, sink, upwards)
            return
        waiting: queue.Queue[bytes] = queue.Queue(maxsize=32)
        over = threading.Event()

        def write() -> None:
            with contextlib.suppress(OSError):
                while not over.is_set():
                    with contextlib.suppress(queue.Empty):
                        sink.sendall(waiting.get(timeout=0.01))

        writer = threading.Thread(target=write)
        writer.start()
        with contextlib.suppress(OSError):
            while data := source.recv(_READ_BYTES):
                waiting.put(data)
        over.set()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        writer.join()


class NeverEnds(Relay):
    """Leaves the client connected when the server behind has closed."""

    for_ever = threading.Event()

    def at_end(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        if upwards:
            super().at_end(source, sink, upwards)
        else:
            self.for_ever.wait()


class KeepsServer(Relay):
    """Keeps its connection to the server behind when the client is gone."""

    kept: list[socket.socket] = []  # noqa: RUF012 - as long as the process lives

    def at_end(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        if upwards:
            self.kept.append(sink)
            return
        super().at_end(source, sink, upwards)

    def at_reset(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        if not upwards:
            super().at_reset(source, sink, upwards)


class Greedy(Relay):
    """Reads on whether or not the other side takes it: no back-pressure."""

    def pass_on(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        waiting: queue.Queue[bytes] = queue.Queue()
        broken = threading.Event()

        def write() -> None:
            try:
                while data := waiting.get():
                    sink.sendall(data)
                self.at_end(source, sink, upwards)
            except OSError:
                broken.set()
                self.at_reset(source, sink, upwards)

        writer = threading.Thread(target=write)
        writer.start()
        with contextlib.suppress(OSError):
            while data := source.recv(_READ_BYTES):
                waiting.put(data)
        waiting.put(b"")
        writer.join()


class Swaps(Relay):
    """Sends the replies to a client to the one that came last."""

    latest: list[socket.socket] = []  # noqa: RUF012 - shared on purpose

    def serve(self, client: socket.socket) -> None:
        self.latest[:] = [client]
        super().serve(client)

    def write(self, sink: socket.socket, data: bytes, upwards: bool) -> None:
        (sink if upwards else self.latest[0]).sendall(data)


class CutsLong(Relay):
    """Passes on only so much of each connection's replies."""

    def pass_on(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        if upwards:
            super().pass_on(source, sink, upwards)
            return
        left = _READ_BYTES
        with contextlib.suppress(OSError):
            while data := source.recv(_READ_BYTES):
                sink.sendall(data[:left])
                left = max(0, left - len(data))
        self.at_end(source, sink, upwards)


class OneAtATime(Relay):
    """Reads a message, waits for something of a reply, and drops what came meanwhile."""

    def serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self.port))
        with client, server, contextlib.suppress(OSError):
            while data := client.recv(16):
                server.sendall(data)
                client.sendall(server.recv(_READ_BYTES))
                with contextlib.suppress(BlockingIOError):
                    client.recv(_READ_BYTES, socket.MSG_DONTWAIT)


class Text(Relay):
    """Takes what passes for text."""

    def write(self, sink: socket.socket, data: bytes, upwards: bool) -> None:
        sink.sendall(data.replace(b"\r\n", b"\n") if upwards else data)


class Waits(Relay):
    """One connection after the other."""

    together = threading.Lock()

    def serve(self, client: socket.socket) -> None:
        with self.together:
            super().serve(client)


SOUND = {"relay": Relay, "octets": Octets, "ends-for-resets": EndsForResets}
FAULTY: dict[str, tuple[type[Relay], str]] = {
    "ends-both": (EndsBoth, "MID-HALF"),
    "keeps-end": (KeepsEnd, "MID-HALF"),
    "loses-last": (LosesLast, "MID-HALF"),
    "never-ends": (NeverEnds, "MID-END"),
    "keeps-server": (KeepsServer, "MID-RESET"),
    "greedy": (Greedy, "MID-FLOW"),
    "swaps": (Swaps, "MID-OTHERS"),
    "cuts-long": (CutsLong, "MID-BYTES"),
    "one-at-a-time": (OneAtATime, "MID-PIPELINE"),
    "text": (Text, "MID-BYTES"),
    "waits": (Waits, "MID-OTHERS"),
}
"""Each with the requirement by which it must be found."""


@contextlib.contextmanager
def standing_before(port: int, name: str) -> Iterator[int]:
    """Start one of the zoo before a port, and yield its own."""
    command = [sys.executable, "-m", "tests.zoo.middleboxes", name, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def main() -> None:
    """Relay for ever."""
    name, port = sys.argv[1], int(sys.argv[2])
    kind = SOUND[name] if name in SOUND else FAULTY[name][0]
    relay = kind(port)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        client, _ = listener.accept()
        threading.Thread(target=relay.serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
