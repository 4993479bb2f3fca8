"""Where the server under test listens, and whether we may send load there.

A target is parsed once and resolved once: the addresses found then are the addresses used for
the whole run, so a name that resolves differently later cannot lead load astray.
"""

import ipaddress
import shlex
import shutil
import socket
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from wireproof.errors import CannotRunError, UsageError

SCHEMES = ("tcp", "tls", "udp", "unix")
EXAMPLE = (
    "write tcp://127.0.0.1:28812, tls://HOST:PORT, udp://HOST:PORT, unix:/PATH or exec:COMMAND"
)

_TYPE_BY_SCHEME = {
    "tcp": socket.SOCK_STREAM,
    "tls": socket.SOCK_STREAM,
    "unix": socket.SOCK_STREAM,
    "udp": socket.SOCK_DGRAM,
    "exec": socket.SOCK_STREAM,
}
_SPOKEN_OVER = {
    "http": "tcp://{} --protocol http1",
    "https": "tls://{} --protocol http1",
    "ws": "tcp://{} --protocol websocket",
    "wss": "tls://{} --protocol websocket",
    "redis": "tcp://{} --protocol redis",
    "mqtt": "tcp://{} --protocol mqtt",
}
"""What to write instead of a URL that names a protocol."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server's address.

    Attributes:
        scheme: `tcp`, `tls`, `udp`, `unix` or `exec`.
        host: the name or address as the user wrote it; empty for `unix` and `exec`.
        port: 1 to 65535; 0 for `unix` and `exec`.
        path: the socket's path, or the command of `exec`; empty for the others.
        family: `AF_INET`, `AF_INET6` or `AF_UNIX`; `AF_UNSPEC` until resolved, and for `exec`.
        address: what `socket.connect` takes; empty until resolved, and for `exec`.
        prelude: what each connection begins with, before TLS and all else; nothing answers it.
        written: the file in which the server writes what it was sent, instead of replies.

    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    family: socket.AddressFamily = socket.AF_UNSPEC
    address: tuple[Any, ...] | str = ""
    prelude: bytes = b""
    written: str = ""

    def __str__(self) -> str:
        if not self.has_host:
            return f"{self.scheme}:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def filled_into(self, word: str) -> str:
        """Return a word of a command, with this target for its {port}, {host}, {path} and {url}."""
        values = {
            "{port}": str(self.port),
            "{host}": self.host,
            "{path}": self.path,
            "{url}": str(self),
        }
        for name, value in values.items():
            word = word.replace(name, value)
        return word

    @property
    def has_host(self) -> bool:
        """Whether it is reached by a host and a port."""
        return self.scheme not in {"unix", "exec"}

    @property
    def words(self) -> tuple[str, ...]:
        """The command of `exec`, in words as a shell reads them; nothing is expanded."""
        return tuple(shlex.split(self.path)) if self.scheme == "exec" else ()

    @property
    def socket_type(self) -> socket.SocketKind:
        """`SOCK_STREAM` or `SOCK_DGRAM`."""
        return _TYPE_BY_SCHEME[self.scheme]

    @property
    def is_stream(self) -> bool:
        """Whether the target speaks over a byte stream."""
        return self.scheme != "udp"

    @property
    def pin(self) -> str:
        """The resolved address as text, which needs no look-up; empty without a host."""
        if not self.has_host:
            return ""
        scope = self.address[3] if len(self.address) == 4 else 0
        return f"{self.address[0]}%{scope}" if scope else str(self.address[0])

    @property
    def is_loopback(self) -> bool:
        """Whether the resolved address can only be this machine."""
        if not self.has_host:
            return True
        address = ipaddress.ip_address(self.address[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback


def parse_target(text: str, *, any_port: bool = False) -> Target:
    """Read a target as the user writes it.

    Args:
        text: `tcp://`, `tls://`, `udp://` with host and port, `unix:/path` or `exec:COMMAND`.
        any_port: whether port 0 may stand for a free one.

    Raises:
        UsageError: it is none of these.

    """
    if text.startswith("exec:"):
        command = text.removeprefix("exec:").strip()
        command_words("exec:", command, "exec:'my-server --stdio'")
        return Target("exec", path=command)
    if text.startswith("unix:"):
        return _unix_target(text)
    if "://" not in text:
        raise UsageError(f"{text!r} is not a target", EXAMPLE)
    _refuse_bare_ipv6(text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{text!r} is not a target: {error}", EXAMPLE) from None
    if parts.scheme not in SCHEMES:
        raise UsageError(f"{parts.scheme!r} is not a transport", _transport_for(parts.scheme, text))
    if not host or not (port or (any_port and port == 0)):
        missing = "host" if not host else "port"
        raise UsageError(f"{text!r} has no {missing}", EXAMPLE)
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{text!r} has more than a host and a port", EXAMPLE)
    return Target(parts.scheme, host=host, port=port or 0)


def _unix_target(text: str) -> Target:
    path = "/" + text.removeprefix("unix:").lstrip("/")
    if not text.removeprefix("unix:").startswith("/") or path == "/":
        raise UsageError(f"{text!r} names no absolute path", "write unix:/run/server.sock")
    try:
        size_bytes = len(path.encode())
    except UnicodeEncodeError:  # undecodable bytes of the command line, as surrogates
        raise UsageError(f"the path of {text!r} is not UTF-8") from None
    if size_bytes > 107:  # sun_path, unix(7)
        raise UsageError(f"the path of {text!r} is longer than the 107 bytes that Linux allows")
    return Target("unix", path=path)


def command_words(option: str, command: str, example: str) -> list[str]:
    """Split a command as a shell would, and see that it is there.

    Args:
        option: what names it, such as `--start`.
        command: as the user wrote it.
        example: what to write instead of nothing.

    Raises:
        UsageError: it cannot be split or found, or there is none.

    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"cannot read {option} {command!r}: {error}") from None
    if not words:
        raise UsageError(f"{option} names no command", f"write {example}")
    if shutil.which(words[0]) is None:
        raise UsageError(f"cannot start {words[0]!r}: there is no such command")
    return words


