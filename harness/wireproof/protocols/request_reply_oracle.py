"""Judges one connection of a request-reply protocol.

Strategy: what is owed is a list of replies in the order of their requests. A reply that is known
to the byte, and must be the next, is compared as it arrives, so that its first wrong byte ends
the wait. Every other reply is cut off where the protocol says that it ends, and answers the first
reply owed that it fits, among those that nothing keeps waiting: the first of each lane, and what
stands behind optional ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wireproof.protocols.base import Exchange, overrides
from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.protocols.oracle import (
    MAX_SHOWN_BYTES,
    MalformedReplyError,
    Oracle,
    SentRequests,
    WrongReplyError,
    printable,
)
from wireproof.protocols.replies import Expected, Matcher, matches, replies_of, shown
from wireproof.protocols.user_code import call_user_code, code_error
from wireproof.words import counted


@dataclass(slots=True, eq=False)
class _Request:
    """What is outstanding of one request."""

    unsent_parts: int
    replies_owed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Owed:
    matcher: Matcher
    lane: str
    optional: bool
    request: _Request | None  # none for the greeting


class RequestReplyOracle(Oracle):
    """Judges one connection of a `RequestReply` protocol."""

    def __init__(self, session: RequestReplyHooks) -> None:
        """Judge by `session`, which is this connection's alone."""
        self._session = session
        overridden = {
            name
            for name in ("mask", "unsolicited", "closes", "parts", "answerable_at")
            if overrides(session, RequestReplyHooks, name)
        }
        self._mask = session.mask if "mask" in overridden else None
        self._unsolicited = session.unsolicited if "unsolicited" in overridden else None
        self._closes = session.closes if "closes" in overridden else None
        self._answerable_at = session.answerable_at if "answerable_at" in overridden else None
        self._answered_early: _Request | None = None
        self._parts = session.parts if "parts" in overridden else None
        self._in_one_lane = session.ordered
        self._may_know_early = session.ordered and not (self._mask or self._unsolicited)
        self._requests = SentRequests()
        self._announced: deque[tuple[bytes, _Request]] = deque()
        self._owed: deque[_Owed] = deque()
        self._required = 0
        self._buffer = bytearray()
        self._compared = 0  # bytes of the buffer that are known to be right
        self._received_bytes = 0
        self._has_ended = False
        self._owe(call_user_code(session.greeting), session.greeting, None)

    def announce(self, request: bytes) -> None:
        """Append a request."""
        if self._parts is None:
            self._announced.append((request, _Request(1)))
            self._requests.announce(len(request))
            return
        parts = list(call_user_code(self._parts, request))
        if b"".join(parts) != request:
            raise code_error(self._parts, "returned other bytes than the request's", "cut only")
        outstanding = _Request(len(parts))
        for part in parts:
            self._announced.append((part, outstanding))
            self._requests.announce(len(part))

    def sent(self, count: int) -> None:
        """Owe a reply to each message whose last byte is among these."""
        for _ in range(self._requests.sent(count)):
            message, request = self._announced.popleft()
            request.unsent_parts -= 1
            if request is self._answered_early:  # told by an early reply what it is answered with
                self._answered_early = None
                continue
            expected = call_user_code(self._session.expected, message)
            if not self._has_ended:
                self._owe(expected, self._session.expected, request)

    def receive_data(self, data: bytes) -> int:
        """Compare with the replies owed; a surplus byte is a wrong reply."""
        self._buffer += data
        answered = 0
        try:
            while self._buffer:
                if self._has_ended:
                    raise self._wrong("bytes behind the reply that ends the stream", "nothing")
                if not self._owed and self._answerable_at:
                    self._owe_early()
                if not self._owed and not self._unsolicited:
                    raise self._wrong(self._surplus(), "nothing")
                if self._next_is_known():
                    size = self._compare_with_next()
                    reply = None
                else:
                    size = self._length_of_next()
                    reply = bytes(self._buffer[:size]) if size else None
                if size is None:
                    break
                answered += self._take(size, reply)
        except MalformedReplyError as error:
            expected = shown(self._owed[0].matcher) if self._owed else "a message"
            raise self._wrong(f"malformed reply ({error})", expected) from None
        return answered

    def receive_eof(self) -> None:
        """Take the end of the stream: nothing may be owed, nothing may be half received."""
        if self._session.eof_ends_reply and self._buffer and self._owed:
            reply = bytes(self._buffer)
            try:
                if not matches(self._owed[0].matcher, reply, self._mask):
                    raise self._wrong("wrong reply", shown(self._owed[0].matcher))
            except MalformedReplyError as error:
                problem = f"malformed reply ({error})"
                raise self._wrong(problem, shown(self._owed[0].matcher)) from None
            self._settle_first(self._owed[0])
            self._end_if_closed_by(reply)
            self._buffer.clear()
        if self._required:
            first = next(owed for owed in self._owed if not owed.optional)
            raise self._wrong(
                f"end of stream with {counted(self._required, 'reply', 'replies')} owed",
                shown(first.matcher),
            )
        if self._buffer:
            raise self._wrong("end of stream within a message", "the rest of it")
        if self._session.exchange is Exchange.ANNOUNCEMENT:
            self._has_ended = True

    @property
    def owed(self) -> int:
        """Replies owed, the greeting included, optional ones not."""
        return self._required

    @property
    def settled(self) -> bool:
        """Whether every reply that must come is here, and none is half received."""
        return not self._required and not self._buffer

    @property
    def ended(self) -> bool:
        """Whether the server has said that it ends the stream; what is sent now is not answered."""
        return self._has_ended

    def _owe(
        self, expected: Expected, said_by: Callable[..., object], request: _Request | None
    ) -> None:
        if expected.__class__ is bytes and expected:  # what load does a hundred thousand times
            self._owed.append(_Owed(expected, "", False, request))
            self._required += 1
            if request is not None:
                request.replies_owed += 1
            return
        for reply in replies_of(expected, said_by):
            self._owed.append(_Owed(reply.matcher, reply.lane, reply.optional, request))
            if reply.lane or reply.optional:
                self._in_one_lane = False
            if not reply.optional:
                self._required += 1
                if request is not None:
                    request.replies_owed += 1

    def _owe_early(self) -> None:
        """Owe the reply to a message that is not sent whole, if enough of it is."""
        part_bytes = self._requests.sent_bytes - self._requests.completed_bytes
        if not part_bytes or not self._announced or self._answered_early:
            return
        message, request = self._announced[0]
        assert self._answerable_at is not None
        if call_user_code(self._answerable_at, message) <= part_bytes:
            self._answered_early = request
            expected = call_user_code(self._session.expected, message)
            self._owe(expected, self._session.expected, request)

    def _next_is_known(self) -> bool:
        """Say whether the next bytes can only be one reply, known to the byte."""
        return (
            self._may_know_early and self._in_one_lane and isinstance(self._owed[0].matcher, bytes)
        )

    def _compare_with_next(self) -> int | None:
        """Return the length of the first reply once it is complete, having compared what is new."""
        buffer, right = self._buffer, self._owed[0].matcher
        assert isinstance(right, bytes)
        size, start = len(right), self._compared
        end = min(len(buffer), size)
        if buffer[start:end] != right[start:end]:
            while buffer[start] == right[start]:
                start += 1
            raise self._wrong("wrong reply", _around(right, start), at=start)
        self._compared = end
        return size if end == size else None

    def _length_of_next(self) -> int | None:
        """Return the length of the message at the head of the buffer once it is complete."""
        session, buffer = self._session, self._buffer
        length = call_user_code(session.reply_length, buffer)
        if length is None or (length.__class__ is int and length > len(buffer)):
            limit = session.max_reply_bytes
            if len(buffer) > limit or (length is not None and length > limit):
                raise self._wrong("no end of the reply in sight", f"at most {limit} bytes")
            return None
        if length.__class__ is not int or length <= 0:
            raise code_error(
                session.reply_length,
                f"returned {length!r} for {printable(buffer, 60)}",
                "return the reply's length in bytes, or None while it is incomplete",
            )
        return length

    def _take(self, size: int, reply: bytes | None) -> int:
        """Settle what the first `size` bytes answer; return how many requests that completed."""
        if reply is None:
            fitting: _Owed | None = self._owed[0]
        else:
            fitting = self._first_fitting(reply)
            if fitting is None and not (
                self._unsolicited and call_user_code(self._unsolicited, reply)
            ):
                raise self._mismatch()
        completed = self._settle_first(fitting) if fitting else 0
        if self._closes:
            self._end_if_closed_by(bytes(self._buffer[:size]))
        del self._buffer[:size]
        self._received_bytes += size
        self._compared = 0
        return completed

    def _end_if_closed_by(self, reply: bytes) -> None:
        if self._closes and call_user_code(self._closes, reply):
            self._has_ended = True
            self._owed.clear()
            self._required = 0

    def _first_fitting(self, reply: bytes) -> _Owed | None:
        return next(
            (owed for owed in self._candidates() if matches(owed.matcher, reply, self._mask)), None
        )

    def _candidates(self) -> Iterable[_Owed]:
        """Yield the replies owed that nothing keeps waiting."""
        if not self._session.ordered:
            yield from self._owed
            return
        closed: set[str] = set()
        for owed in self._owed:
            if owed.lane in closed:
                continue
            if not owed.optional:
                closed.add(owed.lane)
            yield owed
            if self._in_one_lane:
                return

    def _settle_first(self, fitting: _Owed) -> int:
        """Strike off `fitting`, and the optional replies of its lane that it has overtaken."""
        if self._owed[0] is fitting:
            self._owed.popleft()
        else:
            before = True
            kept: deque[_Owed] = deque()
            for owed in self._owed:
                if owed is fitting:
                    before = False
                elif not (before and self._session.ordered and owed.lane == fitting.lane):
                    kept.append(owed)
            self._owed = kept
        if fitting.optional:
            return 0
        self._required -= 1
        request = fitting.request
        if request is None:
            return 0
        request.replies_owed -= 1
        answerable_parts = 1 if request is self._answered_early else 0
        return int(not request.replies_owed and request.unsent_parts == answerable_parts)

    def _surplus(self) -> str:
        if self._announced and self._requests.sent_bytes > self._requests.completed_bytes:
            return "a reply before its request was complete"
        return "bytes that answer no request"

    def _mismatch(self) -> WrongReplyError:
        candidates = [shown(owed.matcher) for owed in self._candidates()]
        if not candidates:
            return self._wrong(self._surplus(), "nothing")
        return self._wrong("wrong reply", " or ".join(candidates[:3]))

    def _wrong(self, problem: str, expected: str, at: int = 0) -> WrongReplyError:
        return WrongReplyError(
            problem,
            expected=expected,
            actual=_around(self._buffer, at) if self._buffer else "nothing",
            offset_bytes=self._received_bytes + at,
        )


def _around(data: bytes | bytearray, at: int) -> str:
    """Return `data` whole if it is short, else from a little before `at`."""
    if len(data) <= MAX_SHOWN_BYTES:
        return printable(data)
    start = max(0, at - 16)
    return ("…" if start else "") + printable(data[start:])
