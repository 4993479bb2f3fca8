"""SOCKS5 (RFC 1928): method, then a connect to a port on which nothing listens."""

import re

from hypothesis import strategies as st

from wireproof import Level, RequestReply

REFUSAL = re.compile(rb"\x05[\x01-\x05]\x00\x01.{6}", re.DOTALL)
CONNECT = b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x01"


class Socks5(RequestReply):
    """Agrees on no authentication, then asks for 127.0.0.1:1, which is refused."""

    name = "socks5"
    source = "RFC 1928 sections 3 to 6"
    one_request = True
    half_close = Level.MAY

    def requests(self):
        """Return a choice of methods with `none` among them, and the connect."""
        others = st.sets(st.integers(0x80, 0xFE), max_size=4)
        return others.map(lambda more: bytes((5, 1 + len(more), 0, *more)) + CONNECT)

    def parts(self, request):
        """Return both messages."""
        return request[: -len(CONNECT)], CONNECT

    def pauses(self, request):
        """Wait for the method before the connect."""
        return [len(request) - len(CONNECT)]

    def reply_length(self, buffer):
        """Return two bytes for a method, else what the type of address says."""
        return 2 if buffer[:2] == b"\x05\x00" and buffer[2:3] != b"\x00" else 10

    def expected(self, message):
        """Return the method `none`, or a refusal."""
        return REFUSAL if message == CONNECT else b"\x05\x00"
