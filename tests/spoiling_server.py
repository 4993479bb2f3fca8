"""An echo server that spoils, loses or repeats replies now and then, for tests of the load."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path


class _Every:
    """True once in so many calls; never for 0."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._count = itertools.count(1)

    def __call__(self) -> bool:
        return bool(self._period) and next(self._count) % self._period == 0


class _Stream(asyncio.Protocol):
    def __init__(self, spoil: _Every, *, silent: bool) -> None:
        self._spoil = spoil
        self._silent = silent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._silent:
            return
        self.transport.write(b"SPOILED" + data[7:] if self._spoil() else data)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, lose: _Every, repeat: _Every) -> None:
        self._lose = lose
        self._repeat = repeat

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: object) -> None:
        if self._lose():
            return
        for _ in range(1 + self._repeat()):
            self.transport.sendto(data, address)


@contextlib.contextmanager
def serving(
    transport: str,
    folder: Path,
    *,
    spoil_one_in: int = 0,
    silent: bool = False,
    lose_one_in: int = 0,
    repeat_one_in: int = 0,
) -> Iterator[str]:
    """Serve in a thread; yields the target."""
    loop = asyncio.new_event_loop()
    spoil, lose, repeat = _Every(spoil_one_in), _Every(lose_one_in), _Every(repeat_one_in)

    async def start() -> tuple[asyncio.Server | asyncio.DatagramTransport, str]:
        if transport == "udp":
            server, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(lose, repeat), ("127.0.0.1", 0)
            )
            return server, f"udp://127.0.0.1:{server.get_extra_info('sockname')[1]}"
        if transport == "unix":
            path = folder / "socket"
            server = await loop.create_unix_server(lambda: _Stream(spoil, silent=silent), path)
            return server, f"unix:{path}"
        server = await loop.create_server(lambda: _Stream(spoil, silent=silent), "127.0.0.1", 0)
        return server, f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    server, target = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield target
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
