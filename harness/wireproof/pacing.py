"""When requests of an open loop are due: an absolute schedule that nothing can delay.

Measuring from these times is what keeps the latency true. A loop that sends the next request only
after the last reply stops asking while the server stalls, and the stall counts once, not once for
everybody who would have asked (coordinated omission).
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

NS_PER_S = 1_000_000_000


def constant_arrivals(rate_per_s: float, worker: int = 0, workers: int = 1) -> Iterator[int]:
    """Yield the times of requests that are evenly spread, in ns after the schedule's start.

    Together the workers send at the whole rate; each takes every `workers`-th request, so that the
    union is as even as one worker's schedule.
    """
    for request in count(worker, workers):
        yield int(request * NS_PER_S / rate_per_s)


def poisson_arrivals(
    rate_per_s: float, seed: int, worker: int = 0, workers: int = 1
) -> Iterator[int]:
    """Yield the times of requests that come independently of each other, in ns.

    Gaps are exponential. The workers' processes are independent, and their union is a Poisson
    process of the whole rate.
    """
    draw = random.Random(f"{seed}/{worker}/{workers}")  # noqa: S311 - load, not secrets
    share = rate_per_s / workers
    at_s = 0.0
    while True:
        at_s += draw.expovariate(share)
        yield int(at_s * NS_PER_S)


@dataclass(frozen=True, slots=True)
class Ramp:
    """A rate that holds for a while, changes evenly to another, and then stays there.

    Attributes:
        first_per_s: the rate at first, above 0.
        last_per_s: the rate at last, above 0.
        begins_s: how long the first one holds.
        lasts_s: how long it takes to change, above 0.

    """

    first_per_s: float
    last_per_s: float
    begins_s: float
    lasts_s: float

    def requests(self, until_s: float) -> float:
        """Return how many requests are due in the first `until_s` seconds."""
        on_the_way_s = min(max(0.0, until_s - self.begins_s), self.lasts_s)
        after_s = max(0.0, until_s - self.begins_s - self.lasts_s)
        return (
            self.first_per_s * (min(until_s, self.begins_s) + on_the_way_s)
            + (self.last_per_s - self.first_per_s) * on_the_way_s**2 / (2 * self.lasts_s)
            + self.last_per_s * after_s
        )

    def due_s(self, requests: float) -> float:
        """Return when so many requests are due: the inverse of `requests`."""
        left = requests - self.first_per_s * self.begins_s
        if left <= 0:
            return requests / self.first_per_s
        whole = self.lasts_s * (self.first_per_s + self.last_per_s) / 2
        if left >= whole:
            return self.begins_s + self.lasts_s + (left - whole) / self.last_per_s
        # Of the quadratic's two forms the one that does not cancel where both rates are near.
        growth = (self.last_per_s - self.first_per_s) / self.lasts_s
        root = math.sqrt(max(0.0, self.first_per_s**2 + 2 * growth * left))
        return self.begins_s + 2 * left / (self.first_per_s + root)


def ramp_arrivals(
    ramp: Ramp, seed: int | None = None, worker: int = 0, workers: int = 1
) -> Iterator[int]:
    """Yield the times of requests along a ramp, in ns: evenly, or independently where seeded.

    Args:
        ramp: the rate of all workers.
        seed: of gaps that are exponential; None for even ones.
        worker: this one's number.
        workers: how many share the rate.

    """
    if seed is None:
        for request in count(worker, workers):
            yield int(ramp.due_s(request) * NS_PER_S)
    draw = random.Random(f"{seed}/{worker}/{workers}")  # noqa: S311 - load, not secrets
    requests = 0.0
    while True:
        requests += draw.expovariate(1 / workers)
        yield int(ramp.due_s(requests) * NS_PER_S)
