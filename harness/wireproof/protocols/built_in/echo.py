"""The echo protocol (RFC 862)."""

from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.raw_stream import RawStream


class Echo(RawStream, Datagrams):
    """Whatever is sent comes back."""

    name = "echo"
    source = "RFC 862"
    transports = frozenset({"tcp", "tls", "unix", "exec", "udp"})

    def example(self) -> bytes:
        """Return a line of text."""
        return b"hello, world\n"

    def judge_source(self) -> str:
        """Return a judge for scripts."""
        return "def complete(sent, received, since_s):\n    return received == sent\n"

    def expected_datagram(self, datagram: bytes) -> bytes:
        """Return the datagram itself."""
        return datagram
