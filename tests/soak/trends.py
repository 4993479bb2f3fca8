"""Whether a value grows: its trend over many samples, against a bound per hour.

The trend is the line of Theil and Sen (the median of the slopes between all pairs), which a few odd
samples do not move. A share of the value would be no bound: what lets a tenth of a megabyte pass in
ten minutes lets a day's hundred pass too.
"""

import dataclasses
import statistics
from collections.abc import Sequence
from itertools import combinations

_SHORTEST_H = 0.25
"""A shorter stretch is judged as if it were so long: pages and arenas come in steps."""


@dataclasses.dataclass(frozen=True, slots=True)
class Trend:
    """How a value went.

    Attributes:
        first: median of the first third of the samples.
        last: median of the last third.
        per_hour: the slope.
        hours: how long the stretch was.
        noise: the median distance of a sample from the line.

    """

    first: float
    last: float
    per_hour: float
    hours: float
    noise: float

    def is_growing(self, bound_per_hour: float) -> bool:
        """Whether the value rose by more than the bound allows, and by more than it scatters."""
        allowed = bound_per_hour * max(self.hours, _SHORTEST_H)
        return self.per_hour * self.hours > max(2 * self.noise, allowed)


def trend(at_s: Sequence[float], values: Sequence[float]) -> Trend:
    """The line of Theil and Sen through three samples or more."""
    samples = list(zip(at_s, values, strict=True))
    slope = statistics.median(
        (later - earlier) / (then_s - first_s)
        for (first_s, earlier), (then_s, later) in combinations(samples, 2)
    )
    levels = [value - slope * when_s for when_s, value in samples]
    level = statistics.median(levels)
    third = len(values) // 3
    return Trend(
        first=statistics.median(values[:third]),
        last=statistics.median(values[-third:]),
        per_hour=slope * 3600,
        hours=(at_s[-1] - at_s[0]) / 3600,
        noise=statistics.median(abs(one - level) for one in levels),
    )
