r"""The timestamp-echo protocol: each chunk comes back behind `[Mon Nov 23 14:41:16 2026] `.

The server reads chunks of 1 to `buffer` bytes, and TCP, not the client, decides where one ends. So
a reply stream is right if and only if *some* division of what was sent into chunks yields it.

Strategy: the oracle keeps every parse that is still possible. A parse is how many payload bytes it
has consumed and how long its current chunk is. Parses can part only where the reply has the form
of a header, because the payload may imitate one: there, the 27 bytes are a header to some parses
and payload to others. Headers hold one `[` only, so two candidates never overlap and all parses
meet again at the end of each candidate. Of two parses that differ in the length of the current
chunk alone, the shorter can do all that the longer can, save that an empty chunk cannot end; so at
most two are kept for each payload offset.

Cost: linear in the bytes received, times the number of parses alive; that is one unless the payload
imitates headers, and at most one more for each imitation that the server could have meant.
"""

from __future__ import annotations

import inspect
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from wireproof.protocols.base import Protocol
from wireproof.protocols.built_in import timestamp_judge
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.oracle import Oracle, SentRequests, WrongReplyError
from wireproof.protocols.sizes import BORDER_SIZES
from wireproof.results import Level
from wireproof.words import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

HEADER_BYTES = 27
HEADER = re.compile(
    rb"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
    rb" (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    rb" (?:[12 ][0-9]|3[01]) [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}\] "
)


