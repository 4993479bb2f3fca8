"""What protocols of command lines with NOOP and QUIT have in common: FTP and POP3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.protocols.built_in.private_keys import with_serial
from wireproof.protocols.framing import ends
from wireproof.protocols.oracle import first_line
from wireproof.protocols.request_reply import RequestReply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy


class CommandLines(RequestReply):
    """A dialogue of lines: a request is one command, or several that belong together."""

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the names that have place for it."""
        return with_serial(request, serial)

    def requests(self) -> SearchStrategy[bytes]:
        """Return a request of any kind but the goodbye."""
        from hypothesis import strategies as st

        return st.one_of(*(each for name, each in self.kinds().items() if name != "close"))

    def example(self) -> bytes:
        """Return NOOP."""
        return b"NOOP\r\n"

    def is_last(self, request: bytes) -> bool:
        """Say whether it is the goodbye."""
        return request == b"QUIT\r\n"

    def parts(self, request: bytes) -> Sequence[bytes]:
        """Return the commands of a request."""
        return request.splitlines(keepends=True)

    def pauses(self, request: bytes) -> Sequence[int]:
        """Return where each command but the last ends, without pipelining."""
        return [] if self.pipelining else ends(self.parts(request)[:-1])

    def in_words(self, reply: bytes) -> str:
        """Return the first line."""
        return first_line(reply)
