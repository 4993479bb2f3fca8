"""Tries schedules on the command, confirms what fails, and makes it smaller."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Self

from wireproof.between.runs.beside import MOST_BESIDE, Beside, find_beside
from wireproof.between.runs.judging import LEARN_RUNS, LEARN_S, Judge, Problem
from wireproof.between.runs.playing import Patience, Played, Player
from wireproof.between.runs.schedules import UNCUT, Cut, Schedule
from wireproof.between.trying.baseline import Baseline
from wireproof.between.trying.confirming import PAIRS, RUNS, Confirmation
from wireproof.between.trying.leaving import withholding
from wireproof.between.trying.plans import Sizes, Trial, every_cut
from wireproof.between.trying.shrinking import shrinking

_LEAST_UNCUT: Final = 3
_MOST_UNCUT: Final = 60
_MOST_SHRINKING_CUTS: Final = 20_000
_MOST_SHRINKING_RUNS: Final = 300
_FINDING_S: Final = 2.0
"""For so long a further number of commands at once is tried."""
_FIRST: Final = Patience(quiet_s=30, total_s=60)
Told = Callable[[str], None]
"""Hears what is done now, in a line."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial that was run.

    Attributes:
        trial: what it was.
        played: how it went.
        problem: what was wrong with it; None for nothing.

    """

    trial: Trial
    played: Played
    problem: Problem | None

    @property
    def is_applied(self) -> bool:
        """Whether the schedule's cuts parted anything."""
        return not self.trial.schedule.cuts or bool(self.played.applied)


@dataclass(frozen=True, slots=True)
class Minimum:
    """A failure as small as it gets.

    Attributes:
        schedule: what has to be done for it.
        problem: what is wrong then.
        played: the last time that it was.
        confirmation: how often it was.

    """

    schedule: Schedule
    problem: Problem
    played: Played
    confirmation: Confirmation


