"""From segments, in whatever order they were captured, to the two streams of each connection.

Strategy: a segment's place is its sequence number's distance from where the stream begins, so the
order of capture matters only where two segments disagree about a byte: then the first one counts,
as it did for the receiver. What the client knew when it sent something is told by the
acknowledgement in that very segment; a copy that was sent again later knows more, so the least of
all copies counts.

Source: RFC 9293, 3.4 (sequence numbers), 3.8.4 (keep-alive segments).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from wireproof.traffic.captured.link_layers import Endpoint, Flags, Segment


@dataclass(frozen=True, slots=True)
class Sent:
    """A piece of a stream as its sender sent it, once or again.

    Attributes:
        offset: of its first byte in the stream.
        end: behind its last byte.
        acknowledged: how much of the other stream its sender had received; None where it said
            nothing of that.
        at_ns: when it was captured.

    """

    offset: int
    end: int
    acknowledged: int | None
    at_ns: int


class Assembly:
    """Bytes at their offsets, each as it was first seen."""

    def __init__(self) -> None:
        """Begin with none."""
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._pieces: list[bytes] = []

    def add(self, offset: int, data: bytes) -> None:
        """Put `data` where nothing is yet; what lies before offset 0 is dropped."""
        begin, end = max(0, offset), offset + len(data)
        while begin < end:
            at = bisect_right(self._begins, begin)
            if at and self._ends[at - 1] > begin:  # seen already
                begin = self._ends[at - 1]
                continue
            until = min(end, self._begins[at]) if at < len(self._begins) else end
            self._begins.insert(at, begin)
            self._ends.insert(at, until)
            self._pieces.insert(at, data[begin - offset : until - offset])
            begin = until

    def stream(self) -> bytes:
        """Return the bytes from offset 0 to the first that is missing."""
        at = 0
        pieces = []
        for begin, piece in zip(self._begins, self._pieces, strict=True):
            if begin != at:
                break
            pieces.append(piece)
            at += len(piece)
        return b"".join(pieces)

    @property
    def end(self) -> int:
        """Behind the last byte that was seen, whatever is missing before it."""
        return self._ends[-1] if self._ends else 0


@dataclass(slots=True)
class _Direction:
    """What one side of a connection sent, and what the other says to have received of it.

    Attributes:
        first: the sequence number of its SYN.
        segments: with data, or with its end.
        reset_at_ns: when its reset was captured.
        acknowledged: the first number that the other side acknowledged.
        least: how far before that one others were.
        most: how far behind it.

    """

    first: int | None = None
    segments: list[Segment] = field(default_factory=list)
    reset_at_ns: int | None = None
    acknowledged: int | None = None
    least: int = 0
    most: int = 0

    def acknowledge(self, number: int) -> None:
        """Take what the other side says to have received."""
        if self.acknowledged is None:
            self.acknowledged = number
        away = distance(number, self.acknowledged)
        self.least, self.most = min(self.least, away), max(self.most, away)

    @property
    def is_known(self) -> bool:
        """Whether anything tells where its stream begins."""
        return self.first is not None or bool(self.segments) or self.acknowledged is not None

    def origin(self) -> int:
        """Return the sequence number of the stream's first byte: the least one without a SYN."""
        if self.first is not None:
            return self.first + 1
        if self.segments:
            first = self.segments[0].sequence
            return first + min(distance(one.sequence, first) for one in self.segments)
        return (self.acknowledged or 0) + self.least

    def acknowledged_bytes(self) -> int:
        """Return how much the other side says to have received of it; the end counts one."""
        if self.acknowledged is None:
            return 0
        return distance(self.acknowledged + self.most, self.origin())


@dataclass(frozen=True, slots=True)
class Stream:
    """What one side of a connection sent, put in order.

    Attributes:
        data: from its first byte to the first that is missing.
        missing: whether bytes are known to be missing behind it.
        snapped: whether the capture left out parts of its packets.
        fin: its end; None without one.
        reset_at_ns: when its reset was captured; None without one.
        sent: its pieces, as they were captured.

    """

    data: bytes
    missing: bool
    snapped: bool
    fin: Sent | None
    reset_at_ns: int | None
    sent: tuple[Sent, ...]


