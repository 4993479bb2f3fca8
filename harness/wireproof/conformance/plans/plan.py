"""A plan: one conversation, drawn whole before anything is sent. Pure data.

The same record is what a property draws, what the engine executes, what shrinking makes smaller
and what a replay file holds. Bytes are given once, as the requests of each connection; actions
refer to them by offset, so a cut is a number and cuts are a set.
"""

from bisect import bisect_right
from enum import StrEnum
from itertools import accumulate

import msgspec


class _Action(msgspec.Struct, frozen=True, tag_field="do"):
    """One step on one connection."""

    connection: int


class Open(_Action, frozen=True, tag="open"):
    """Connect, and do the opening exchange that the protocol asks for."""

    receive_buffer_bytes: int = 0
    """Of our socket; 0 leaves the system's."""
    by_hand: bool = False
    """Whether the opening exchange is left to the actions that follow; not even a greeting is
    awaited. What of it is not sent by `SendOpening` goes out with the first request."""
    first_number: int = 0
    """The number of the first request, see `Protocol.numbered`; 0 counts on from the opening."""
    named_like: int = -1
    """The connection under whose name this one opens, see `Protocol.same_identity`; -1 for one of
    its own."""
    prelude_cut: int = 0  # where the target's prelude is cut; 0 for nowhere


class Send(_Action, frozen=True, tag="send"):
    """Send the bytes up to offset `until` as one segment, and see it delivered."""

    until: int
    hold_s: float = 0.0
    """How long nothing else is sent on this connection afterwards."""


class SendOpening(_Action, frozen=True, tag="send-opening"):
    """Send the opening requests up to offset `until` into them, as one segment, see it delivered.

    For a connection that is opened by hand.
    """

    until: int
    hold_s: float = 0.0


class Upgrade(_Action, frozen=True, tag="upgrade"):
    """Do the TLS handshake that a request asks for (`Protocol.begins_tls`), once it is answered.

    Without it the handshake is done, whole, before the first byte that follows. With bytes that
    are stuffed, the rest of that request is sent, too; where the server refuses what was stuffed,
    nothing is judged from then on: only what it answers inside TLS is wrong.
    """

    stuffed: bytes = b""
    """What is sent in clear, in one segment with the end of the request."""
    cut: int = 0
    """Where the first bytes of the handshake are cut; 0 for nowhere."""
    hold_s: float = 0.0
    """How long nothing is sent behind the cut, or else behind the handshake."""


class SendLast(_Action, frozen=True, tag="send-last"):
    """Send the bytes up to offset `until` and the end of our stream at the same instant."""

    until: int


class Push(_Action, frozen=True, tag="push"):
    """Send up to `until` without reading a byte, for `stall_s` once no more is taken."""

    until: int
    stall_s: float


class SendDatagram(_Action, frozen=True, tag="send-datagram"):
    """Send one of the connection's requests as a datagram."""

    position: int


class AwaitQuiet(_Action, frozen=True, tag="await-quiet"):
    """See that nothing comes for a while that answers nothing; datagrams only."""

    seconds: float


class Await(_Action, frozen=True, tag="await"):
    """Wait until all that was sent is answered."""


class HalfClose(_Action, frozen=True, tag="half-close"):
    """Say that nothing more will be sent."""


class AwaitEnd(_Action, frozen=True, tag="await-end"):
    """Read to the end of the stream; all that was owed must have come before it."""


class AwaitTakenOver(_Action, frozen=True, tag="await-taken-over"):
    """Wait until the server has ended this connection, whatever it says before.

    Where another that was opened since is named like it; else there is nothing to wait for.
    """


class AwaitRefusal(_Action, frozen=True, tag="await-refusal"):
    """Open by hand and ask as usual; it fails where all of that is answered as usual.

    Where another that was opened before is named like it; else there is nothing to refuse.
    """


class Close(_Action, frozen=True, tag="close"):
    """Close in order."""


class Reset(_Action, frozen=True, tag="reset"):
    """Close with RST."""


class OpenTogether(_Action, frozen=True, tag="open-together"):
    """Open all connections up to and including this one at the same instant.

    It fails where the SYN of one had to be sent again: the accept queue was full.
    """


class AwaitReleased(_Action, frozen=True, tag="await-released"):
    """Wait until the server has given back the sockets of all connections that we have closed."""


class CountDescriptors(_Action, frozen=True, tag="count-descriptors"):
    """Count the server's descriptors, as soon as they are no more than at the count before.

    It fails where they have become more three times in a row.
    """


class Way(StrEnum):
    """How a connection of a round ends."""

    CLOSE = "answered, then closed"
    HALF_CLOSE = "answered, then the end of our stream"
    RESET = "answered, then reset"
    IN_REQUEST = "reset inside a request"
    IN_OPENING = "reset inside the opening"
    AT_ONCE = "reset right after a request"
    """Unconfirmed: the server may have accepted, or read, or neither."""

    @classmethod
    def _missing_(cls, value: object) -> "Way | None":
        """Return what earlier versions called so: their replay files are read."""
        return cls.AT_ONCE if value == "reset at once behind a request" else None


class Look(StrEnum):
    """What of the server's processes is looked at."""

    DESCRIPTORS = "descriptors"
    THREADS = "threads"
    MEMORY = "memory"
    WORK = "work"
    BEHIND = "connections of the server behind"


