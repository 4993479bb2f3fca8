"""What a protocol of requests and replies says of itself: two methods it must, others it may."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from wireproof.protocols.base import Protocol
from wireproof.protocols.replies import Expected


class RequestReplyHooks(Protocol):
    """What a protocol of requests and replies says of itself, and its oracle asks.

    What a method keeps in `self` belongs to one connection.
    """

    ordered: ClassVar[bool] = True
    """Whether replies come in the order of their requests."""
    eof_ends_reply: ClassVar[bool] = False
    """Whether a reply may end with the stream; `reply_length` then returns None until the end."""

    @abstractmethod
    def reply_length(self, buffer: bytearray) -> int | None:
        """Return how long the reply at the start of `buffer` is, or None while that is unknown.

        Raises:
            MalformedReplyError: no reply starts like this.

        """

    @abstractmethod
    def expected(self, request: bytes) -> Expected:
        """Return the right reply, several in their order, or None where the request has none.

        Called once for each request, in the order in which they are sent.
        """

    def greeting(self) -> Expected:
        """Return what the server says before the first request, or None if it waits."""
        return None

    def parts(self, request: bytes) -> Sequence[bytes]:
        """Return the messages that `request` consists of, each with replies of its own."""
        return (request,)

    def answerable_at(self, message: bytes) -> int:
        """Return how many bytes of `message` are enough for a right server to answer it.

        All of them, unless the protocol says otherwise: HTTP lets a server answer before the
        body is there.
        """
        return len(message)

    def mask(self, message: bytes) -> bytes:
        """Return a reply with what may differ, such as a date, made the same.

        Applied to both sides where `expected` gave bytes.
        """
        return message

    def unsolicited(self, message: bytes) -> bool:
        """Say whether the server may send `message` without having been asked."""
        del message
        return False

    def closes(self, reply: bytes) -> bool:
        """Say whether the server ends the stream behind `reply`, whatever is still owed."""
        del reply
        return False