@dataclass(slots=True)
class Connection:
    """One TCP connection, as it was captured.

    Attributes:
        ends: its two endpoints, the lesser first.
        client: which of them opened it; None where that wasn't captured.
        begun_at_ns: when its first segment was captured.

    """

    ends: tuple[Endpoint, Endpoint]
    client: Endpoint | None = None
    begun_at_ns: int = 0
    _sides: dict[Endpoint, _Direction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare both directions."""
        self._sides = {end: _Direction() for end in self.ends}

    def other(self, end: Endpoint) -> Endpoint:
        """Return the endpoint that isn't `end`."""
        return self.ends[0] if end == self.ends[1] else self.ends[1]

    def belongs(self, segment: Segment) -> bool:
        """Say whether a SYN is of this connection, not of a later one between the same ports."""
        side = self._sides[segment.source]
        if side.first is not None:
            return side.first == segment.sequence
        near = [distance(one.sequence, segment.sequence) for one in side.segments]
        return not near or 0 < min(near) < 1 << 30

    def add(self, segment: Segment) -> None:
        """Take a segment."""
        side, other = self._sides[segment.source], self._sides[segment.destination]
        if segment.flags & Flags.SYN:
            side.first = segment.sequence
            has_ack = bool(segment.flags & Flags.ACK)
            self.client = segment.destination if has_ack else segment.source
        if segment.flags & Flags.RST:  # its numbers may be anything
            side.reset_at_ns = side.reset_at_ns or segment.at_ns
            return
        if segment.data or segment.lacks_bytes or segment.flags & Flags.FIN:
            side.segments.append(segment)
        if segment.flags & Flags.ACK:
            other.acknowledge(segment.acknowledged)

    def stream(self, sender: Endpoint) -> Stream:
        """Return what one side sent, in order."""
        side, other = self._sides[sender], self._sides[self.other(sender)]
        origin, others_origin = side.origin(), other.origin()
        assembly = Assembly()
        sent = []
        fin: Sent | None = None
        for segment in side.segments:
            is_syn = bool(segment.flags & Flags.SYN)
            offset = distance(segment.sequence + is_syn, origin)
            acknowledged = None
            if segment.flags & Flags.ACK and other.is_known:
                acknowledged = max(0, distance(segment.acknowledged, others_origin))
            end = offset + len(segment.data) + segment.lacks_bytes
            assembly.add(offset, segment.data)
            piece = Sent(max(0, offset), end, acknowledged, segment.at_ns)
            if segment.data and end > 0:
                sent.append(piece)
            if segment.flags & Flags.FIN and fin is None:
                fin = piece
        data = assembly.stream()
        known_bytes = max(
            assembly.end,
            fin.end if fin is not None else 0,
            side.acknowledged_bytes() - (fin is not None),
        )
        return Stream(
            data=data,
            missing=known_bytes > len(data),
            snapped=any(segment.lacks_bytes for segment in side.segments),
            fin=fin,
            reset_at_ns=side.reset_at_ns,
            sent=tuple(sent),
        )


def connections_of(segments: Iterable[Segment]) -> list[Connection]:
    """Return the connections that segments belong to, in the order in which they were begun.

    Two connections between the same ports, one after the other, are two.
    """
    found: list[Connection] = []
    current: dict[tuple[Endpoint, Endpoint], Connection] = {}
    for segment in segments:
        ends = min(segment.source, segment.destination), max(segment.source, segment.destination)
        connection = current.get(ends)
        is_syn = bool(segment.flags & Flags.SYN)
        if connection is None or (is_syn and not connection.belongs(segment)):
            connection = Connection(ends, begun_at_ns=segment.at_ns)
            current[ends] = connection
            found.append(connection)
        connection.add(segment)
    return found


def knowledge(stream: Stream) -> Iterator[tuple[int, int, int]]:
    """Yield where a sender knew more of the other stream than before.

    Yields:
        The offset in the stream, how much of the other stream the sender had received when it
        sent what stands there, and when that was captured, in nanoseconds.

    """
    # From the end: whatever was sent later knew at least as much, so the least of it counts.
    steps: list[tuple[int, int, int]] = []
    known: int | None = None
    at_ns = 0
    by_end = sorted(stream.sent, key=lambda one: one.end, reverse=True)
    begins = [*(one.end for one in by_end[1:]), 0]
    for one, begin in zip(by_end, begins, strict=False):
        if one.acknowledged is not None:
            known = one.acknowledged if known is None else min(known, one.acknowledged)
        at_ns = min(at_ns or one.at_ns, one.at_ns)
        if begin < one.end:
            steps.append((begin, known or 0, at_ns))
    so_far = -1
    for begin, acknowledged, when_ns in reversed(steps):
        if acknowledged > so_far:
            so_far = acknowledged
            yield begin, acknowledged, when_ns


def distance(number: int, origin: int) -> int:
    """Return how far a sequence number is from another, the shorter way around."""
    return ((number - origin + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
