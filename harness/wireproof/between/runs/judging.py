"""Whether a run went well: by the command's exit status, and on wish by its output."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.between.runs.playing import Played
from wireproof.learning.learnt import Learnt, learn
from wireproof.learning.plays import Moment, Play
from wireproof.words import printable

LEARN_RUNS: Final = 6
LEARN_S: Final = 1.2
"""What is learnt from spans more than a second, or a clock looks like a constant."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with a run.

    Attributes:
        kind: the same for what failed alike.
        message: in words.
        expected: what would have been right.
        actual: what was seen instead.

    """

    kind: str
    message: str
    expected: str
    actual: str


class Judge:
    """Judges runs.

    Attributes:
        learnt: what its output looks like; None where that is not judged.

    """

    def __init__(self, *, same_output: bool) -> None:
        """Judge by the exit status, and by the output too where `same_output`."""
        self.same_output = same_output
        self.learnt: Learnt | None = None

    def learn(self, uncut: Sequence[Played]) -> None:
        """Learn from runs that nothing was done to what the output looks like."""
        plays = [
            Play((one.output,), (Moment(one.begun_at_s, one.begun_at_s + one.seconds),))
            for one in uncut
        ]
        self.learnt = learn(plays)

    def problem(self, played: Played) -> Problem | None:
        """Return what was wrong with a run; None for nothing."""
        if played.exit_code is None:
            shown = f"it still ran after {played.seconds:.1f} s and had to be ended"
            return Problem("no end", "the command does not end", "exit status 0", shown)
        if played.exit_code:
            return Problem(
                f"exit status {played.exit_code}",
                f"the command ends with {how(played.exit_code)}",
                "exit status 0",
                f"{how(played.exit_code)}; {last_words(played)}",
            )
        if self.learnt is None:
            return None
        differences = self.learnt.differences((played.output,))
        if not differences:
            return None
        first = differences[0]
        return Problem(
            "other output",
            "the command prints something else than uncut",
            first.expected,
            first.actual,
        )


def meets(played: Played, expect: str) -> bool:
    """Say whether a run in which a stream broke off is as `--expect` wants it."""
    if not expect:
        return True
    if played.exit_code is None:
        return False
    return expect == "end" or (expect == "success") == (played.exit_code == 0)


def how(code: int) -> str:
    """Return an exit status in words."""
    return f"signal {code - 128}" if 128 < code <= 192 else f"exit status {code}"


def last_words(played: Played) -> str:
    """Return the last line that a command said, harmless to print."""
    for said in (played.errors, played.output):
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        if lines:
            return f"last log line: {printable(lines[-1])}"
    return "it said nothing"
