"""What passed between one client and one server: the same value, wherever it was taken from."""

from dataclasses import dataclass
from enum import StrEnum


class End(StrEnum):
    """How a conversation ended, told by who ended it first."""

    CLIENT = "the client closed"
    HALF_CLOSE = "the client ended its stream before the last reply"
    SERVER = "the server closed"
    CLIENT_RESET = "the client reset"
    SERVER_RESET = "the server reset"
    OPEN = "still open"


@dataclass(frozen=True, slots=True)
class Turn:
    """What the client sent knowing all that came before, and what the server sent then.

    Attributes:
        request: empty where the server spoke unasked.
        reply: up to what the client had received when it sent the next request.
        at_s: when the request was begun, in seconds since the conversation was.
        reply_sizes_bytes: of each datagram of the reply; empty for a stream.

    """

    request: bytes
    reply: bytes = b""
    at_s: float = 0.0
    reply_sizes_bytes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that passed on one connection, or between two datagram sockets.

    Attributes:
        name: where it was found, in a few words for people.
        turns: in their order.
        end: how it ended.
        begun_at_s: seconds of the epoch at which it began; 0 where that isn't known.
        replies_known: whether the replies were seen; files of requests have none.
        datagrams: whether each request is one datagram.
        begun_before: whether it may have begun before what was seen of it.

    """

    name: str
    turns: tuple[Turn, ...]
    end: End = End.CLIENT
    begun_at_s: float = 0.0
    replies_known: bool = True
    datagrams: bool = False
    begun_before: bool = False

    @property
    def requests(self) -> tuple[bytes, ...]:
        """What the client sent, one for each turn."""
        return tuple(turn.request for turn in self.turns)

    @property
    def replies(self) -> tuple[bytes, ...]:
        """What the server sent, one for each turn."""
        return tuple(turn.reply for turn in self.turns)

    @property
    def size_bytes(self) -> int:
        """All bytes of both sides."""
        return sum(len(turn.request) + len(turn.reply) for turn in self.turns)
