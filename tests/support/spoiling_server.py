"""An echo server that spoils, ignores, loses or repeats, or ends its stream behind a reply."""

import asyncio
import contextlib
import itertools
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.certificates import certified


class _Every:
    """True once in so many calls; never for 0."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._count = itertools.count(1)

    def __call__(self) -> bool:
        return bool(self._period) and next(self._count) % self._period == 0


class _Conduct:
    """How the server behaves, over all of its connections."""

    def __init__(
        self,
        *,
        spoil_one_in: int,
        end_one_in: int,
        lose_one_in: int,
        repeat_one_in: int,
        ignore_from: int | None,
        work_s: float,
        sleep_s: float,
        flat_s: float,
        received: list[int] | None,
    ) -> None:
        self.spoil, self.end = _Every(spoil_one_in), _Every(end_one_in)
        self.lose, self.repeat = _Every(lose_one_in), _Every(repeat_one_in)
        self.flat_s = flat_s
        self._ignore_from = ignore_from
        self._work_s, self._sleep_s = work_s, sleep_s
        self._count = itertools.count()
        self._received = received

    def takes(self, data: bytes) -> bool:
        """Take note of a request, and work on it; False for one that is ignored."""
        if self._received is not None:
            self._received.append(len(data))
        if self._ignore_from is not None and next(self._count) >= self._ignore_from:
            return False
        if self._sleep_s:
            time.sleep(self._sleep_s)
        ends = time.perf_counter() + self._work_s
        while time.perf_counter() < ends:
            pass
        return True


class _Stream(asyncio.Protocol):
    def __init__(self, conduct: _Conduct) -> None:
        self._conduct = conduct
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        conduct = self._conduct
        if self._ended or not conduct.takes(data):
            return
        reply = b"SPOILED" + data[7:] if conduct.spoil() else data
        if conduct.flat_s:
            asyncio.get_running_loop().call_later(conduct.flat_s, self.transport.write, reply)
            return
        self.transport.write(reply)
        if conduct.end():
            self._ended = True
            self.transport.write_eof()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, conduct: _Conduct) -> None:
        self._conduct = conduct

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: object) -> None:
        conduct = self._conduct
        if not conduct.takes(data) or conduct.lose():
            return
        for _ in range(1 + conduct.repeat()):
            self.transport.sendto(data, address)


@contextlib.contextmanager
def serving(
    transport: str,
    folder: Path,
    *,
    spoil_one_in: int = 0,
    end_one_in: int = 0,
    lose_one_in: int = 0,
    repeat_one_in: int = 0,
    ignore_from: int | None = None,
    work_s: float = 0.0,
    sleep_s: float = 0.0,
    flat_s: float = 0.0,
    received: list[int] | None = None,
    context: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """Serve in a thread; yields the target.

    Args:
        transport: `tcp`, `tls`, `unix` or `udp`.
        folder: for a socket's path, or a certificate.
        spoil_one_in: a reply in so many is wrong.
        end_one_in: the stream ends behind a reply in so many.
        lose_one_in: a datagram in so many is dropped.
        repeat_one_in: a reply in so many comes twice.
        ignore_from: requests from this one on have no reply.
        work_s: CPU time that each request costs.
        sleep_s: for how long the server sleeps on each request, and serves nobody else meanwhile.
        flat_s: how long each reply takes, however many are under way.
        received: takes the size of each request.
        context: of TLS; None for one with a certificate that signs itself.

    """
    loop = asyncio.new_event_loop()
    conduct = _Conduct(
        spoil_one_in=spoil_one_in,
        end_one_in=end_one_in,
        lose_one_in=lose_one_in,
        repeat_one_in=repeat_one_in,
        ignore_from=ignore_from,
        work_s=work_s,
        sleep_s=sleep_s,
        flat_s=flat_s,
        received=received,
    )

    async def start() -> tuple[asyncio.Server | asyncio.DatagramTransport, str]:
        if transport == "udp":
            server, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(conduct), ("127.0.0.1", 0)
            )
            return server, f"udp://127.0.0.1:{server.get_extra_info('sockname')[1]}"
        if transport == "unix":
            path = folder / "socket"
            server = await loop.create_unix_server(lambda: _Stream(conduct), path)
            return server, f"unix:{path}"
        secured = (context or certified(folder)) if transport == "tls" else None
        server = await loop.create_server(lambda: _Stream(conduct), "127.0.0.1", 0, ssl=secured)
        return server, f"{transport}://127.0.0.1:{server.sockets[0].getsockname()[1]}"

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
