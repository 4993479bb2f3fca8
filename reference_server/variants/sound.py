"""Sound variants, odd but right: an alarm on one of them is a false alarm."""

import asyncio
import collections
import contextlib
import os
import random
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from reference_server.config import Config
from reference_server.framing import Framer
from reference_server.listener import Listener
from reference_server.prefork import Worker
from reference_server.variants.base import ChunkFramer, SoundVariant, SteppedConnection, worker_of


class ReadsByteByByte(SteppedConnection):
    def take(self) -> bytes:
        return os.read(self.descriptor, 1)


class SmallChunks(ChunkFramer):
    def cut(self, data: bytes) -> list[bytes]:
        return [data[start : start + 7] for start in range(0, len(data), 7)]


class RandomChunks(ChunkFramer):
    def cut(self, data: bytes) -> list[bytes]:
        chunks = []
        while data:
            size = random.randint(1, self.buffer_bytes)  # noqa: S311 - no secret
            chunks.append(data[:size])
            data = data[size:]
        return chunks


class ReadsUntilEmpty(SteppedConnection):
    def take(self) -> bytes:
        data = super().take()
        with contextlib.suppress(BlockingIOError):
            while data and len(data) < self.loop.read_bytes and (more := super().take()):
                data += more
        return data


class SmallKernelBuffers(Worker):
    def accept_from(self, listener: Listener) -> bool:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, 2048)
        return super().accept_from(listener)


class Nagle(Worker):
    def accept_from(self, listener: Listener) -> bool:
        if listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        return super().accept_from(listener)


class CachesFiles(SteppedConnection):
    """Opens a file for each connection, and keeps the last forty of all for later."""

    cache: ClassVar[collections.deque[int]] = collections.deque()

    def close(self) -> None:
        self.cache.append(os.open(os.devnull, os.O_WRONLY))
        if len(self.cache) > 40:
            os.close(self.cache.popleft())
        super().close()


class PoolsFiles(SteppedConnection):
    """Takes a file from a pool for each connection, and gives it back."""

    pool: ClassVar[list[int]] = []
    file: int | None = None

    def answer(self, data: bytes) -> None:
        if self.file is None:
            self.file = self.pool.pop() if self.pool else os.open(os.devnull, os.O_WRONLY)
        super().answer(data)

    def close(self) -> None:
        if self.file is not None:
            self.pool.append(self.file)
            self.file = None
        super().close()


