"""How many commands may run at once: found by running them uncut side by side.

It is safe as far as that shows: what was the same in all runs alone is the same side by side.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.between.runs.judging import Judge
from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import Direction

_NUMBERS: Final = (2, 4, 8)
MOST_BESIDE: Final = max(_NUMBERS)
_LEAST_GAIN: Final = 1.15
"""More at once must get so much more done, or what is left is only disturbance."""
_CONTROLS: Final = 2


@dataclass(frozen=True, slots=True)
class Beside:
    """How many run at once.

    Attributes:
        jobs: at least 1.
        why_alone: why there are no more than one; empty where there are, or nobody asked.

    """

    jobs: int = 1
    why_alone: str = ""


def find_beside(
    alone: list[Played],
    judge: Judge,
    run: Callable[[int], list[Played]],
    most_s: float,
    now_s: Callable[[], float] = time.monotonic,
) -> Beside:
    """Run 2, 4 and 8 at once; as many as get most done are right, if nothing differs.

    Args:
        alone: runs that went well, one after the other; more are added where something differs.
        judge: of each run.
        run: runs so many at once, uncut.
        most_s: no further number is tried after so long.
        now_s: a clock.

    """
    begun_s = now_s()
    jobs, rate = 1, len(alone) / max(1e-6, sum(one.seconds for one in alone))
    for number in _NUMBERS:
        if now_s() - begun_s >= most_s:
            break
        tried_s = now_s()
        beside = run(number)
        gained = number / max(1e-6, now_s() - tried_s)
        if reason := _difference(alone, beside, judge, run):
            return Beside(1, f"{number} at once differ in {reason}")
        if gained >= rate * _LEAST_GAIN:
            jobs, rate = number, gained
    return Beside(jobs, "" if jobs > 1 else "2 at once take as long as one after the other")


def _difference(
    alone: list[Played],
    beside: Sequence[Played],
    judge: Judge,
    run: Callable[[int], list[Played]],
) -> str:
    """Return in what runs side by side differ from runs alone, empty for nothing.

    A clock in what is said makes runs differ with time: another run alone tells that apart.
    """
    for _ in range(_CONTROLS):
        if not (reason := unlike(alone, beside, judge)):
            return ""
        alone += run(1)
    return reason if (reason := unlike(alone, beside, judge)) else ""


def unlike(alone: Sequence[Played], beside: Sequence[Played], judge: Judge) -> str:
    """Return what was the same in all runs alone and is not in one of those beside."""
    for name, view in _VIEWS.items():
        seen = {view(one) for one in alone}
        if len(seen) == 1 and any(view(one) not in seen for one in beside):
            return name
    return "their verdict" if any(judge.problem(one) for one in beside) else ""


def _bytes_of(played: Played) -> list[tuple[int, bytes]]:
    """Return how much passed and the first of it, however connections were numbered."""
    return sorted(
        (sum(stream.sizes_bytes), bytes(stream.data))
        for streams in played.streams
        for stream in (streams[Direction.REQUEST], streams[Direction.REPLY])
    )


_VIEWS: Final[dict[str, Callable[[Played], object]]] = {
    "their exit status": lambda one: one.exit_code,
    "what they print": lambda one: one.output,
    "their connections": lambda one: len(one.streams),
    "how much they say": lambda one: tuple(size for size, _ in _bytes_of(one)),
    "what they say": lambda one: tuple(data for _, data in _bytes_of(one)),
}
