"""Where a load cuts what it sends."""

import random
from collections.abc import Sequence

_MOST_CUTS = 8


def cuts_of(segment: str, size: int, draw: random.Random) -> Sequence[int]:
    """Return the offsets at which to cut a payload of `size` bytes, as `--segment` says."""
    if segment == "octets":
        return range(1, size)
    if segment == "random" and size > 1:
        return sorted(draw.sample(range(1, size), draw.randint(1, min(_MOST_CUTS, size - 1))))
    return ()