class Rounds(_Action, frozen=True, tag="rounds"):
    """Have connections come and go, one after the other, and look at what each round leaves.

    Each sends this connection's requests. It fails where all rounds leave more than the one
    before, and ends as soon as one does not; of work, where the last does not cease.
    """

    ways: tuple[Way, ...]
    count: int
    """Connections of a round that end in each way."""
    rounds: int
    look: Look

    @property
    def connections(self) -> int:
        """How many there are at most, over all rounds."""
        return self.rounds * self.count * len(self.ways)


class LimitMemory(_Action, frozen=True, tag="limit-memory"):
    """Note the server's memory at first; then fail where it has grown by more than this."""

    growth_bytes: int


class RunOut(_Action, frozen=True, tag="run-out"):
    """Let the server have few descriptors more than it has, connect past them, and let go.

    Each connection sends this connection's requests. It fails where nobody is served then; or,
    where its work is looked at, where it works on and on while it is short of descriptors.
    """

    more: int
    """How many descriptors it may open at most."""
    look: Look


class Malformed(_Action, frozen=True, tag="malformed"):
    """Send bytes outside the protocol; what this connection receives from then on is not judged."""

    data: bytes


Action = (
    Open
    | OpenTogether
    | Send
    | SendOpening
    | Upgrade
    | SendLast
    | Push
    | SendDatagram
    | AwaitQuiet
    | Await
    | HalfClose
    | AwaitEnd
    | AwaitTakenOver
    | AwaitRefusal
    | Close
    | Reset
    | AwaitReleased
    | CountDescriptors
    | Rounds
    | LimitMemory
    | RunOut
    | Malformed
)
Unscripted = Rounds | LimitMemory | RunOut | AwaitRefusal | Upgrade
"""What only `wireproof replay` can do again."""
OnServer = AwaitReleased | CountDescriptors | Rounds | LimitMemory | RunOut
"""What looks at the server as a whole: of no connection, though numbered like one."""


class Plan(msgspec.Struct, frozen=True):
    """One conversation.

    Attributes:
        requests: for each connection, the requests that its actions send.
        actions: in the order in which they happen, over all connections.

    """

    requests: tuple[tuple[bytes, ...], ...]
    actions: tuple[Action, ...]

    @property
    def cuts(self) -> int:
        """How many segments end where more could have followed in the same segment.

        The end of a request whose reply is awaited before the next is sent cuts nothing.
        """
        ends = [set(accumulate(map(len, requests))) for requests in self.requests]
        cuts = 0
        following: dict[int, Action] = {}  # by connection: the step after the one looked at
        more_follows = set()
        for action in reversed(self.actions):
            number = action.connection
            if isinstance(action, Send):
                in_lock_step = action.until in ends[number] and isinstance(
                    following.get(number), Await
                )
                cuts += number in more_follows and not in_lock_step
                more_follows.add(number)
            elif isinstance(action, Upgrade):
                cuts += action.cut > 0
            elif isinstance(action, SendOpening):
                cuts += not isinstance(following.get(number), Await)
            following[number] = action
        return cuts

    @property
    def at_once(self) -> int:
        """How many connections are open at the same time, at the most."""
        now: set[int] = set()
        most = 0
        for action in self.actions:
            if isinstance(action, Open):
                now.add(action.connection)
            elif isinstance(action, OpenTogether):
                now.update(range(action.connection + 1))
            elif isinstance(action, Close | Reset | AwaitEnd):
                now.discard(action.connection)
            most = max(most, len(now))
        return most

    @property
    def pipelines(self) -> bool:
        """Whether a byte of a request is sent before the reply to the one before is awaited."""
        ends = [list(accumulate(map(len, requests))) for requests in self.requests]
        sent = [0] * len(ends)
        may_send = [each[0] if each else 0 for each in ends]
        for action in self.actions:
            number = action.connection
            if isinstance(action, Send | SendLast | Push):
                sent[number] = action.until
                if action.until > may_send[number]:
                    return True
            elif isinstance(action, Await):
                later = bisect_right(ends[number], sent[number])
                may_send[number] = next(iter(ends[number][later : later + 1]), sent[number])
        return False

    @property
    def segments(self) -> int:
        """How many sends there are."""
        return sum(isinstance(action, Send) for action in self.actions)

    @property
    def bytes_sent(self) -> int:
        """Bytes over all connections."""
        malformed = sum(len(a.data) for a in self.actions if isinstance(a, Malformed))
        malformed += sum(len(a.stuffed) for a in self.actions if isinstance(a, Upgrade))
        return malformed + sum(len(request) for each in self.requests for request in each)

    @property
    def waits_s(self) -> float:
        """How long is waited for nothing: in holds, and in stalls of a reader."""
        return sum(
            action.hold_s
            if isinstance(action, Send | SendOpening | Upgrade)
            else action.stall_s
            if isinstance(action, Push)
            else 0
            for action in self.actions
        )

    @property
    def size(self) -> tuple[int, int, int, int, float]:
        """By which of two failing plans the smaller is told: connections, bytes, cuts, steps."""
        steps = len(self.actions), self.waits_s
        return (len(self.requests), self.bytes_sent, self.cuts, *steps)
