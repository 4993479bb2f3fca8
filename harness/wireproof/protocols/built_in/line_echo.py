"""An echo of whole lines, as the first server of many a tutorial does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.framed import Delimited
from wireproof.protocols.sizes import octets, payloads

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class LineEcho(Delimited, Datagrams):
    """Each line comes back, its newline included, once it is complete."""

    name = "line-echo"
    source = "this class"
    max_request_bytes: int = 32 * 1024
    """Servers bound the length of a line."""
    transports = frozenset({"tcp", "tls", "unix", "exec", "udp"})

    def requests(self) -> SearchStrategy[bytes]:
        """Return one line of any octets but newline; it may be empty."""
        return payloads(400).map(lambda data: data.replace(b"\n", b"\r") + b"\n")

    def example(self) -> bytes:
        """Return a line of text."""
        return b"hello, world\n"

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return one line."""
        return octets(size_bytes - 1, b"abcdefghij") + b"\n" if size_bytes else None

    def payload_request(self, payload: bytes) -> bytes | None:
        """Return the payload as a line."""
        return None if b"\n" in payload else payload + b"\n"

    def expected(self, request: bytes) -> bytes:
        """Return the line."""
        return request

    def expected_datagram(self, datagram: bytes) -> bytes:
        """Return the line."""
        return datagram
