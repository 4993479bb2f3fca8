"""Numbers with units, as people write them: `30s`, `5ms`, `1%`."""

import re

from wireproof.errors import UsageError

_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zµ%]*)")


def parse_seconds(text: str) -> float:
    """Return seconds; without a unit the number is in seconds.

    Raises:
        UsageError: it is no duration.

    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None or found[2] not in {"", *_SECONDS}:
        raise UsageError(f"{text!r} is no duration", "write 30s, 1.5s, 200ms or 2m")
    return float(found[1]) * _SECONDS[found[2] or "s"]


def parse_share(text: str) -> float:
    """Return a share between 0 and 1, from `5%` or `0.05`.

    Raises:
        UsageError: it is none.

    """
    found = _NUMBER.fullmatch(text.strip())
    share = float(found[1]) / (100 if found[2] == "%" else 1) if found else -1.0
    if found is None or found[2] not in {"", "%"} or not 0 <= share <= 1:
        raise UsageError(f"{text!r} is no share", "write 5% or 0.05")
    return share
