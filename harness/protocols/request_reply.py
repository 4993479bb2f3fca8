r"""What most users write: how to make a request, where a reply ends, which reply is right.

A protocol describes; its oracle judges one connection. The same object drives `check` and `load`.

    class Shout(RequestReply):
        '''One line in, the same line in capitals out.'''

        name = "shout"

        def requests(self):
            return st.text(string.ascii_letters).map(lambda text: text.encode() + b"\n")

        def reply_length(self, buffer):
            return delimited(buffer, b"\n")

        def expected(self, request):
            return request.upper()
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from harness.protocols.base import Protocol
from harness.protocols.oracle import Oracle
from harness.protocols.replies import Expected


class RequestReply(Protocol):
    """A protocol in which replies belong to requests.

    What a method keeps in `self` belongs to one connection: see `session`.
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

    def session(self) -> RequestReply:
        """Return what judges one connection: a deep copy, so that state is that connection's."""
        return copy.deepcopy(self)

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

    def oracle(self) -> Oracle:
        """Return a judge of one connection."""
        from harness.protocols.request_reply_oracle import RequestReplyOracle

        return RequestReplyOracle(self.session())
