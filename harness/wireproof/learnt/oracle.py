"""Judges one connection by scripts: the reply to a request is the one that was learnt for it.

Strategy: what was announced so far is looked for in the scripts. A request that stands in several
places is taken for the one before which most of the same requests stood; so whoever keeps to a
script is judged by it, and whoever doesn't by what comes nearest. Whether that was just is for
whoever asks: an alarm is none beside a control that sounds, too.

Invariant: as every oracle's, the verdict depends on the bytes of both streams and on the clock. A
reply may begin with the first byte of its request: a server that answers parts isn't wrong by that.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from wireproof.learning.memory import Memory
from wireproof.learning.patterns.matching import Matcher
from wireproof.learning.patterns.mismatch import Mismatch, MismatchError, accepted_by
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learning.unasked import Sieve
from wireproof.learnt.carrier import Carrier
from wireproof.learnt.cast import Cast, Cue
from wireproof.protocols.oracle import Oracle, SentRequests, WrongReplyError
from wireproof.words import MAX_SHOWN_BYTES

JUDGED_BY_KIND: Final = "what was taken for a"
"""So begins what is wrong with a value that has the right form."""
_AS_LEARNT = "a reply as learnt"


class LearntOracle(Oracle):
    """Compares the replies of one connection with what was learnt.

    Attributes:
        replies: the bytes that came in answer to each request so far, the greeting left out.

    """

    def __init__(self, cast: Cast, memory: Memory | None, clock: Callable[[], float]) -> None:
        """Begin a connection.

        Args:
            cast: knows the scripts.
            memory: of what was said before; None to look at the form of replies alone.
            clock: seconds of the epoch.

        """
        self._memory = memory
        self._clock = clock
        since_s = clock() if memory is not None else None
        self._matcher = Matcher(memory, since_s, self._completed)
        self._cue = Cue(cast)
        self._carrier = Carrier(cast) if cast.carries else None
        self._requests = SentRequests()
        self._begins: deque[tuple[int, Pattern]] = deque()  # of requests, in the stream
        self._owed: deque[Pattern] = deque()  # told the matcher, in their order
        self._unanswered = 0  # completely sent
        self._early = 0  # answered before that
        self._part = bytearray()  # of the reply that is under way
        self._ended = False
        self._sieve = Sieve(cast.unasked)
        self._held = b""  # what may be the beginning of something unasked
        self._unasked_bytes = 0
        self._wrong: WrongReplyError | None = None
        greeting = cast.greeting
        if greeting is not None:
            self._owe(greeting)
            self._unanswered += 1

    def announce(self, request: bytes) -> None:
        """Look the request up, and note where it begins."""
        begin = self._requests.announced_bytes
        self._begins.append((begin, self._cue.pattern_for(request)))
        if self._carrier is not None:
            self._carrier.announce(begin, *self._cue.at)
        self._requests.announce(len(request))

    def sent(self, count: int) -> None:
        """Owe the replies to all requests that have begun."""
        completed = self._requests.sent(count)
        if self._ended:
            return
        self._unanswered += completed
        try:
            while self._begins and self._begins[0][0] < self._requests.sent_bytes:
                _, pattern = self._begins.popleft()
                if self._owed and self._matcher.may_be_complete:
                    self._guarded(self._matcher.finish)
                self._owe(pattern)
        except WrongReplyError as error:  # a reply that is over now; told with what comes next
            self._wrong = self._wrong or error
        self._settle()

    def receive_data(self, data: bytes) -> int:
        """Compare, but what comes unasked."""
        self._tell_wrong()
        if not self._sieve:
            return self._compare(data)
        data, self._held = self._held + data, b""
        answered = at = 0
        while at < len(data):
            if self._is_at_border():
                if size := self._sieve.size_at(data, at):
                    self._unasked_bytes += size
                    at += size
                    continue
                if self._sieve.may_begin(data[at:]):
                    self._held = data[at:]
                    break
            border = self._sieve.next_border(data, at)
            answered += self._compare(data[at:border])
            at = border
        return answered

    def _is_at_border(self) -> bool:
        """Say whether something unasked may begin here."""
        if not self._part or self._matcher.may_be_complete:
            return True
        return self._sieve.by_line and self._part.endswith(b"\n")

    def _compare(self, data: bytes) -> int:
        self._part += data
        now_s = self._clock() if self._memory is not None else None
        before = self._unanswered
        self._guarded(lambda: self._matcher.receive_data(data, now_s))
        self._settle()
        return before - self._unanswered

    def receive_eof(self) -> None:
        """Take the end of the stream: nothing may be owed."""
        self._tell_wrong()
        if self._held:
            held, self._held = self._held, b""
            self._compare(held)
        if self.owed and not self._ended:
            self._guarded(self._matcher.finish)
            self._settle()

    def _tell_wrong(self) -> None:
        if self._wrong is not None:
            raise self._wrong

    @property
    def carries(self) -> bool:
        """Whether requests repeat what replies gave."""
        return self._carrier is not None

    @property
    def blank_at(self) -> int | None:
        """Where the first value must stand that is not known yet."""
        return None if self._carrier is None else self._carrier.blank_at

    def given(self) -> Sequence[tuple[int, bytes]]:
        """Return the values that replies gave since the last call, each with its place."""
        return () if self._carrier is None else self._carrier.given()

    @property
    def owed(self) -> int:
        """How many requests are sent, and not answered whole."""
        if self._ended or not self._unanswered:
            return 0
        return self._unanswered - (self._matcher.may_be_complete and bool(self._owed))

    @property
    def due(self) -> str:
        """What the first reply owed is."""
        if not self._owed:
            return ""
        elements = self._owed[0].elements
        return accepted_by(elements[0]) if elements else _AS_LEARNT

    @property
    def unasked_bytes(self) -> int:
        """How many bytes came that nobody had asked for."""
        return self._unasked_bytes + len(self._held)

    @property
    def unfinished(self) -> bytes:
        """The end of what has come of a reply."""
        return bytes(self._part[-MAX_SHOWN_BYTES:]) if self.owed else b""

    @property
    def ended(self) -> bool:
        """Whether the script is over at whose end the server closes."""
        return self._ended

    def _owe(self, pattern: Pattern) -> None:
        self._owed.append(pattern)
        self._guarded(lambda: self._matcher.owe(pattern))

    def _completed(self, pattern: Pattern) -> None:
        """Take account of a reply that is complete and right, before what follows is judged."""
        self._owed.popleft()
        self._early += 1
        self._part.clear()
        values = self._matcher.values
        if self._carrier is not None:
            self._carrier.replied(pattern.reply_of(values))
        if self._memory is not None:
            places = [(pattern.reply, number) for number in range(len(pattern.elements))]
            self._memory.commit({one: values[one] for one in places if one in values})
        self._ended = self._ended or self._cue.is_last(pattern)

    def _settle(self) -> None:
        """Take those replies from what is owed whose requests are sent whole."""
        settled = min(self._early, self._unanswered)
        self._early -= settled
        self._unanswered -= settled

    def _guarded(self, step: Callable[[], int]) -> None:
        try:
            step()
        except MismatchError as error:
            raise wrong_reply(error.mismatch, self._unasked_bytes) from None


def wrong_reply(mismatch: Mismatch, unasked_bytes: int = 0) -> WrongReplyError:
    """Return a mismatch as oracles tell it, behind so many bytes that belong to no reply."""
    surplus = mismatch.reply < 0
    problem = "wrong reply"
    if surplus:
        problem = "a reply that was not learnt, to no request"
    elif mismatch.kind != "literal":
        problem = f"wrong reply: {JUDGED_BY_KIND} {mismatch.kind} {mismatch.problem}"
    elif mismatch.problem == "is missing":
        problem = "end of stream within a reply" if mismatch.offset_bytes else "end of stream"
    return WrongReplyError(
        problem,
        expected=mismatch.expected,
        actual=mismatch.actual,
        offset_bytes=mismatch.stream_offset_bytes + unasked_bytes,
        is_surplus=surplus,
    )
