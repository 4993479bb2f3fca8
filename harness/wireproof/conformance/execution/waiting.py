"""What a wait on a connection waits for, what it may do meanwhile, and how it can end."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from wireproof.deadline import Deadline

_HELD_TIMEOUT_S = 0.02
_LEAST_AGAIN_S = 0.1
_SPINNING_S = 0.02  # what comes soon is looked for without a pause
MOST_TIMEOUTS = 6
"""As long as something moves, the time for silence begins anew; but not for ever."""
_HOPELESS = 2.0
"""What would take so many times the time that is left is not waited for: a server may speed up."""
_LEAST_MEASURED_S = 2.0
"""For less no pace is told by: on a busy machine a fast server may be slow for a moment."""


class Ended(Enum):
    """How a wait ended."""

    REACHED = auto()
    """What was waited for has happened."""
    GONE = auto()
    """The connection has ended, in one way or the other."""
    SILENT = auto()
    """Nothing moved any more."""
    OUT_OF_TIME = auto()
    """Something was moving still, and all the time that there is was used up, or would not do."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait.

    Attributes:
        reached: whether what is waited for has happened.
        timeout_s: after so long without anything moving it is over.
        most_s: after so long it is over in any case.
        reads: whether what comes is read and judged.
        sends: whether what the plan has asked to send is sent.
        renewed: whether `timeout_s` begins anew as long as something moves: bytes that the kernel
            takes from us, and those that come and are owed. What comes unasked, or is not judged,
            moves nothing.
        look_again_s: how soon to look at `reached` again where nothing tells of it; 0 where bytes
            tell.
        left: how many replies have come of what is waited for, and how many have not.

    """

    reached: Callable[[], bool]
    timeout_s: float
    most_s: float
    reads: bool = True
    sends: bool = False
    renewed: bool = True
    look_again_s: float = 0.0
    left: Callable[[], tuple[int, int]] = lambda: (0, 0)


class Clock:
    """The time of one wait.

    Attributes:
        moving: whether something had moved at the last look.

    """

    def __init__(self, wait: Wait, progress_bytes: int) -> None:
        """Start `wait`; so many bytes have moved before it."""
        self.moving = False
        self._wait = wait
        self._furthest = progress_bytes
        self._quiet = Deadline(wait.timeout_s)
        self._last = Deadline(wait.most_s)
        self._spinning = Deadline(_SPINNING_S)
        self._measured = Deadline(max(wait.timeout_s, _LEAST_MEASURED_S))

    def look(self, progress_bytes: int) -> Ended | None:
        """Return how the wait is over now that so many bytes have moved, or None."""
        self.moving = progress_bytes > self._furthest
        if self.moving:
            self._furthest = progress_bytes
            if self._wait.renewed:
                self._quiet = Deadline(self._wait.timeout_s)
        elif self._quiet.expired:
            return Ended.SILENT
        if (self._last.expired or self._is_hopeless()) and not self._wait.reached():
            return Ended.OUT_OF_TIME
        return None

    def _is_hopeless(self) -> bool:
        """Say whether what came so far, for as long as tells, shows that all can't come in time."""
        if not (self.moving and self._measured.expired):
            return False
        came, left = self._wait.left()
        passed_s = self._wait.most_s - self._last.remaining_s()
        return came > 0 and left * passed_s / came > _HOPELESS * self._last.remaining_s()

    def renew(self) -> None:
        """Have the time for silence begin anew, and all the time with it if that is shorter."""
        again_s = max(self._wait.timeout_s, _LEAST_AGAIN_S)
        self._quiet = Deadline(again_s)
        self._last = Deadline(max(again_s, self._last.remaining_s()))

    def until(self) -> Deadline:
        """Return until when an event may be waited for."""
        if not self._wait.look_again_s:
            return self._quiet
        return Deadline(self._wait.look_again_s if self._spinning.expired else 0.0)


def never() -> bool:
    """Say that what would end a wait early does not happen."""
    return False


class DeliveryTimeout:
    """How long a segment of a conversation may stay unread, on all its connections together.

    Attributes:
        seconds: short after the first segment that was held: a server that does not read one
            connection is not read on fifty others at two seconds each.

    """

    def __init__(self, seconds: float) -> None:
        """Wait `seconds` for the first time."""
        self.seconds = seconds

    def shorten(self) -> None:
        """Wait less from now on."""
        self.seconds = _HELD_TIMEOUT_S
