"""Protocols whose replies only their own code can judge, so that an oracle has to wait for them."""

from hypothesis import strategies as st

from wireproof.protocols.framed import Delimited, LengthPrefixed
from wireproof.protocols.replies import Judge


class Lines(Delimited):
    """Each line comes back as it is, or so the server says."""

    name = "lines"

    def requests(self) -> st.SearchStrategy[bytes]:
        """Lines of a few letters."""
        return st.text("abc", max_size=20).map(lambda text: text.encode() + b"\n")

    def sized_request(self, size_bytes: int) -> bytes:
        """A line of this size."""
        return b"s" * (size_bytes - 1) + b"\n"

    def expected(self, request: bytes) -> Judge:
        """The same, once it is complete."""
        return Judge(lambda reply: reply == request, "the line")


class Counted(LengthPrefixed):
    """Frames behind eight bytes of length."""

    name = "counted"
    length_bytes = 8

    def requests(self) -> st.SearchStrategy[bytes]:
        """Frames of a few bytes."""
        return st.binary(min_size=1, max_size=20).map(self.frame)

    def sized_request(self, size_bytes: int) -> bytes | None:
        """A frame of this size."""
        return self.frame(bytes(size_bytes - 8)) if size_bytes > 8 else None

    def expected(self, request: bytes) -> Judge:
        """The same, once it is complete."""
        return Judge(lambda reply: reply == request, "the frame")
