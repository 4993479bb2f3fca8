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
    """Whether a reply may end with the stream; `reply_length` then returns None until the end.

    A server that sends a page and closes:

        class Gopher(RequestReply):
            one_request = True
            eof_ends_reply = True

            def reply_length(self, buffer):
                return None  # nothing but the end of the stream ends it
    """

    @abstractmethod
    def reply_length(self, buffer: bytearray) -> int | None:
        r"""Return how long the reply at the start of `buffer` is, or None while that is unknown.

        It may be more than what is in the buffer. While None is returned, the next call has the
        same reply with more of it.

        A method that is written with a second parameter, `request`, is given the request that the
        reply answers: the oldest that is owed one, empty for a greeting or where none is owed.

            def reply_length(self, buffer, request=b""):  # SOCKS 5: a choice, or an address
                return 2 if len(request) < 10 else 10

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
        r"""Return the messages that `request` consists of, each with replies of its own.

        `expected` is asked about each of them. For a transaction that goes as one request:

            >>> b"MAIL\r\nDATA\r\ntext\r\n.\r\n".partition(b"DATA\r\n")
            (b'MAIL\r\n', b'DATA\r\n', b'text\r\n.\r\n')
        """
        return (request,)

    def filled_in(self, request: bytes) -> bytes | None:
        """Return `request` with what the server has said put in; None while that isn't known.

        In the same number of bytes. Asked when the request is announced, where `request` itself
        means that nothing is blank, and anew after replies, until it is known; not sent before.
        For a log-in that answers a number which the server draws:

            def filled_in(self, request):
                if not request.startswith(b"AUTH"):
                    return request
                return self.nonce and b"AUTH " + digest(self.nonce, self.password)
        """
        return request

    def message_id(self, message: bytes) -> bytes | None:
        r"""Return what names a request, in it and in its reply alike; None where nothing does.

        Asked where `ordered` is False: a reply is then compared with the request that it names
        alone. Without it, each reply is compared with all that are owed one.

            def message_id(self, message):  # Modbus/TCP: the transaction identifier
                return bytes(message[:2])
        """
        del message
        return None

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

    def heard(self, reply: bytes, request: bytes) -> str:
        r"""Take a reply that fits what `expected` said; return what is wrong with it, or nothing.

        For replies that depend on what the server said before: a list of what it holds, the name
        of a folder. Called once for each right reply, in the order in which they come. What is
        kept in `self` is this connection's.

            def heard(self, reply, request):  # who asked for the count gets the same each time
                if request != b"COUNT\r\n":
                    return ""
                first, self.count = self.count or reply, reply
                return "" if reply == first else "another count than before"

        Args:
            reply: whole; not asked about what is `unsolicited`.
            request: which it answers; empty for a greeting.

        Returns:
            What is wrong, in words behind "wrong reply: "; empty where nothing is.

        """
        del reply, request
        return ""

    def closes(self, reply: bytes) -> bool:
        """Say whether the server ends the stream behind `reply`, whatever is still owed.

        Written with a second parameter, `request`, it is given the request that the reply answers.
        """
        del reply
        return False

    def refused(self, reply: bytes) -> bool:
        r"""Say whether `reply` refuses a request: an error, not a service.

        What is malformed must be refused, or the connection closed. A protocol that does not say
        what a refusal is has any reply taken for one.

            def refused(self, reply):
                return reply.startswith(b"-ERR")
        """
        del reply
        return False

    def in_words(self, reply: bytes) -> str:
        r"""Return what a wrong reply says in the protocol's own words, or nothing.

        A status, a code, the line of an error: it stands beside "wrong reply" in what people read.
        `reply` may be no more than its beginning, and have more behind it.

            def in_words(self, reply):
                return reply.split(b"\r\n")[0].decode(errors="replace")
        """
        del reply
        return ""