class Laboratory:
    """Runs the command under schedules, several at a time.

    Attributes:
        judge: of each run.
        tell: hears what is done now.
        stopped: set once the user wants an end.
        beside: how many run at once.

    """

    def __init__(
        self,
        player: Player,
        judge: Judge,
        jobs: int | None,
        timeout_s: float | None,
        tell: Told = lambda _: None,
    ) -> None:
        """Prepare to run.

        Args:
            player: runs the command.
            judge: of each run.
            jobs: so many at a time; None for as many as is safe, found by `baseline`.
            timeout_s: for a run; None for as long as it should need.
            tell: hears of runs that follow each other without an end.

        """
        self.tell = tell
        self.judge = judge
        self.stopped = threading.Event()
        self.beside = Beside(jobs or 1)
        self._player = player
        self._is_jobs_found = jobs is None
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(jobs or MOST_BESIDE)
        self._quick = self._sure = Patience(
            timeout_s or _FIRST.quiet_s, timeout_s or _FIRST.total_s
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs."""
        self.stopped.set()
        self._pool.shutdown(cancel_futures=True)

    @property
    def runs(self) -> int:
        """How often the command was run."""
        return self._player.runs

    def baseline(self) -> Baseline:
        """Run it uncut until it is known how it goes when nothing is done to it."""
        found = Baseline()
        begun_s = time.monotonic()
        least = LEARN_RUNS if self.judge.same_output else _LEAST_UNCUT
        least_s = LEARN_S if self.judge.same_output else 0.0
        while not self.stopped.is_set() and len(found.runs) < _MOST_UNCUT:
            is_enough = len(found.runs) >= least and time.monotonic() - begun_s >= least_s
            if is_enough or (found.problems and found.runs[-1].exit_code is None):
                break
            self._add_uncut(found)
        if found.problems or not found.runs:
            while found.fails_alike and len(found.runs) < RUNS and not self.stopped.is_set():
                self._add_uncut(found)
            return found
        if self.judge.same_output:
            self.judge.learn(found.runs)
            for _ in range(_LEAST_UNCUT):
                self._add_uncut(found)
        beside = self._find_beside(found.runs) if self._is_jobs_found else []
        quiet_s = max(one.quiet_s for one in (*found.runs, *beside))
        slowest_s = max(one.seconds for one in (*found.runs, *beside))
        self._quick = Patience(max(2.0, 5 * quiet_s), max(10.0, 10 * slowest_s))
        self._sure = Patience(max(6.0, 10 * quiet_s), max(20.0, 20 * slowest_s))
        if self._timeout_s is not None:
            self._quick = self._sure = Patience(self._timeout_s, self._timeout_s)
        return found

    def try_all(self, trials: Iterable[Trial], until_s: Callable[[], float]) -> Iterator[Tried]:
        """Run trials in their order until a point in time; yield them as they end."""
        waiting: dict[Future[Played], Trial] = {}
        left = iter(trials)
        while not self.stopped.is_set():
            while len(waiting) < self.beside.jobs and time.monotonic() < until_s():
                trial = next(left, None)
                if trial is None:
                    break
                waiting[self._pool.submit(self.run, trial.schedule)] = trial
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for one in done:
                played = one.result()
                if not self.stopped.is_set():
                    yield Tried(waiting[one], played, self.judge.problem(played))
                del waiting[one]

    def run(self, schedule: Schedule, *, surely: bool = False) -> Played:
        """Run the command once; `surely` with all the time that it may need."""
        patience = self._sure if surely else self._quick
        extra_s = schedule.delay_s + (30.0 if surely and schedule.octets else 0.0)
        return self._player.play(
            schedule, Patience(patience.quiet_s + schedule.hold_s, patience.total_s + extra_s)
        )

    def run_directly(self, found: Baseline) -> None:
        """Run it without the relay, as often as a failure is confirmed."""
        while len(found.direct) < RUNS and not self.stopped.is_set():
            self.tell(f"without the relay, {len(found.direct) + 1} of {RUNS}")
            played = self._player.play_directly(self._sure)
            found.direct.append(played)
            problem = self.judge.problem(played)
            if problem is not None:
                found.direct_problems.append(problem)

    def run_late(self, found: Baseline) -> None:
        """Run it with replies that come later, then with the first byte of one alone."""
        late = Schedule(is_late=True)
        while len(found.late) < _LEAST_UNCUT and not self.stopped.is_set():
            found.late.append(self.run(late, surely=True))
        withheld = withholding(found.runs[-1]) if found.unread else None
        while withheld and len(found.withheld) < _LEAST_UNCUT and not self.stopped.is_set():
            found.withheld.append(self.run(withheld, surely=True))

    def confirm(self, schedule: Schedule) -> Minimum | None:
        """Run a schedule again and again, alone, by turns with uncut; None if it never fails."""
        failed = runs = uncut_failed = 0
        last: tuple[Problem, Played] | None = None
        wanted = RUNS
        while runs < wanted and not self.stopped.is_set():
            runs += 1
            self.tell(f"again, {runs} of {wanted}: {schedule}")
            played, uncut = (self.run(one, surely=True) for one in (schedule, UNCUT))
            problem = self.judge.problem(played)
            uncut_failed += self.judge.problem(uncut) is not None
            if problem is not None:
                failed += 1
                last = problem, played
            wanted = PAIRS if 0 < failed < runs else wanted
        if last is None or self.stopped.is_set():
            return None
        return Minimum(schedule, *last, Confirmation(failed, runs, uncut_failed))

    def confirm_alike(self, schedule: Schedule, kind: str) -> Minimum | None:
        """Confirm sooner what fails as something known does: once alone, then side by side.

        Returns:
            None where it doesn't fail so each time, or uncut runs beside it fail, too.

        """
        pairs = [schedule, UNCUT] * RUNS
        plays = [self.run(schedule, surely=True)]
        while pairs and not self.stopped.is_set():
            plays += self._at_once([pairs.pop() for _ in range(min(len(pairs), self.beside.jobs))])
        problems = [(one, self.judge.problem(one)) for one in plays]
        failed = [(what, one) for one, what in problems if what and what.kind == kind]
        wrong_uncut = sum(what is not None for one, what in problems if one.schedule == UNCUT)
        if self.stopped.is_set() or wrong_uncut or len(failed) <= RUNS:
            return None
        return Minimum(schedule, *failed[-1], Confirmation(RUNS, RUNS, 0))

    def _at_once(self, schedules: Sequence[Schedule]) -> list[Played]:
        """Run so many side by side."""
        begun = [self._pool.submit(self.run, one, surely=True) for one in schedules]
        return [one.result() for one in begun]

    def shrink(self, schedule: Schedule, problem: Problem, sizes: Sizes, most_s: float) -> Schedule:
        """Return a schedule with as few cuts as can be that fails alike."""
        cuts = schedule.cuts or every_cut(sizes, schedule.octets, _MOST_SHRINKING_CUTS)
        if len(cuts) < 2 and schedule.cuts:
            return schedule
        until_s = time.monotonic() + most_s
        left = _MOST_SHRINKING_RUNS

        def fails(tried: Sequence[Cut]) -> bool:
            found = self.judge.problem(self.run(_with_cuts(schedule, tried)))
            return found is not None and found.kind == problem.kind

        if not cuts or (schedule.octets and not fails(cuts)):
            return schedule
        smallest = tuple(cuts)
        search = shrinking(cuts)
        try:
            tried = next(search)
            while left and time.monotonic() < until_s and not self.stopped.is_set():
                left -= 1
                self.tell(f"fewer cuts: {len(tried)} of {len(cuts)}")
                has_failed = fails(tried)
                if has_failed and len(tried) < len(smallest):
                    smallest = tried
                tried = search.send(has_failed)
        except StopIteration as done:
            smallest = done.value
        return _with_cuts(schedule, smallest)

    def _find_beside(self, alone: list[Played]) -> list[Played]:
        """Find how many may run at once; return the runs that showed it."""
        shown: list[Played] = []

        def run(number: int) -> list[Played]:
            self.tell(f"uncut, {number} at once")
            ended = self._at_once([UNCUT] * number)
            shown.extend(ended)
            return ended

        self.beside = find_beside(alone, self.judge, run, _FINDING_S)
        return shown

    def _add_uncut(self, found: Baseline) -> None:
        self.tell(f"uncut, run {len(found.runs) + 1}")
        played = self.run(UNCUT)
        found.runs.append(played)
        problem = self.judge.problem(played)
        if problem is not None:
            found.problems.append(problem)


def _with_cuts(schedule: Schedule, cuts: Sequence[Cut]) -> Schedule:
    return Schedule(cuts=tuple(cuts), hold_s=schedule.hold_s)
