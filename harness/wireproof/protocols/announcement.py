"""Servers that speak once, unasked, and close: daytime, time, and banners of all kinds."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from wireproof.protocols.exchange import Exchange
from wireproof.protocols.replies import Matcher
from wireproof.protocols.request_reply import RequestReply

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class Announcement(RequestReply):
    """A server that speaks once and closes; what it is sent it throws away."""

    exchange = Exchange.ANNOUNCEMENT
    eof_ends_reply = True

    @abstractmethod
    def greeting(self) -> Matcher:
        """Return what the server says."""

    def requests(self) -> SearchStrategy[bytes]:
        """Return what the server throws away."""
        from hypothesis import strategies as st

        return st.binary(min_size=1, max_size=64)

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return None: what is said ends with the stream."""
        del buffer
        return None

    def expected(self, request: bytes) -> None:
        """Return None: no request is answered."""
        del request
