"""A recorded failure of a command, and running it again. The file is data."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from wireproof.between.runs.judging import Judge, Problem
from wireproof.between.runs.playing import Player
from wireproof.between.runs.schedules import UNCUT, Schedule
from wireproof.between.trying.search import Laboratory
from wireproof.errors import CannotRunError, UsageError
from wireproof.files import read_limited
from wireproof.target import Target
from wireproof.wire.transcript import Event

CASE_FORMAT: Final = 1
_MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_MAX_HOLD_S: Final = 60.0
_MAX_CUTS: Final = 100_000
_MAGIC: Final = "between"


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """How it failed; `connection` and `kind` are for whoever shows the events."""

    connection: int
    kind: str
    message: str
    expected: str
    actual: str


class BetweenCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `replay.json` holds.

    Attributes:
        format: `CASE_FORMAT`; another is refused.
        of: `between`, by which this is told from a case of `check`.
        command: in words.
        target: the server, as given.
        schedule: the smallest that makes the command fail.
        same_output: whether the output is judged, too.
        timeout_s: for each run; None for what it should need.
        failure: how it failed.
        failed: how often, out of `runs`.
        runs: how often it was run under the schedule to confirm it.
        explanation: what goes wrong, when, and by whom.
        events: what passed, as the client has it, the last time that it failed.

    """

    format: int
    of: Literal["between"]
    command: tuple[str, ...]
    target: str
    schedule: Schedule
    same_output: bool
    timeout_s: float | None
    failure: Failed
    failed: int
    runs: int
    explanation: str
    events: list[Event]


def is_between_case(path: Path) -> bool:
    """Say whether a file is a case of a command; what can't be read is none."""
    try:
        text = read_limited(path, _MAX_FILE_BYTES, "replay file")
        return bool(msgspec.json.decode(text, type=dict[str, object]).get("of") == _MAGIC)
    except (UsageError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False


def read_between_case(path: Path) -> BetweenCase:
    """Read a replay file.

    Raises:
        UsageError: there is none, or it is not one that this version can run.

    """
    text = read_limited(path, _MAX_FILE_BYTES, "replay file")
    try:
        case = msgspec.json.decode(text, type=BetweenCase)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a replay file: {error}") from None
    if case.format != CASE_FORMAT:
        raise UsageError(
            f"{path} is a replay file of format {case.format}; this version reads {CASE_FORMAT}"
        )
    schedule = case.schedule
    if not case.command or not 0 <= schedule.hold_s <= _MAX_HOLD_S:
        raise UsageError(f"{path} names no command, or holds cuts for {schedule.hold_s:g} s")
    if len(schedule.cuts) > _MAX_CUTS or (schedule.broken and len(schedule.cuts) != 1):
        raise UsageError(f"{path} has a schedule that Wireproof does not know")
    return case


def run_between_case(
    case: BetweenCase, words: Sequence[str], target: Target, own: Target, runs: int
) -> tuple[int, Problem | None]:
    """Run a command under a case's schedule.

    Returns:
        How often it failed, and how it did the last time.

    Raises:
        CannotRunError: it isn't stable when nothing is done to it.

    """
    player = Player(words, target, own, lambda: False)
    judge = Judge(same_output=case.same_output)
    failed = 0
    last = None
    with Laboratory(player, judge, 1, case.timeout_s) as laboratory:
        baseline = laboratory.baseline()
        if baseline.problems and case.schedule != UNCUT:
            raise CannotRunError(
                f"uncut the command fails, too: {baseline.problems[0].message}",
                "start its server as it was when this was recorded",
            )
        for _ in range(runs):
            problem = judge.problem(laboratory.run(case.schedule, surely=True))
            failed += problem is not None
            last = problem or last
    return failed, last
