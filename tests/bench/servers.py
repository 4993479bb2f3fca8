"""Other ways to serve the same frames in Python, for the comparison: `python servers.py KIND`."""

import asyncio
import socket
import socketserver
import sys
import time
from typing import cast

BUFFER_BYTES = 1024


class Framer:
    """The framing as each of these servers would have it: chunk by chunk, ctime once a second."""

    def __init__(self) -> None:
        self.second = -1
        self.header = b""

    def frame(self, chunk: bytes) -> bytes:
        """One frame."""
        now = int(time.time())
        if now != self.second:
            self.second = now
            self.header = b"[%b] " % time.ctime(now).encode()
        return self.header + chunk


def announce(sock: socket.socket) -> None:
    """The line that a benchmark waits for."""
    sys.stdout.write(f"listening on tcp://127.0.0.1:{sock.getsockname()[1]}\n")
    sys.stdout.flush()


async def streams() -> None:
    """Asyncio streams, on whichever loop runs."""
    framer = Framer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(BUFFER_BYTES):
            writer.write(framer.frame(data))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    announce(server.sockets[0])
    await server.serve_forever()


class Echo(asyncio.Protocol):
    """The fastest that asyncio and uvloop have: a protocol, without streams."""

    framer = Framer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not derived from it

    def data_received(self, data: bytes) -> None:
        """Frame chunk by chunk."""
        frame = self.framer.frame
        if len(data) <= BUFFER_BYTES:
            self.transport.write(frame(data))
            return
        self.transport.write(
            b"".join(
                frame(data[start : start + BUFFER_BYTES])
                for start in range(0, len(data), BUFFER_BYTES)
            )
        )


async def protocol() -> None:
    """A protocol on whichever loop runs."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=1024)
    announce(server.sockets[0])
    await server.serve_forever()


class Handler(socketserver.BaseRequestHandler):
    """For the servers of `socketserver`."""

    def setup(self) -> None:
        """As all the others do."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self) -> None:
        """Until the end of input."""
        framer = Framer()
        try:
            while data := self.request.recv(BUFFER_BYTES):
                self.request.sendall(framer.frame(data))
        except ConnectionError:
            return


def counting(size_bytes: int) -> None:
    """Answer every `size_bytes` with how many reads they took."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        announce(server)
        while True:
            connection, _ = server.accept()
            with connection:
                left, reads = size_bytes, 0
                while data := connection.recv(left):
                    left -= len(data)
                    reads += 1
                    if left == 0:
                        connection.sendall(b"%d\n" % reads)
                        left, reads = size_bytes, 0


def socketserver_of(kind: type[socketserver.TCPServer]) -> None:
    """Threads or processes, one a connection."""
    kind.request_queue_size = 1024
    with kind(("127.0.0.1", 0), Handler) as server:
        announce(server.socket)
        server.serve_forever()


def main(kind: str) -> None:
    """Serve until killed."""
    if kind.startswith("counting "):
        counting(int(kind.partition(" ")[2]))
    elif kind == "asyncio streams":
        asyncio.run(streams())
    elif kind.startswith("uvloop"):
        import uvloop

        uvloop.run(protocol() if kind == "uvloop" else streams())
    elif kind == "threads":
        socketserver.ThreadingTCPServer.daemon_threads = True
        socketserver_of(socketserver.ThreadingTCPServer)
    elif kind == "processes":
        socketserver.ForkingTCPServer.max_children = 10_000
        socketserver_of(socketserver.ForkingTCPServer)


if __name__ == "__main__":
    main(sys.argv[1])
