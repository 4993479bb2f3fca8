"""An echo server that spoils a reply now and then, or never answers, for tests of the load."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def serving(
    transport: str, folder: Path, *, spoil_one_in: int = 0, silent: bool = False
) -> Iterator[str]:
    """Serve in a thread; yields the target."""
    count = itertools.count(1)

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            if silent:
                return
            if spoil_one_in and next(count) % spoil_one_in == 0:
                data = b"SPOILED" + data[7:]
            self.transport.write(data)

    loop = asyncio.new_event_loop()

    async def start() -> tuple[asyncio.Server, str]:
        if transport == "unix":
            path = folder / "socket"
            return await loop.create_unix_server(Echo, path), f"unix:{path}"
        server = await loop.create_server(Echo, "127.0.0.1", 0)
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