class Threads:
    """A thread a connection; `send` and `before_reply` make the oddities.

    SIGTERM shuts the reading side of each connection: what has arrived is still read and answered,
    then the end of input is seen.
    """

    def __init__(self, config: Config, listeners: Sequence[Listener], lifeline: int) -> None:
        self._config = config
        self._listeners = listeners
        self._lifeline = lifeline
        self._open: set[socket.socket] = set()

    def start(self) -> None:
        """Let SIGTERM be waited for."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def run(self) -> None:
        """Serve until SIGTERM or the parent's end."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=self._watch_parent, daemon=True).start()
        for listener in self._listeners:
            if listener.sock.type == socket.SOCK_STREAM:
                threading.Thread(target=self._accept, args=(listener.sock,), daemon=True).start()
        signal.sigwait({signal.SIGTERM})
        until_s = time.monotonic() + self._config.grace_s
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RD)
        for thread in threading.enumerate():
            if thread.name == "connection":
                thread.join(max(0.0, until_s - time.monotonic()))

    def _watch_parent(self) -> None:
        os.read(self._lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _accept(self, listener: socket.socket) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while poll.poll():
            try:
                sock, _ = listener.accept()
            except BlockingIOError:
                continue
            except OSError:
                time.sleep(0.1)  # out of descriptors: they wait in the queue meanwhile
                continue
            self._open.add(sock)
            threading.Thread(
                target=self._serve, args=(sock,), name="connection", daemon=True
            ).start()

    def _serve(self, sock: socket.socket) -> None:
        framer = Framer(self._config.buffer_bytes)
        with sock, contextlib.suppress(OSError):
            while data := sock.recv(self._config.buffer_bytes):
                self.before_reply()
                framer.set_time(time.time())
                self.send(sock, framer.frames(data))
            self.before_close()
        self._open.discard(sock)

    def before_reply(self) -> None:
        """Nothing odd here."""

    def send(self, sock: socket.socket, replies: bytes) -> None:
        """Send all of it."""
        sock.sendall(replies)

    def before_close(self) -> None:
        """Nothing odd here."""


class Dribbles(Threads):
    def send(self, sock: socket.socket, replies: bytes) -> None:
        size = max(16, len(replies) // 20)
        for start in range(0, len(replies), size):
            sock.sendall(replies[start : start + size])
            time.sleep(0.001)


class RandomDelays(Threads):
    def before_reply(self) -> None:
        time.sleep(random.uniform(0, 0.05))  # noqa: S311 - no secret


class SlowStart(Threads):
    def _serve(self, sock: socket.socket) -> None:
        time.sleep(0.15)
        super()._serve(sock)


class ClosesLate(Threads):
    def before_close(self) -> None:
        time.sleep(0.2)


class Gathers(Threads):
    def before_reply(self) -> None:
        time.sleep(0.02)


class Asyncio:
    """The same on asyncio streams."""

    def __init__(self, config: Config, listeners: Sequence[Listener], lifeline: int) -> None:
        self._config = config
        self._listeners = listeners
        self._lifeline = lifeline

    def start(self) -> None:
        """Nothing to prepare: the loop is made where it runs."""

    def run(self) -> None:
        """Serve until SIGTERM or the parent's end."""
        asyncio.run(self._main())

    async def _main(self) -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        loop.add_reader(self._lifeline, self._once(self._lifeline, ended.set))
        servers = [
            await asyncio.start_server(
                self._serve, sock=listener.sock, backlog=self._config.backlog
            )
            for listener in self._listeners
            if listener.sock.type == socket.SOCK_STREAM
        ]
        await ended.wait()
        for server in servers:
            server.close()
        await asyncio.sleep(0.05)  # what has arrived is read and answered in this time

    @staticmethod
    def _once(descriptor: int, then: Callable[[], None]) -> Callable[[], None]:
        def call() -> None:
            asyncio.get_running_loop().remove_reader(descriptor)
            then()

        return call

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer(self._config.buffer_bytes)
        with contextlib.suppress(OSError):
            while data := await reader.read(self._config.buffer_bytes):
                framer.set_time(time.time())
                writer.write(framer.frames(data))
                await writer.drain()
        writer.close()


SOUND = (
    SoundVariant(
        "reads-byte-by-byte",
        "each byte is a chunk of its own",
        "getc loops",
        service=worker_of(connection=ReadsByteByByte),
    ),
    SoundVariant(
        "small-chunks",
        "chunks of 7 bytes at most",
        "small ring buffers",
        service=worker_of(framer=SmallChunks),
    ),
    SoundVariant(
        "random-chunks",
        "chunks of random length",
        "1.3 allows any division",
        service=worker_of(framer=RandomChunks),
    ),
    SoundVariant(
        "reads-until-empty",
        "reads until EAGAIN before it answers",
        "edge-triggered loops",
        service=worker_of(connection=ReadsUntilEmpty),
    ),
    SoundVariant(
        "small-kernel-buffers",
        "kernel buffers of a few KB",
        "embedded devices",
        service=worker_of(worker=SmallKernelBuffers),
    ),
    SoundVariant(
        "nagle",
        "Nagle's algorithm is on",
        "the default of sockets",
        service=worker_of(worker=Nagle),
    ),
    SoundVariant("a-process-a-connection", "forks", "inetd", changes={"model": "fork"}),
    SoundVariant("a-thread-a-connection", "threads", "ThreadingTCPServer", service=Threads),
    SoundVariant("asyncio", "asyncio streams", "asyncio.start_server", service=Asyncio),
    SoundVariant(
        "dribbles",
        "replies come in small pieces, a moment apart",
        "serial gateways",
        service=Dribbles,
    ),
    SoundVariant(
        "random-delays",
        "replies take 0 to 50 ms",
        "servers that wait for others",
        service=RandomDelays,
    ),
    SoundVariant(
        "slow-start",
        "the first reply takes 150 ms",
        "a helper started a connection",
        service=SlowStart,
    ),
    SoundVariant(
        "closes-late",
        "closes 200 ms after the end of input",
        "lingering servers",
        service=ClosesLate,
    ),
    SoundVariant(
        "caches-files",
        "keeps the files of the last forty connections open",
        "caches of descriptors: open_file_cache",
        service=worker_of(connection=CachesFiles),
    ),
    SoundVariant(
        "pools-files",
        "each connection borrows a file from a pool that grows with the need",
        "pools of connections to a database",
        service=worker_of(connection=PoolsFiles),
    ),
    SoundVariant("gathers", "answers 20 ms late", "delayed batching", service=Gathers),
)