class TimestampEcho(Protocol, Datagrams):
    """Each chunk of up to 1024 bytes comes back after a timestamp."""

    name = "timestamp-echo"
    source = "reference_server/PROTOCOL.md"
    transports = frozenset({"tcp", "tls", "unix", "exec", "udp"})
    half_close = Level.MUST
    levels = MappingProxyType(
        {
            "CLOSE-SILENT": Level.MUST,
            "CAP-BURST": Level.MUST,
            "DGRAM-LARGE": Level.MUST,
            "DGRAM-EMPTY": Level.MUST,
        }
    )
    buffer: int = 1024
    """The most bytes that the server reads as one chunk."""
    backlog: int = 50
    """The backlog that the server listens with."""
    skew_s: float = 2.0
    """How far a timestamp may be from the harness's clock."""

    def requests(self) -> SearchStrategy[bytes]:
        """Return any bytes, among them some that imitate the server's own timestamps."""
        from hypothesis import strategies as st

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return a line of text."""
        return b"hello, world\n"

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return bytes, borders of chunks and other sizes, and imitations of timestamps."""
        from hypothesis import strategies as st

        sizes = [
            *BORDER_SIZES,
            *(self.buffer * chunks + at for chunks in (1, 2) for at in (-1, 0, 1)),
        ]
        imitation = st.sampled_from(
            [b"[Mon Nov 23 14:41:16 2026] ", b"[Mon Nov 23 14:41:16", b"[", b"] "]
        )
        return {
            "bytes": st.binary(min_size=1, max_size=4 * self.buffer),
            "sizes": st.sampled_from([size for size in sizes if size > 0]).map(self.sized_request),
            "imitations": st.lists(
                st.one_of(imitation, st.binary(max_size=40)), min_size=1, max_size=6
            )
            .map(b"".join)
            .filter(bool),
        }

    def sized_request(self, size_bytes: int) -> bytes:
        """Return all 256 octets over and over."""
        return (bytes(range(256)) * (size_bytes // 256 + 1))[:size_bytes]

    def payload_request(self, payload: bytes) -> bytes:
        """Return the payload itself."""
        return payload

    def unanswered_datagrams(self) -> Sequence[bytes]:
        """Return what begins as a reply does; two servers would send it to and fro for ever."""
        return (b"[Mon Nov 23 14:41:16 2026] ", b"[Sun Jan  1 00:00:00 1970] x")

    def datagram_id(self, datagram: bytes) -> bytes:
        """Return what comes back: the first `buffer` bytes, which follow the reply's header."""
        header = HEADER.match(datagram)
        return datagram[header.end() :] if header else datagram[: self.buffer]

    def expected_datagram(self, datagram: bytes) -> re.Pattern[bytes] | None:
        """Return a header and the datagram's first `buffer` bytes; nothing to what has one."""
        if HEADER.match(datagram):
            return None
        return re.compile(HEADER.pattern + re.escape(datagram[: self.buffer]), re.DOTALL)

    def oracle(self) -> TimestampOracle:
        """Return a judge that keeps every parse still possible."""
        return TimestampOracle(self.buffer)

    def judge_source(self) -> str:
        """Return a judge for scripts, which knows this server's buffer size and clock."""
        return (
            f"{inspect.getsource(timestamp_judge)}\n\n"
            "def complete(sent, received, since_s):\n"
            f"    return {timestamp_judge.judge.__name__}"
            f"(sent, received, since_s, {self.buffer!r}, {self.skew_s!r})\n"
        )


class TimestampOracle(Oracle):
    """Judges one stream connection.

    Attributes:
        timestamps: the 24 characters of each header, in order, consecutive repeats dropped; exact
            where the payload holds no text of a header's form.

    """

    def __init__(self, chunk_limit_bytes: int = 1024) -> None:
        """Judge a server that reads at most `chunk_limit_bytes` at a time."""
        self.timestamps: list[bytes] = []
        self._limit = chunk_limit_bytes
        self._requests = SentRequests()
        self._replied = SentRequests()
        self._incomplete = 0
        self._unsent = bytearray()
        self._payload = bytearray()  # sent; bytes that every parse has consumed are dropped
        self._dropped = 0
        self._buffer = bytearray()  # received; bytes that every parse has consumed are dropped
        self._received_bytes = 0
        # (payload offset, whether the chunk is empty) -> chunk length. At the start of the
        # stream nothing but a header can follow, exactly as after a full chunk.
        self._parses: dict[tuple[int, bool], int] = {(0, False): chunk_limit_bytes}

    def announce(self, request: bytes) -> None:
        """Append a request."""
        self._requests.announce(len(request))
        self._replied.announce(len(request))
        self._unsent += request

    def sent(self, count: int) -> None:
        """Owe each byte as soon as it is sent: a chunk needs no complete request.

        Where every parse has all bytes back, their chunk is over: these will be in another.
        """
        if not self._payload:
            for key in self._parses:
                if not key[1]:
                    self._parses[key] = self._limit
        self._incomplete += self._requests.sent(count)
        self._payload += self._unsent[:count]
        del self._unsent[:count]

    def receive_data(self, data: bytes) -> int:
        """Carry every parse over the new bytes; none left alive is a wrong reply."""
        buffer = self._buffer
        buffer += data
        position = 0
        while True:
            header = HEADER.search(buffer, position)
            end = header.start() if header else self._first_undecided(position)
            if end > position:
                self._carry_chunk(position, end)
            position = end
            if header is None:
                break
            self._carry_header(position)
            position = header.end()
        del buffer[:position]
        self._received_bytes += position
        self._drop_consumed()
        return self._count_answered()

    def receive_eof(self) -> None:
        """Take the end of the stream: every byte must have come back."""
        if not self.settled:
            raise self._dead(0, len(self._buffer), "end of stream with bytes not answered")

    @property
    def owed(self) -> int:
        """Completely sent requests whose last byte has not come back."""
        return self._incomplete

    @property
    def settled(self) -> bool:
        """Whether some parse accounts for every byte sent and every byte received."""
        return self._furthest() == self._requests.sent_bytes

    @property
    def due(self) -> str:
        """The payload that has not come back, as the parse that got furthest has it."""
        at = max(self._furthest(), 0) - self._dropped
        left = self._payload[at:]
        return f"a timestamp and {printable(left)}" if left else ""

    @property
    def knows_each_byte(self) -> bool:
        """All of them: what isn't owed is refused as it comes."""
        return True

    @property
    def unfinished(self) -> bytes:
        """What may be the beginning of a timestamp."""
        return bytes(self._buffer)

    def _first_undecided(self, position: int) -> int:
        """Return where a header may have begun that is not all here yet, or the buffer's end."""
        at = self._buffer.find(b"[", max(position, len(self._buffer) - HEADER_BYTES + 1))
        return len(self._buffer) if at < 0 else at

    def _carry_chunk(self, start: int, end: int) -> None:
        """Take `buffer[start:end]` as payload, which is all that it can be."""
        alive: dict[tuple[int, bool], int] = {}
        for (offset, _), length in self._parses.items():
            self._continue_chunk(alive, offset, length, start, end)
        if not alive:
            raise self._dead(start, end, "wrong reply")
        self._parses = alive

    def _carry_header(self, start: int) -> None:
        """Take the 27 bytes at `start` as a header, and as payload where that is possible too."""
        end = start + HEADER_BYTES
        alive: dict[tuple[int, bool], int] = {}
        for (offset, empty), length in self._parses.items():
            if not empty:
                alive[offset, True] = 0
            self._continue_chunk(alive, offset, length, start, end)
        if not alive:
            raise self._dead(start, end, "a frame without payload")
        timestamp = bytes(self._buffer[start + 1 : end - 2])
        if not self.timestamps or self.timestamps[-1] != timestamp:
            self.timestamps.append(timestamp)
        self._parses = alive

    def _continue_chunk(
        self, alive: dict[tuple[int, bool], int], offset: int, length: int, start: int, end: int
    ) -> None:
        """Add the parse that has `buffer[start:end]` in its current chunk, if there is one."""
        size = end - start
        at = offset - self._dropped
        if (
            length + size <= self._limit
            and self._payload[at : at + size] == self._buffer[start:end]
        ):
            key = (offset + size, False)
            alive[key] = min(alive.get(key, self._limit), length + size)

    def _furthest(self) -> int:
        """Return the most payload bytes that a parse accounts for, undecided bytes included."""
        tail = len(self._buffer)
        alive: dict[tuple[int, bool], int] = {}
        for (offset, empty), length in self._parses.items():
            if tail:
                self._continue_chunk(alive, offset, length, 0, tail)
            elif not empty:
                alive[offset, False] = length
        return max((offset for offset, _ in alive), default=-1)

    def _count_answered(self) -> int:
        furthest = self._furthest()
        if furthest <= self._replied.sent_bytes:
            return 0
        answered = self._replied.sent(furthest - self._replied.sent_bytes)
        self._incomplete -= answered
        return answered

    def _drop_consumed(self) -> None:
        consumed = min(offset for offset, _ in self._parses) - self._dropped
        del self._payload[:consumed]
        self._dropped += consumed

    def _dead(self, start: int, end: int, problem: str) -> WrongReplyError:
        """Describe the mismatch of the parse that got furthest."""
        got = self._buffer[start:end]
        furthest, expected = -1, "nothing"
        surplus = False
        for (offset, _), length in self._parses.items():
            at = offset - self._dropped
            due = self._payload[at : at + self._limit - length]
            same = _common_prefix(due, got)
            if same > furthest:
                furthest = same
                header_due = length + same == self._limit or not due
                surplus = same == len(due) == len(self._payload) - at
                expected = (
                    "nothing more"
                    if surplus
                    else "a timestamp in brackets and a space"
                    if header_due
                    else printable(due[same:])
                )
        return WrongReplyError(
            problem,
            expected=expected,
            actual=printable(got[furthest:]) if got[furthest:] else "nothing",
            offset_bytes=self._received_bytes + start + furthest,
            is_surplus=surplus and bool(got[furthest:]),
        )


def _common_prefix(one: bytearray, other: bytearray) -> int:
    """Return how many bytes at the start are the same."""
    for at, (ours, theirs) in enumerate(zip(one, other, strict=False)):
        if ours != theirs:
            return at
    return min(len(one), len(other))
