"""Whether a measure that is taken after each of many rounds goes on growing. Pure.

What a server holds may grow at first, and in steps: pools fill, arenas are reserved, a collector
waits until it is worth its while. A leak grows by about the same in every round, for ever. So
growth is told only where round after round grew, and each third of them by about as much; and only
beyond so many connections that no table of the last ones has room left.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import NamedTuple

WARM_UP = 6
"""Rounds that are left out at the beginning."""
LARGEST_TABLE = 21_000
"""Connections: whoever remembers the last so many, or fewer, grows no more beyond them.

nats-server keeps 10,000 that are over (`DEFAULT_MAX_CLOSED_CLIENTS`), 1.5 kB each; OpenSSL 20,480
sessions (`SSL_SESSION_CACHE_MAX_SIZE_DEFAULT`).
"""
_LOOKED_AT = 6
_GROWING_OF_THEM = 5
_LEAST_BYTES = 200
"""Of growth per connection: less is lost among the pages of 4,096 bytes that are counted."""
_SHARE_GROWING = 0.85
_MOST_UNEVEN = 2.0
_TWO_SIDED_95 = 1.96


class Growth(NamedTuple):
    """How much remains of each connection.

    Attributes:
        bytes_each: on average.
        margin_bytes: either way, with 95 % confidence.
        grew: in how many rounds it became more.
        rounds: of how many.

    """

    bytes_each: float
    margin_bytes: float
    grew: int
    rounds: int


def has_settled(samples: Sequence[int], connections: int) -> bool:
    """Say whether the last rounds grew no more, so that more of them need not be tried.

    Args:
        samples: bytes after each round.
        connections: in a round.

    """
    latest = samples[-_LOOKED_AT - 1 :]
    if len(samples) <= WARM_UP + _LOOKED_AT:
        return False
    grew = sum(after > before for before, after in pairwise(latest))
    each = (latest[-1] - latest[0]) / (_LOOKED_AT * connections)
    return grew < _GROWING_OF_THEM or each < _LEAST_BYTES


def growth(samples: Sequence[int], connections: int) -> Growth | None:
    """Return what remains of each connection, or None where the rounds don't show that it does.

    Args:
        samples: bytes after each round, all of them.
        connections: in a round.

    """
    steps = [after - before for before, after in pairwise(samples[WARM_UP:])]
    third = len(steps) // 3
    if third < 1:
        return None
    thirds = [fmean(steps[at * third : (at + 1) * third]) / connections for at in range(3)]
    grew = sum(step > 0 for step in steps)
    steady = max(thirds) <= _MOST_UNEVEN * min(thirds)
    if min(thirds) < _LEAST_BYTES or not steady or grew < _SHARE_GROWING * len(steps):
        return None
    margin = _TWO_SIDED_95 * stdev(steps) / len(steps) ** 0.5 / connections
    return Growth(fmean(steps) / connections, margin, grew, len(steps))
