"""What is learnt from: one conversation, played several times."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """When a reply was made, as far as that is known.

    Attributes:
        earliest_s: seconds of the epoch at which its request was begun.
        latest_s: seconds of the epoch at which its last byte had come.

    """

    earliest_s: float
    latest_s: float


@dataclass(frozen=True, slots=True)
class Play:
    """The replies of one play.

    Attributes:
        replies: to each turn of the conversation, empty where there was none.
        moments: of each reply.
        skipped_before: plays between this one and the one before it that aren't among those that
            are learnt from; the server's counters may have counted them or not.

    """

    replies: tuple[bytes, ...]
    moments: tuple[Moment, ...]
    skipped_before: int = 0

    def __post_init__(self) -> None:
        """Refuse replies without their moments."""
        if len(self.replies) != len(self.moments):
            raise ValueError(f"{len(self.replies)} replies, {len(self.moments)} moments")
