"""Thrift's framed transport and strict binary protocol: calls of `binary echo(1: binary value)`."""

from hypothesis import strategies as st

from wireproof import LengthPrefixed
from wireproof.protocols.sizes import padded

CALL, REPLY = b"\x80\x01\x00\x01", b"\x80\x01\x00\x02"
NAME = b"\x00\x00\x00\x04echo"
NUMBER_AT = 16


class ThriftEcho(LengthPrefixed):
    """Each call of `echo` comes back as a reply with its number and its value."""

    name = "thrift-echo"
    source = "Thrift, doc/specs/thrift-rpc.md and thrift-binary-protocol.md"
    # The server's own limit, 15 MiB by default; its time grows with the square of a frame's size.
    max_request_bytes = 1024 * 1024

    def requests(self):
        """Return one call."""
        return st.binary(max_size=300).map(self.call)

    def sized_request(self, size_bytes):
        """Return a call with a long value."""
        return padded(size_bytes, self.call)

    def numbered(self, request, number):
        """Set the number of the call, which its reply repeats."""
        return request[:NUMBER_AT] + number.to_bytes(4) + request[NUMBER_AT + 4 :]

    def expected(self, request):
        """Return the reply to a call."""
        number = request[NUMBER_AT : NUMBER_AT + 4]
        value = request[NUMBER_AT + 11 : -1]  # behind the field header and its length
        return self.frame(REPLY + NAME + number + field(0, value))

    def call(self, value):
        """Return a framed call."""
        return self.frame(CALL + NAME + bytes(4) + field(1, value))


def field(number, value):
    """Return a structure with one field, which is binary."""
    return b"\x0b" + number.to_bytes(2) + len(value).to_bytes(4) + value + b"\x00"
