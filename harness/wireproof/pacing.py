"""When requests of an open loop are due: an absolute schedule that nothing can delay.

Measuring from these times is what keeps the latency true. A loop that sends the next request only
after the last reply stops asking while the server stalls, and the stall counts once, not once for
everybody who would have asked (coordinated omission).
"""

import random
from collections.abc import Iterator
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
