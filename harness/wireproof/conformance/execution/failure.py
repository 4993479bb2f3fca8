"""How a conversation can fail, as data that shrinking and reporting compare."""

from enum import StrEnum

import msgspec


class FailureKind(StrEnum):
    """What was seen in place of a right reply."""

    WRONG_REPLY = "wrong reply"
    END = "end of stream"
    RESET = "reset"
    SILENCE = "silence"
    NOT_CLOSED = "not closed"
    """The server kept the connection open after the client's end of stream."""
    TOO_SLOW = "too slow"
    """Right replies were still coming when the time was up: no fault of the server's."""
    UNJUDGED = "unjudged"
    """What was learnt doesn't hold any more, however the bytes are sent: no fault either."""
    NO_CONNECTION = "no connection"
    SECOND_SYN = "second SYN"
    """A connection came late. Only without a network between is that the server's doing."""
    DIED = "died"
    """The process is gone, or nothing listens any more."""
    STOPPED_SERVING = "stopped serving"
    """It is there, and answers nobody any more."""
    RULE = "rule"
    """The replies are right by themselves, and break a rule about them all."""

    @property
    def is_death(self) -> bool:
        """Whether the server serves nobody any more."""
        return self in {FailureKind.DIED, FailureKind.STOPPED_SERVING}


class Phase(StrEnum):
    """When in the life of its connections a conversation failed."""

    CONNECTING = "connecting"
    OPENING = "opening"
    """During the greeting and the opening exchange, before the plan's own requests."""
    TALKING = "talking"
    ENDING = "ending"
    """Behind the client's end of stream."""
    OVER = "over"
    """When connections were over."""


class Owed(StrEnum):
    """What the server owed when it failed."""

    CONNECTION = "a connection"
    REPLY = "a reply"
    NOTHING = "nothing"
    END = "the end of the stream"
    RELEASE = "what its connections held"


class Seen(StrEnum):
    """What was seen instead."""

    NOTHING = "nothing"
    LESS = "less"
    OTHER = "other"
    ORDER = "other order"
    """Each reply is right, and they come in another order; told where the order was only learnt."""
    MORE = "more"
    END = "end of stream"
    RESET = "reset"
    LATE = "late"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One failure.

    Attributes:
        kind: coarse; what to do about it.
        connection: on which connection of the plan it was seen.
        action: at which of the plan's actions, counted from 0.
        message: what was found, in words; harmless to print.
        expected: what would have been right; harmless to print.
        actual: what was seen; harmless to print.
        phase: when.
        owed: what the server owed.
        seen: what came instead.

    """

    kind: FailureKind
    connection: int
    action: int
    message: str
    expected: str
    actual: str
    phase: Phase = Phase.TALKING
    owed: Owed = Owed.REPLY
    seen: Seen = Seen.OTHER


class ConversationFailedError(AssertionError):
    """A conversation failed.

    Attributes:
        failure: how.

    """

    def __init__(self, failure: Failure) -> None:
        """Carry the failure."""
        super().__init__(failure.message)
        self.failure = failure
