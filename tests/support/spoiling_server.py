"""An echo server that spoils, loses or repeats replies, or ends its stream behind one."""

import asyncio
import contextlib
import itertools
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class _Every:
    """True once in so many calls; never for 0."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._count = itertools.count(1)

    def __call__(self) -> bool:
        return bool(self._period) and next(self._count) % self._period == 0


class _Stream(asyncio.Protocol):
    def __init__(self, spoil: _Every, end: _Every, *, silent: bool, work_s: float) -> None:
        self._spoil = spoil
        self._end = end
        self._ended = False
        self._work_s = work_s
        self._silent = silent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._silent or self._ended:
            return
        ends = time.perf_counter() + self._work_s
        while time.perf_counter() < ends:
            pass
        self.transport.write(b"SPOILED" + data[7:] if self._spoil() else data)
        if self._end():
            self._ended = True
            self.transport.write_eof()


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


def _certified(folder: Path) -> ssl.SSLContext:
    """Return a TLS context with a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@contextlib.contextmanager
def serving(
    transport: str,
    folder: Path,
    *,
    spoil_one_in: int = 0,
    end_one_in: int = 0,
    silent: bool = False,
    work_s: float = 0.0,
    lose_one_in: int = 0,
    repeat_one_in: int = 0,
) -> Iterator[str]:
    """Serve in a thread; yields the target."""
    loop = asyncio.new_event_loop()
    spoil, end = _Every(spoil_one_in), _Every(end_one_in)
    lose, repeat = _Every(lose_one_in), _Every(repeat_one_in)

    async def start() -> tuple[asyncio.Server | asyncio.DatagramTransport, str]:
        if transport == "udp":
            server, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(lose, repeat), ("127.0.0.1", 0)
            )
            return server, f"udp://127.0.0.1:{server.get_extra_info('sockname')[1]}"
        if transport == "unix":
            path = folder / "socket"
            server = await loop.create_unix_server(
                lambda: _Stream(spoil, end, silent=silent, work_s=work_s), path
            )
            return server, f"unix:{path}"
        context = _certified(folder) if transport == "tls" else None
        server = await loop.create_server(
            lambda: _Stream(spoil, end, silent=silent, work_s=work_s), "127.0.0.1", 0, ssl=context
        )
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