def _refuse_bare_ipv6(text: str) -> None:
    scheme, _, place = text.partition("://")
    host, _, port = place.rpartition(":")
    if ":" in host and "[" not in place:
        raise UsageError(
            f"{text!r} has an IPv6 address without brackets", f"write {scheme}://[{host}]:{port}"
        )


def resolve(target: Target, allow_hosts: Collection[str] = (), pin: str = "") -> tuple[Target, ...]:
    """Look the host up, once, and pin what was found.

    Args:
        target: as parsed.
        allow_hosts: hosts beyond loopback that the user owns, as written in `--allow-host`.
        pin: what an earlier look-up found, `Target.pin`; then the name is not looked up again.

    Returns:
        The target once for each of its addresses, in the resolver's order; `localhost` often has
        two, of which the server may serve one.

    Raises:
        UsageError: one of the addresses is not this machine's and the host is not among
            `allow_hosts`.
        CannotRunError: the host does not resolve.

    """
    if target.scheme == "exec":
        return (target,)
    if target.scheme == "unix":
        return (replace(target, family=socket.AF_UNIX, address=target.path),)
    try:
        found = socket.getaddrinfo(
            pin or target.host,
            target.port,
            type=target.socket_type,
            flags=socket.AI_NUMERICHOST if pin else 0,
        )
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise CannotRunError(f"{target.host!r} does not resolve: {reason}") from None
    pinned = tuple(
        replace(target, family=family, address=address) for family, _, _, _, address in found
    )
    owned = target.host.lower() in {host.lower() for host in allow_hosts}
    for candidate in pinned:
        if not candidate.is_loopback and not owned:
            where = candidate.address[0]
            named = target.host if target.host == where else f"{target.host} ({where})"
            raise UsageError(
                f"{named} is not this machine; load is for machines you own",
                f"if you own it, add --allow-host {target.host}",
            )
    return pinned


def is_loopback_host(host: str) -> bool:
    """Whether what listens at a host can be reached from this machine alone.

    Nothing is looked up: a name that is not certainly loopback is not.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _transport_for(scheme: str, text: str) -> str:
    """Return what to write instead of a target whose scheme is a protocol."""
    where = text.partition("://")[2].partition("/")[0]
    return f"write {_SPOKEN_OVER[scheme].format(where)}" if scheme in _SPOKEN_OVER else EXAMPLE
