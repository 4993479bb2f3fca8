"""Durations as people write them, read alike by every option of every command."""

import math
import re

from wireproof.errors import UsageError

_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zµ]*)")


def parse_duration(text: str) -> float:
    """Return the seconds of `500ms`, `5s`, `2m` or `1h`; a bare number is in seconds.

    Raises:
        UsageError: it is no duration, or not a finite one.

    """
    found = _NUMBER.fullmatch(text.strip())
    seconds = float(found[1]) * _SECONDS.get(found[2] or "s", math.inf) if found else math.inf
    if not math.isfinite(seconds):
        raise UsageError(f"invalid duration {text!r}: write 500ms, 5s or 2m")
    return seconds
