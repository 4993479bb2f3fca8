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

import re
import traceback
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from harness.errors import ProtocolCodeError
from harness.protocols.base import Protocol
from harness.protocols.oracle import Oracle, SentRequests, WrongReplyError, printable

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

Matcher = bytes | re.Pattern[bytes] | Callable[[bytes], bool]
"""A right reply: exactly these bytes, a pattern that matches it whole, or a judge of it."""


class RequestReply(Protocol):
    """A protocol in which each request has one reply, in order."""

    @abstractmethod
    def reply_length(self, buffer: bytearray) -> int | None:
        """Return how long the reply at the start of `buffer` is, or None while that is unknown."""

    @abstractmethod
    def expected(self, request: bytes) -> Matcher | None:
        """Return the right reply, or None where the request has none."""

    def session(self) -> RequestReply:
        """Return what judges one connection: a copy where replies depend on what came before."""
        return self

    def greeting(self) -> Matcher | None:
        """Return what the server says before the first request, or None if it waits."""
        return None

    def oracle(self) -> Oracle:
        """Return a judge that takes replies in the order of the requests."""
        return RequestReplyOracle(self.session())


class RequestReplyOracle(Oracle):
    """Judges one connection of a `RequestReply` protocol."""

    def __init__(self, session: RequestReply) -> None:
        """Judge by `session`, which is this connection's alone."""
        self._session = session
        self._requests = SentRequests()
        self._announced: deque[bytes] = deque()
        self._owed: deque[Matcher] = deque()
        self._buffer = bytearray()
        self._received_bytes = 0
        self._greeting_owed = False
        greeting = call_user_code(session.greeting)
        if greeting is not None:
            self._owed.append(greeting)
            self._greeting_owed = True

    def announce(self, request: bytes) -> None:
        """Append a request."""
        self._announced.append(request)
        self._requests.announce(len(request))

    def sent(self, count: int) -> None:
        """Owe a reply to each request whose last byte is among these."""
        for _ in range(self._requests.sent(count)):
            matcher = call_user_code(self._session.expected, self._announced.popleft())
            if matcher is not None:
                self._owed.append(matcher)

    def receive_data(self, data: bytes) -> int:
        """Compare with the replies owed; a surplus byte is a wrong reply."""
        self._buffer += data
        answered = 0
        while self._buffer:
            if not self._owed:
                part_sent = self._requests.sent_bytes < self._requests.announced_bytes
                raise self._wrong(
                    "a reply before its request was complete"
                    if part_sent and self._announced
                    else "bytes that answer no request",
                    "nothing",
                )
            length = self._length_of_first()
            if length is None:
                break
            self._owed.popleft()
            del self._buffer[:length]
            self._received_bytes += length
            if self._greeting_owed:
                self._greeting_owed = False
            else:
                answered += 1
        return answered

    def receive_eof(self) -> None:
        """Take the end of the stream: nothing may be owed, nothing may be half received."""
        if self._owed:
            count = len(self._owed)
            raise self._wrong(
                f"end of stream with {count} {'reply' if count == 1 else 'replies'} owed",
                _shown(self._owed[0]),
            )

    @property
    def owed(self) -> int:
        """Replies owed, the greeting included."""
        return len(self._owed)

    def _length_of_first(self) -> int | None:
        """Return the length of the first reply once it is complete and right."""
        buffer, matcher = self._buffer, self._owed[0]
        if isinstance(matcher, bytes):
            # No need to find the reply's end: the right reply is known to the byte.
            if buffer.startswith(matcher):
                return len(matcher) if matcher else None
            if matcher.startswith(buffer):
                return None
            raise self._wrong("wrong reply", _shown(matcher))
        length = call_user_code(self._session.reply_length, buffer)
        if length is not None and length <= 0:
            where = type(self._session).__name__
            raise ProtocolCodeError(
                f"{where}.reply_length returned {length} for {printable(buffer)}",
                "return the reply's length in bytes, or None while it is incomplete",
            )
        if length is None or length > len(buffer):
            if len(buffer) > self._session.max_reply_bytes:
                raise self._wrong(
                    "no end of the reply in sight",
                    f"a reply of at most {self._session.max_reply_bytes} bytes",
                )
            return None
        reply = bytes(buffer[:length])
        right = (
            matcher.fullmatch(reply) is not None
            if isinstance(matcher, re.Pattern)
            else call_user_code(matcher, reply)
        )
        if not right:
            raise self._wrong("wrong reply", _shown(matcher))
        return length

    def _wrong(self, problem: str, expected: str) -> WrongReplyError:
        return WrongReplyError(
            problem,
            expected=expected,
            actual=printable(self._buffer) if self._buffer else "nothing",
            offset_bytes=self._received_bytes,
        )


def call_user_code(
    function: Callable[Arguments, Value], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Value:
    """Call the user's code; what it raises is the user's fault, and said so with the line."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        name = getattr(function, "__qualname__", repr(function))
        raise ProtocolCodeError(
            f"{name} raised {type(error).__name__}: {error}",
            f"mend it at {frame.filename}:{frame.lineno}",
        ) from error


def _shown(matcher: Matcher) -> str:
    if isinstance(matcher, bytes):
        return printable(matcher)
    if isinstance(matcher, re.Pattern):
        return f"a match of {printable(matcher.pattern)}"
    return f"what {getattr(matcher, '__qualname__', 'the matcher')} accepts"
