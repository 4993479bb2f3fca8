"""Shares as people write them: `5%`, `0.05`."""

import re

from wireproof.errors import UsageError

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(%?)")


def parse_share(text: str) -> float:
    """Return a share between 0 and 1, from `5%` or `0.05`.

    Raises:
        UsageError: it is none.

    """
    found = _NUMBER.fullmatch(text.strip())
    share = float(found[1]) / (100 if found[2] == "%" else 1) if found else -1.0
    if found is None or not 0 <= share <= 1:
        raise UsageError(f"{text!r} is not a share", "write 5% or 0.05")
    return share
