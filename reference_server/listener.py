"""The sockets that the server listens on."""

import contextlib
import errno
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reference_server.config import Config
from reference_server.datagrams import remember_destination
from reference_server.errors import StartError
from reference_server.tls import server_context

_TRIES = 10


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound, listening, non-blocking socket.

    Attributes:
        sock: the socket.
        target: its address as users write it, `tcp://127.0.0.1:28812`.
        path: the file of a Unix socket, to be removed at the end.
        tls: what its connections are wrapped with.

    """

    sock: socket.socket
    target: str
    path: Path | None = None
    tls: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close the socket and remove its file."""
        self.sock.close()
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()


def open_listeners(config: Config) -> list[Listener]:
    """Bind and listen on all that the configuration names.

    Raises:
        StartError: an address cannot be had.

    """
    tls = server_context(config)
    for _ in range(_TRIES if config.port == 0 else 0):
        # The port that the kernel gave for TCP may be taken for UDP, or at another address.
        with contextlib.suppress(StartError):
            return _open_all(config, tls)
    return _open_all(config, tls)


def _open_all(config: Config, tls: ssl.SSLContext | None) -> list[Listener]:
    opened: list[Listener] = []
    try:
        if config.host is not None:
            _open_host(config, tls, opened)
        if config.unix_path is not None:
            opened.append(_open_unix(config.unix_path, config.backlog))
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def listeners_of_workers(config: Config, first: Sequence[Listener]) -> list[list[Listener]]:
    """What each worker listens on: the same sockets, or with SO_REUSEPORT sockets of its own.

    They all are the parent's too, so that connections queued for a worker that dies are served by
    the one that replaces it.
    """
    shares = [list(first)]
    while len(shares) < config.workers:
        if not config.reuse_port:
            shares.append(list(first))
            continue
        shares.append([one for one in first if one.path is not None])
        for listener in first:
            if listener.path is None:
                family, kind = listener.sock.family, listener.sock.type
                sock = _bound(config, family, kind, listener.sock.getsockname())
                shares[-1].append(replace(listener, sock=sock))
    return shares


def _open_host(config: Config, tls: ssl.SSLContext | None, opened: list[Listener]) -> None:
    """Listen on every address of the host, all on one port."""
    assert config.host is not None
    port = config.port
    kinds = [socket.SOCK_STREAM, socket.SOCK_DGRAM] if config.udp else [socket.SOCK_STREAM]
    for family, address in _addresses(config.host):
        for kind in kinds:
            try:
                sock = _bound(config, family, kind, (address, port))
            except OSError as error:
                where = f"{_bracketed(address)}:{port}"
                raise StartError(f"cannot listen on {where}: {_reason(error)}") from None
            port = sock.getsockname()[1]
            stream = "tcp" if tls is None else "tls"
            scheme = stream if kind == socket.SOCK_STREAM else "udp"
            opened.append(Listener(sock, f"{scheme}://{_bracketed(address)}:{port}", tls=tls))


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise StartError(f"cannot resolve the host {host!r}: {error}") from None
    # An IPv6 address may carry a scope (fe80::1%eth0), which getsockname would not repeat.
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bound(config: Config, family: int, kind: int, address: tuple[str, int]) -> socket.socket:
    sock = socket.socket(family, kind)
    try:
        if config.reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        if kind == socket.SOCK_DGRAM:
            remember_destination(sock)
            sock.bind(address)
            return sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit both from the listener, which spares two calls a connection.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.bind(address)
        sock.listen(config.backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _open_unix(name: str, backlog: int) -> Listener:
    path = Path(name).absolute()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        _remove_stale(path)
        sock.bind(str(path))
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise StartError(f"cannot listen on unix:{path}: {_reason(error)}") from None
    return Listener(sock, f"unix:{path}", path)


def _remove_stale(path: Path) -> None:
    """Remove the socket that a dead server left behind; a live one's, or a file, stays."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink()


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the address is in use; choose another, or port 0 for any free one"
    return error.strerror or str(error)
