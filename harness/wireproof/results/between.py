"""What the result file says of a command that was run between."""

from typing import Any

import msgspec


class BetweenResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `wireproof between` found, besides the requirements that `check` holds."""

    command: str
    """As it was run, in words of a shell."""
    judge: str
    """What it is judged by: `exit status`, or `exit status and output`."""
    schedules: int
    """Different ones that were tried."""
    runs: int
    """Of the command, altogether."""
    baseline_runs: int
    """That nothing was done to, before all others."""
    is_stable: bool
    """Whether all of these ended well."""
    cuts: list[dict[str, Any]] = []
    """Of the smallest schedules that fail: `cause`, `direction`, `message`, `offset`."""
    jobs: int = 1
    """Commands that ran at once; what failed so was confirmed alone."""
    why_alone: str = ""
    """Why no more of them did; empty where that was not looked into, or more did."""
    only_beside: int = 0
    """Runs that failed side by side, and not alone; they count as passed."""
