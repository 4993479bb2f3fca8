"""The outcome of a result: the one answer that exit code and reports give alike."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wireproof.causes import Cause
from wireproof.results.records import Results, Verdict

_EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the answer rests on.

    Attributes:
        verdicts: requirements by verdict, in the order of `Verdict`, none of them zero.
        causes: for which requirements are not kept.
        broken: requirements that are not kept for one of them.
        objectives: of the load.
        missed: of these.
        wrong_replies: under load and on the ladder.
        failures: of requests under load, with no objective that judges them.
        unanswered: whether there was a load of which nothing was answered.
        partial: whether the run ended before all of it was done.

    """

    verdicts: Mapping[Verdict, int]
    causes: int
    broken: int
    objectives: int
    missed: int
    wrong_replies: int
    failures: int
    unanswered: bool
    partial: bool

    @property
    def word(self) -> Verdict:
        """FAIL for a finding, INCONCLUSIVE for what could not be settled, PASS when all holds.

        A wrong reply under load is a finding, as is a missed objective; a load of which nothing
        was answered settles nothing.
        """
        if self.wrong_replies or self.missed or any(one.is_finding for one in self.verdicts):
            return Verdict.FAIL
        if self.unanswered or self.partial or not all(one.is_settled for one in self.verdicts):
            return Verdict.INCONCLUSIVE
        return Verdict.PASS

    @property
    def exit_code(self) -> int:
        """0 for PASS, 1 for FAIL, 3 for INCONCLUSIVE."""
        return _EXIT_CODES[self.word]


def outcome(results: Results) -> Outcome:
    """Return the outcome of all that a command measured."""
    counts = Counter(line.verdict for line in results.check.requirements) if results.check else {}
    causes = results.check.causes if results.check else []
    load, backlog = results.load, results.backlog
    objectives = load.slo if load else []
    failures = [load.failures] if load else []
    failures += [rung.failures for rung in backlog.ladder] if backlog else []
    return Outcome(
        verdicts=MappingProxyType({one: counts[one] for one in Verdict if one in counts}),
        causes=len(causes),
        broken=len({one for cause in causes for one in cause.requirements}),
        objectives=len(objectives),
        missed=sum(not objective["met"] for objective in objectives),
        wrong_replies=sum(one.get(Cause.WRONG_REPLY, 0) for one in failures),
        failures=sum(load.failures.values()) if load and not objectives else 0,
        unanswered=load is not None and load.right <= 0,
        partial=results.partial,
    )
