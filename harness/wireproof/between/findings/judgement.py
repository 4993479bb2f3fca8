"""What is asked of a whole judgement, and all that it found."""

from collections import defaultdict
from dataclasses import dataclass, field

from wireproof.between.findings.blame import Blame
from wireproof.between.runs.beside import Beside
from wireproof.between.trying.baseline import Baseline
from wireproof.between.trying.borders import Framers
from wireproof.between.trying.confirming import Confirmation
from wireproof.between.trying.requirements import BY_ID
from wireproof.between.trying.search import Minimum, Tried
from wireproof.target import Target


@dataclass(frozen=True, slots=True)
class BetweenSpec:
    """What is asked.

    Attributes:
        words: of the command.
        target: the server, resolved.
        own: where the relay listens, resolved; port 0 stands for a free one.
        depth: a key of `DEPTHS`.
        seed: of what is drawn.
        jobs: commands at once; None for as many as is safe.
        same_output: whether the output has to be the same, too.
        timeout_s: for each run; None for what it should need.
        expect: what the command must do where a stream breaks off; empty for whatever it likes.
        budget_s: for all schedules; None for the depth's.
        wanted: IDs of the requirements to try.
        framers: say where messages end; for a direction without one, turns and writes do.
        is_canned: whether the server only plays what a recording has of one.

    """

    words: tuple[str, ...]
    target: Target
    own: Target
    depth: str = "default"
    seed: int = 0
    jobs: int | None = None
    same_output: bool = False
    timeout_s: float | None = None
    expect: str = ""
    budget_s: float | None = None
    wanted: frozenset[str] = frozenset(BY_ID)
    framers: Framers = field(default_factory=dict)
    is_canned: bool = False

    @property
    def is_reached_directly(self) -> bool:
        """Whether the command can speak to the server as it does to the relay."""
        return self.own.scheme == self.target.scheme and not self.target.prelude


@dataclass(frozen=True, slots=True)
class Cause:
    """A failure, and what it is seen in.

    Attributes:
        id: C1 for the first.
        minimum: the smallest schedule that shows it.
        blame: which side broke.
        requirements: IDs, first the one that it was found by.

    """

    id: str
    minimum: Minimum
    blame: Blame
    requirements: list[str]


@dataclass(slots=True)
class Judgement:
    """All that was found.

    Attributes:
        baseline: uncut runs.
        planned: requirements for which there is something to try.
        tried: trials, by requirement.
        causes: in the order in which they were found.
        cause_of: by requirement.
        doubts: failures that are none for certain, by requirement: how often.
        beside: how many commands ran at once.
        only_beside: failures that were none alone.
        runs: of the command.
        seconds: altogether.
        is_whole: whether all was done that was to be.

    """

    baseline: Baseline
    planned: set[str] = field(default_factory=set)
    tried: dict[str, list[Tried]] = field(default_factory=lambda: defaultdict(list))
    causes: list[Cause] = field(default_factory=list)
    cause_of: dict[str, Cause] = field(default_factory=dict)
    doubts: dict[str, tuple[Confirmation | None, Tried]] = field(default_factory=dict)
    beside: Beside = field(default_factory=Beside)
    only_beside: int = 0
    runs: int = 0
    seconds: float = 0.0
    is_whole: bool = True

    @property
    def is_stable(self) -> bool:
        """Whether the command ended well each time that nothing was done to it."""
        return not self.baseline.problems and bool(self.baseline.runs)

    def failures(self, requirement: str) -> list[Tried]:
        """Return the trials of a requirement that failed, smallest schedules first."""
        failed = [one for one in self.tried[requirement] if one.problem is not None]
        return sorted(failed, key=lambda one: len(one.trial.schedule.cuts))
