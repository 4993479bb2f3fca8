"""Whether a failure is one: run again, beside runs that nothing was done to."""

from dataclasses import dataclass
from typing import Final

from wireproof.results import Verdict

RUNS: Final = 5
PAIRS: Final = 20
_LEAST_TO_BE_FLAKY: Final = 6
"""Of twenty, with none of twenty uncut: by chance one in a hundred (Fisher's exact test)."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How runs of a schedule went, and as many uncut.

    Attributes:
        failed: runs under the schedule that failed.
        runs: runs under the schedule.
        uncut_failed: uncut runs that failed, of as many.

    """

    failed: int
    runs: int
    uncut_failed: int

    @property
    def verdict(self) -> Verdict:
        """FAIL if it fails each time and uncut never does; PASS if it did not fail again."""
        if not self.failed:
            return Verdict.PASS
        if self.uncut_failed:
            return Verdict.INCONCLUSIVE
        if self.failed == self.runs:
            return Verdict.FAIL
        is_flaky = self.runs >= PAIRS and self.failed >= _LEAST_TO_BE_FLAKY
        return Verdict.FLAKY if is_flaky else Verdict.INCONCLUSIVE

    def __str__(self) -> str:
        return f"{self.failed} of {self.runs}, uncut {self.uncut_failed} of {self.runs}"
