"""SOCKS 5 (RFC 1928): the log-in and CONNECT open a connection, through which lines come back.

The opening is cut and reset like any; what follows has to pass through unchanged, in both
directions and to its end. Behind the proxy there has to be a server of the protocol `line-echo`.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, ClassVar

from wireproof.errors import UsageError
from wireproof.protocols.framed import Delimited
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Expected, Judge
from wireproof.protocols.sizes import LETTERS, octets, ordinary_values, payloads
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_VERSION, _CONNECT = b"\x05", b"\x01"
_NO_LOGIN, _USER_AND_PASSWORD, _NONE_FITS = 0, 2, 0xFF
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_BYTES = {_IPV4: 4, _IPV6: 16}
_REPLIES = {
    1: "general failure",
    2: "not allowed",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
"""RFC 1928, section 6."""


class Socks5(Delimited):
    """SOCKS 5: log-in, CONNECT to an echo of lines, and what passes through."""

    name = "socks5"
    source = "RFC 1928; RFC 1929 for user and password"
    half_close: ClassVar[Level] = Level.SHOULD
    max_request_bytes: int = 32 * 1024
    """Servers bound the length of a line."""
    destination: str = "127.0.0.1:7"
    """Where an echo of lines answers, as the proxy sees it: an address or a name, and a port."""
    user: str = ""
    password: str = ""

    def __init__(self) -> None:
        """Start with the opening to come."""
        self._opened = 0

    def opening(self) -> list[bytes]:
        """Offer methods, log in where there is a user, and ask for the destination."""
        hello = _VERSION + bytes((1, _USER_AND_PASSWORD if self.user else _NO_LOGIN))
        login = b"\x01" + _counted(self.user) + _counted(self.password)
        connect = _VERSION + _CONNECT + b"\0" + _address(self.destination)
        return [hello, login, connect] if self.user else [hello, connect]

    def requests(self) -> SearchStrategy[bytes]:
        """Return a line of any octets but newline."""
        return payloads(300).map(lambda data: self.frame(data.replace(b"\n", b"\r")))

    def example(self) -> bytes:
        """Return a line."""
        return b"hello through the proxy\n"

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return lines of ordinary sizes."""
        return {"line": (ordinary_values().map(self.frame), 1)}

    def payload_request(self, payload: bytes) -> bytes | None:
        """Return the payload as a line."""
        return None if b"\n" in payload else self.frame(payload)

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a line of letters."""
        return self.frame(octets(size_bytes - 1, LETTERS)) if size_bytes else None

    def reply_length(self, buffer: bytearray, request: bytes = b"") -> int | None:
        """Return two bytes for an answer to the log-in, what the address takes, or the line's."""
        if request == self.opening()[-1]:
            return _connected_length(buffer)
        return super().reply_length(buffer) if request.endswith(self.delimiter) else 2

    def refused(self, reply: bytes) -> bool:
        """Say whether no method fits, or the destination isn't reached."""
        return reply[:1] == _VERSION and len(reply) > 1 and reply[1] in {*_REPLIES, _NONE_FITS}

    def in_words(self, reply: bytes) -> str:
        """Return why there is no connection."""
        if not self.refused(reply):
            return ""
        return _REPLIES.get(reply[1], "no method of log-in that was offered")

    def closes(self, reply: bytes, request: bytes = b"") -> bool:
        """Say whether a refusal ends the connection (section 6)."""
        return request == self.opening()[-1] and self.refused(reply)

    def expected(self, request: bytes) -> Expected:
        """Return the answer to each step of the opening, then the echo."""
        opening = self.opening()
        step, self._opened = self._opened, min(self._opened + 1, len(opening))
        if step == len(opening):
            return request
        if step == len(opening) - 1:
            return Judge(lambda reply: reply[1] == 0, "a connection to the destination")
        return b"\x01\0" if step else _VERSION + request[-1:]


def _counted(text: str) -> bytes:
    data = text.encode()
    return bytes((min(len(data), 255),)) + data[:255]


def _address(destination: str) -> bytes:
    """Return type, address and port.

    Raises:
        UsageError: it has no port.

    """
    host, _, port = destination.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise UsageError(f"destination {destination!r} is not a HOST:PORT", "write 127.0.0.1:7")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return bytes((_NAME,)) + _counted(host) + int(port).to_bytes(2)
    kind = _IPV4 if address.version == 4 else _IPV6
    return bytes((kind,)) + address.packed + int(port).to_bytes(2)


def _connected_length(buffer: bytearray) -> int | None:
    """Return how long the reply to CONNECT is (section 6)."""
    if buffer[:1] != _VERSION[: len(buffer)] or buffer[2:3].strip(b"\0"):
        raise MalformedReplyError("no reply of version 5 with a reserved octet of 0")
    if len(buffer) < 5:
        return None
    size = buffer[4] + 1 if buffer[3] == _NAME else _ADDRESS_BYTES.get(buffer[3])
    if size is None:
        raise MalformedReplyError(f"an address of the unknown type {buffer[3]}")
    return 4 + size + 2
