"""One monotonic deadline across several steps."""

import time


class Deadline:
    """A point in time that several blocking steps share.

    Attributes:
        expires_at_s: the point, on the clock of `time.monotonic`.

    """

    __slots__ = ("expires_at_s",)

    def __init__(self, seconds: float) -> None:
        """Set the deadline `seconds` from now."""
        self.expires_at_s = time.monotonic() + seconds

    def remaining_s(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.expires_at_s - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.expires_at_s
