"""Judges one connection of a request-reply protocol.

Strategy: what is owed is a list of replies in the order of their requests. A reply that is known
to the byte, and must be the next, is compared as it arrives, so that its first wrong byte ends
the wait. Every other reply is cut off where the protocol says that it ends, and answers the first
reply owed that it fits, among those that nothing keeps waiting: the first of each lane, and what
stands behind optional ones.

Cost: linear in the bytes sent and received, however they are cut, and whatever is owed meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from wireproof.protocols.base import overrides
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.framing import ReplyBuffer
from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.protocols.judging.frozen import frozen
from wireproof.protocols.judging.owed import Owed, OwedReplies, Request
from wireproof.protocols.oracle import (
    MalformedReplyError,
    Oracle,
    SentRequests,
    WrongReplyError,
    around,
    harmless,
    told,
)
from wireproof.protocols.replies import Expected, Matcher, matches, replies_of, shown, wrong_reply
from wireproof.protocols.user_code import call_on_reply, call_user_code, code_error, takes_request
from wireproof.words import MAX_SHOWN_BYTES, counted, printable

_MOST_SHOWN, _MOST_OTHERS = 3, 64
"""Of the replies owed that a wrong one is compared with, to say whose it is."""
_HOOKS = {"mask", "unsolicited", "closes", "parts", "answerable_at", "in_words", "message_id"}
_HOOKS |= {"heard"}


class RequestReplyOracle(Oracle):
    """Judges one connection of a `RequestReply` protocol."""

    def __init__(self, session: RequestReplyHooks) -> None:
        """Judge by `session`, which is this connection's alone."""
        self._session = session
        overridden = {name for name in _HOOKS if overrides(session, RequestReplyHooks, name)}
        self._mask = session.mask if "mask" in overridden else None
        self._unsolicited = session.unsolicited if "unsolicited" in overridden else None
        closes: Callable[..., bool] = session.closes
        self._closes = closes if "closes" in overridden else None
        self._closes_by_request = self._closes is not None and takes_request(self._closes)
        self._heard = session.heard if "heard" in overridden else None
        self._answerable_at = session.answerable_at if "answerable_at" in overridden else None
        self._answered_early: Request | None = None
        self._parts = session.parts if "parts" in overridden else None
        self._in_words = session.in_words if "in_words" in overridden else None
        self._reply_length: Callable[..., int | None] = session.reply_length
        self._length_by_request = takes_request(self._reply_length)
        self._may_know_early = session.ordered and not (self._mask or self._unsolicited)
        self._requests = SentRequests()
        self._announced: deque[tuple[bytes, Request]] = deque()
        self._owed = OwedReplies(
            ordered=session.ordered,
            mask=self._mask,
            id_of=session.message_id if "message_id" in overridden else None,
        )
        self._buffer = ReplyBuffer()
        self._compared = 0  # bytes of the buffer that are known to be right
        self._received_bytes = 0
        self._unasked_bytes = 0
        self._last_settled: Matcher = b""
        self._judged = 0
        self._has_ended = False
        self._owe(call_user_code(session.greeting), session.greeting, b"", None)

    def announce(self, request: bytes) -> None:
        """Append a request."""
        if self._parts is None:
            self._announced.append((request, Request(1)))
            self._requests.announce(len(request))
            return
        parts = list(call_user_code(self._parts, request))
        if b"".join(parts) != request:
            raise code_error(self._parts, "returned other bytes than the request's", "cut only")
        outstanding = Request(len(parts))
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
                self._owe(expected, self._session.expected, message, request)

    def receive_data(self, data: bytes) -> int:
        """Compare with the replies owed; a surplus byte is a wrong reply."""
        self._buffer += data
        answered = 0
        queue = self._owed.queue
        try:
            while self._buffer:
                if self._has_ended:
                    raise self._surplus("bytes after the reply that ends the stream")
                if not queue and self._answerable_at:
                    self._owe_early()
                if not queue and not self._unsolicited:
                    raise self._surplus()
                if self.knows_each_byte:
                    size = self._compare_with_next()
                    reply = None
                else:
                    size = self._length_of_next()
                    reply = bytes(self._buffer[:size]) if size else None
                if size is None:
                    break
                answered += self._take(size, reply)
        except MalformedReplyError as error:
            expected = shown(queue[0].matcher) if queue else "a message"
            raise self._wrong(f"malformed reply ({error})", expected) from None
        return answered

    def receive_eof(self) -> None:
        """Take the end of the stream: nothing may be owed, nothing may be half received."""
        queue = self._owed.queue
        if self._session.eof_ends_reply and self._buffer and queue:
            reply, last = bytes(self._buffer), queue[0]
            try:
                if not matches(last.matcher, reply, self._mask):
                    raise self._wrong(self._told("wrong reply", reply), shown(last.matcher))
                self._hear(last, reply)
                self._settle(last)
                self._end_if_closed_by(reply, last.message)
            except MalformedReplyError as error:
                raise self._wrong(f"malformed reply ({error})", shown(last.matcher)) from None
            self._buffer.drop(len(reply))
        if required := self._owed.required:
            raise self._wrong(
                f"end of stream with {counted(required, 'reply', 'replies')} owed",
                shown(self._owed.first_required.matcher),
            )
        if self._buffer:
            raise self._wrong("end of stream within a message", "the rest of it")
        if self._session.exchange is Exchange.ANNOUNCEMENT:
            self._has_ended = True

    @property
    def owed(self) -> int:
        """Replies owed, the greeting included, optional ones not.

        Of a message that is not sent whole only a reply that has begun is owed.
        """
        early = self._answered_early
        early_replies = max(0, early.replies_owed - bool(self._buffer)) if early else 0
        return self._owed.required - early_replies

    @property
    def settled(self) -> bool:
        """Whether every reply owed is here, and none is half received."""
        return not self.owed and not self._buffer

    @property
    def due(self) -> str:
        """The first reply that must come."""
        return shown(self._owed.first_required.matcher) if self._owed.required else ""

    @property
    def knows_each_byte(self) -> bool:
        """Whether the next bytes can only be one reply, known to the byte."""
        owed = self._owed
        return (
            self._may_know_early and owed.in_one_lane and isinstance(owed.queue[0].matcher, bytes)
        )

    @property
    def unfinished(self) -> bytes:
        """The head of the message that is not all here."""
        return bytes(self._buffer[:MAX_SHOWN_BYTES])

    @property
    def unasked_bytes(self) -> int:
        """Those of messages that the server may send by itself."""
        return self._unasked_bytes

    @property
    def ended(self) -> bool:
        """Whether the server has said that it ends the stream; what is sent now is not answered."""
        return self._has_ended

    def state(self) -> object:
        """Return what the session holds but counters, and the optional replies that may come."""
        if self._owed.required or self._buffer or self._announced or self._has_ended:
            return None
        counters = self.counters
        self.count_from([0] * len(counters))
        held = frozen(vars(self._session))
        self.count_from(counters)
        return None if held is None else (held, self._owed.optional())

    def recall(self, reply: bytes) -> None:
        """Take note of the last reply."""
        self._last_settled = reply

    @property
    def judged(self) -> int:
        """How many right replies were not known to the byte."""
        return self._judged

    def _owe(
        self,
        expected: Expected,
        said_by: Callable[..., object],
        message: bytes,
        request: Request | None,
    ) -> None:
        if expected.__class__ is bytes and expected:  # what load does a hundred thousand times
            self._owed.add(Owed(expected, message, request))
            return
        for reply in replies_of(expected, said_by):
            self._owed.add(Owed(reply.matcher, message, request, reply.lane, reply.optional))

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
            self._owe(expected, self._session.expected, message, request)

    def _compare_with_next(self) -> int | None:
        """Return the length of the first reply once it is complete, having compared what is new."""
        buffer, right = self._buffer, self._owed.queue[0].matcher
        assert isinstance(right, bytes)
        size, start = len(right), self._compared
        end = min(len(buffer), size)
        if buffer[start:end] != right[start:end]:
            while buffer[start] == right[start]:
                start += 1
            problem = self._wrong_reply([self._owed.queue[0]], bytes(buffer))
            raise self._wrong(self._told(problem, buffer), around(right, start), at=start)
        self._compared = end
        return size if end == size else None

    def _length_of_next(self) -> int | None:
        """Return the length of the message at the head of the buffer once it is complete."""
        function, buffer = self._reply_length, self._buffer
        if self._length_by_request:
            queue = self._owed.queue
            length = call_on_reply(function, buffer, queue[0].message if queue else b"")
        else:
            length = call_on_reply(function, buffer)
        if length is None or (length.__class__ is int and length > len(buffer)):
            limit = self._session.max_reply_bytes
            if len(buffer) > limit or (length is not None and length > limit):
                raise self._wrong("no end of the reply in sight", f"at most {limit} bytes")
            return None
        if length.__class__ is not int or length <= 0:
            raise code_error(
                function,
                f"returned {length!r} for {printable(buffer, 60)}",
                "return the reply's length in bytes, or None while it is incomplete",
            )
        return length

    def _take(self, size: int, reply: bytes | None) -> int:
        """Settle what the first `size` bytes answer; return how many requests that completed."""
        fitting = self._owed.queue[0] if reply is None else self._owed.fitting(reply)
        if fitting is None and reply is not None:
            if not (self._unsolicited and call_on_reply(self._unsolicited, reply)):
                raise self._mismatch(reply)
            self._unasked_bytes += size
        if fitting and self._heard:
            self._hear(fitting, bytes(self._buffer[:size]))
        completed = self._settle(fitting) if fitting else 0
        if self._closes:
            self._end_if_closed_by(bytes(self._buffer[:size]), fitting.message if fitting else b"")
        self._buffer.drop(size)
        self._received_bytes += size
        self._compared = 0
        return completed

    def _hear(self, fitting: Owed, reply: bytes) -> None:
        if self._heard and (problem := call_on_reply(self._heard, reply, fitting.message)):
            raise self._wrong(f"wrong reply: {harmless(problem)}", shown(fitting.matcher))

    def _end_if_closed_by(self, reply: bytes, message: bytes) -> None:
        if (closes := self._closes) is None:
            return
        arguments = (reply, message) if self._closes_by_request else (reply,)
        if call_on_reply(closes, *arguments):
            self._has_ended = True
            self._owed.clear()

    def _settle(self, owed: Owed) -> int:
        """Strike off a reply; return how many requests that completed."""
        self._owed.settle(owed)
        self._last_settled = owed.matcher
        self._judged += self._mask is not None or owed.matcher.__class__ is not bytes
        request = owed.request
        if owed.optional or request is None:
            return 0
        request.replies_owed -= 1
        answerable_parts = int(request is self._answered_early)
        return int(not request.replies_owed and request.unsent_parts == answerable_parts)

    def _surplus(self, problem: str = "") -> WrongReplyError:
        unfinished = self._announced and self._requests.sent_bytes > self._requests.completed_bytes
        early = "a reply before its request was complete"
        surplus = problem or (early if unfinished else "bytes that answer no request")
        return self._wrong(surplus, "nothing", is_surplus=True)

    def _mismatch(self, reply: bytes) -> WrongReplyError:
        if not (due := list(islice(self._owed.candidates(reply), _MOST_SHOWN))):
            return self._surplus()
        problem = self._told(self._wrong_reply(due, reply), reply)
        return self._wrong(problem, " or ".join(shown(each.matcher) for each in due))

    def _wrong_reply(self, due: list[Owed], reply: bytes) -> str:
        others = islice(self._owed.queue, _MOST_OTHERS)
        later = [each.matcher for each in others if each not in due and not each.settled]
        return wrong_reply(reply, later, self._last_settled, self._mask)

    def _told(self, problem: str, reply: bytes | bytearray) -> str:
        """Return `problem`, and behind it what the protocol says that the reply says."""
        words = call_on_reply(self._in_words, bytes(reply)) if self._in_words else ""
        return told(problem, words)

    def _wrong(
        self, problem: str, expected: str, at: int = 0, *, is_surplus: bool = False
    ) -> WrongReplyError:
        return WrongReplyError(
            problem,
            expected=expected,
            actual=around(self._buffer, at) if self._buffer else "nothing",
            offset_bytes=self._received_bytes + at,
            is_surplus=is_surplus,
        )
