"""What judges one connection: told of every byte that goes out, shown every byte that comes in.

Strategy: an oracle holds the requests that were announced, how far they have been sent, and what
of the replies is still owed. It compares as bytes arrive, so a wrong reply is known at its first
wrong byte and nobody waits for a time limit.

Invariant: what an oracle accepts depends on the bytes sent and the bytes received, in their order,
and never on how either stream was cut into pieces.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence

from wireproof.words import MAX_SHOWN_BYTES, printable

MAX_SHOWN_WORDS = 200


def first_line(data: bytes) -> str:
    r"""Return the first line of a reply, or of what is there of it, as text.

    >>> first_line(b"ERR no\r\nmore")
    'ERR no'
    """
    return data[:MAX_SHOWN_BYTES].partition(b"\n")[0].rstrip(b"\r").decode("latin-1")


def harmless(text: str) -> str:
    r"""Return text that holds a peer's words with what a terminal would obey escaped, and bounded.

    >>> harmless("503 \x1b[31mno")
    '503 \\x1b[31mno'
    """
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return shown if len(shown) <= MAX_SHOWN_WORDS else shown[:MAX_SHOWN_WORDS] + "…"


def around(data: bytes | bytearray, at: int) -> str:
    """Return `data`, harmless to print, whole if it is short, else from a little before `at`."""
    if len(data) <= MAX_SHOWN_BYTES:
        return printable(data)
    start = max(0, at - 16)
    return ("…" if start else "") + printable(data[start:])


def told(problem: str, words: str) -> str:
    """Return a problem with what the reply says in its protocol's words, if it says anything."""
    return f"{problem} ({harmless(words)})" if words else problem


class WrongReplyError(Exception):
    """The server sent what the protocol does not allow.

    Attributes:
        problem: what is wrong, in words.
        expected: what would have been right, harmless to print.
        actual: what came, harmless to print.
        offset_bytes: where in everything received on this connection it went wrong.
        is_surplus: whether nothing was owed: there is a byte too many, not a wrong one.

    """

    def __init__(
        self,
        problem: str,
        *,
        expected: str,
        actual: str,
        offset_bytes: int,
        is_surplus: bool = False,
    ) -> None:
        """Keep both sides of the comparison."""
        super().__init__(f"{problem} at byte {offset_bytes}: expected {expected}, got {actual}")
        self.is_surplus = is_surplus
        self.problem = problem
        self.expected = expected
        self.actual = actual
        self.offset_bytes = offset_bytes


class Oracle(ABC):
    """Judges the replies on one connection.

    The caller announces each request, says how many bytes of what it announced it hands to the
    wire, and shows what it received.
    """

    @abstractmethod
    def announce(self, request: bytes) -> None:
        """Say that `request` follows what was announced before; nothing of it is sent yet."""

    @abstractmethod
    def sent(self, count: int) -> None:
        """Say that the next `count` announced bytes go to the wire now."""

    @abstractmethod
    def receive_data(self, data: bytes) -> int:
        """Take what arrived, in pieces of any size.

        Returns:
            How many requests this answered for good.

        Raises:
            WrongReplyError: no right server sends this.

        """

    @abstractmethod
    def receive_eof(self) -> None:
        """Take the end of the stream.

        Raises:
            WrongReplyError: a reply was still owed.

        """

    @property
    @abstractmethod
    def owed(self) -> int:
        """How many completely sent requests have no complete reply yet."""

    @property
    def settled(self) -> bool:
        """Whether all that was sent so far, whole requests or not, has its reply."""
        return self.owed == 0

    @property
    def due(self) -> str:
        """What the first reply owed is to be, harmless to print; empty where that is not known."""
        return ""

    @property
    def knows_each_byte(self) -> bool:
        """Whether what comes next is compared byte by byte, so that no reply goes on for ever."""
        return False

    @property
    def unfinished(self) -> bytes:
        """What has come of a reply or another message that is not all here, some of it at least."""
        return b""

    @property
    def unasked_bytes(self) -> int:
        """How many of the bytes received the server sent without owing them, as it may."""
        return 0

    @property
    def ended(self) -> bool:
        """Whether the server has said that it ends the stream; what is sent now is not answered."""
        return False

    @property
    def carries(self) -> bool:
        """Whether requests repeat values that replies gave; else neither of the next two counts."""
        return False

    @property
    def blank_at(self) -> int | None:
        """Where in all that was announced a value must stand that no reply has given yet."""
        return None

    def given(self) -> Sequence[tuple[int, bytes]]:
        """Return the values that replies gave since the last call, and where each must stand.

        The offsets are those in all that was announced; a value has the size of what is there.
        """
        return ()

    def state(self) -> object:
        """Return what judgements from here on depend on, to be compared; None where unknown.

        Two oracles of one protocol in equal states judge whatever follows alike. Known between
        requests only, where none is owed a reply.
        """
        return None

    @property
    def counters(self) -> tuple[int, ...]:
        """Numbers that only grow, and that `state` leaves out: how often something has happened.

        Two oracles in equal states, one of which has counted further, judge whatever follows alike,
        but that the numbers in replies are so much higher.
        """
        return ()

    def count_from(self, counters: Sequence[int]) -> None:
        """Go on from these counters: so much happened that was judged elsewhere."""
        del counters

    def counters_in(self, replies: bytes) -> Sequence[tuple[int, int, int]]:
        """Return where whole replies hold counters: at which offset, in how many bytes, and which.

        As unsigned integers, their most significant byte first.
        """
        del replies
        return ()

    def recall(self, reply: bytes) -> None:
        """Take note of the last reply, compared elsewhere, to say whose a wrong one is."""
        del reply

    @property
    def judged(self) -> int:
        """How many right replies were not known to the byte: by a pattern, a mask or a judge."""
        return 0


class MalformedReplyError(Exception):
    r"""Raised by a protocol's own code: the server sent what cannot be a reply at all, and why.

    For `reply_length`, `expected`'s judges and `unsolicited`; what it says is told to the user.

        def reply_length(self, buffer):
            if buffer[:1] not in (b"+", b"-"):
                raise MalformedReplyError("neither + nor - at the start")
            return delimited(buffer, b"\r\n")
    """


class SentRequests:
    """The request stream: what is announced, how much is sent, which requests are complete."""

    __slots__ = ("_ends", "announced_bytes", "completed_bytes", "sent_bytes")

    def __init__(self) -> None:
        """Start with nothing announced."""
        self.announced_bytes = 0
        self.sent_bytes = 0
        self.completed_bytes = 0
        self._ends: list[int] = []  # a deque takes 0.7 KiB of each of many connections

    def announce(self, size_bytes: int) -> None:
        """Append a request of `size_bytes`."""
        self.announced_bytes += size_bytes
        self._ends.append(self.announced_bytes)

    def sent(self, count: int) -> int:
        """Advance by `count` bytes and return how many requests that completed."""
        self.sent_bytes += count
        if self.sent_bytes > self.announced_bytes:
            raise ValueError(
                f"{self.sent_bytes} bytes sent, only {self.announced_bytes} were announced"
            )
        completed = bisect_right(self._ends, self.sent_bytes)
        if completed:
            self.completed_bytes = self._ends[completed - 1]
            del self._ends[:completed]
        return completed
