"""The sockets that the server listens on."""

import contextlib
import errno
import socket
from dataclasses import dataclass
from pathlib import Path

from reference_server.config import Config, StartError


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound, listening, non-blocking socket.

    Attributes:
        sock: the socket.
        target: its address as users write it, `tcp://127.0.0.1:28812`.
        path: the file of a Unix socket, to be removed at the end.

    """

    sock: socket.socket
    target: str
    path: Path | None = None

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
    opened: list[Listener] = []
    try:
        if config.host is not None:
            _open_tcp(config, opened)
        if config.unix_path is not None:
            opened.append(_open_unix(config.unix_path, config.backlog))
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def _open_tcp(config: Config, opened: list[Listener]) -> None:
    """Listen on every address of the host, all on one port."""
    assert config.host is not None
    port = config.port
    for family, address in _addresses(config.host):
        try:
            sock = _bound_tcp(family, (address, port))
        except OSError as error:
            where = f"{_bracketed(address)}:{port}"
            raise StartError(f"cannot listen on {where}: {_reason(error)}") from None
        sock.listen(config.backlog)
        port = sock.getsockname()[1]
        opened.append(Listener(sock, f"tcp://{_bracketed(address)}:{port}"))


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise StartError(f"cannot resolve the host {host!r}: {error}") from None
    # An IPv6 address may carry a scope (fe80::1%eth0), which getsockname would not repeat.
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bound_tcp(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Accepted sockets inherit both from the listener, which spares two calls a connection.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setblocking(False)
        sock.bind(address)
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
