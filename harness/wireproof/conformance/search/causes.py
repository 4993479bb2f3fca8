"""The causes that are known: findings with one signature and one minimum are one of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from wireproof.conformance.execution.failure import Seen
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.search.inquiry import is_explained_by
from wireproof.conformance.search.pursuit import Finding


@dataclass(slots=True)
class FoundCause:
    """One cause of findings.

    Attributes:
        id: C1, C2 and so on.
        finding: that showed it first, under the requirement that fits it.
        requirements: IDs of those that have met it, the one that fits first.
        proven: conversations that fail for it, less all that it doesn't need.

    """

    id: str
    finding: Finding
    requirements: list[str] = field(default_factory=list)
    proven: set[Plan] = field(default_factory=set)

    def meet(self, requirement: str) -> None:
        """Note that a requirement has met it."""
        if requirement in self.requirements:
            return
        if requirement == self.finding.requirement.id:
            self.requirements.insert(0, requirement)
        else:
            self.requirements.append(requirement)

    def finding_of(self, requirement: Requirement) -> Finding:
        """Return the finding of another requirement that has met it."""
        return replace(self.finding, requirement=requirement)


class FoundCauses:
    """All that are known of one server."""

    def __init__(self) -> None:
        """Begin with none."""
        self._all: list[FoundCause] = []
        self._met: FoundCause | None = None

    def __iter__(self) -> Iterator[FoundCause]:
        """Yield them in the order in which they were found."""
        return iter(self._all)

    @property
    def silence(self) -> bool:
        """Whether the server is known to fall silent."""
        return any(one.finding.failing.failure.seen is Seen.NOTHING for one in self._all)

    @property
    def is_anything(self) -> bool:
        """Whether there is one."""
        return bool(self._all)

    def explains(self, search: Search, failing: Failing, *, by_signature: bool) -> bool:
        """Whether a plan fails for one of them; see `inquiry.is_explained_by`."""
        for one in self._all:
            known = one.finding
            enough = by_signature and failing.signature.is_like(known.failing.signature)
            what = known.failing, known.condition, one.proven
            if enough or is_explained_by(search, failing, *what):
                self._met = one
                return True
        return False

    def met(self) -> FoundCause | None:
        """Return the cause that has explained a plan since the last time that this was asked."""
        met, self._met = self._met, None
        return met

    def headed_by(self, requirement: str) -> FoundCause | None:
        """Return the first cause that a requirement fits: its smallest conversation breaks it."""
        return next((one for one in self._all if one.finding.requirement.id == requirement), None)

    def add(self, finding: Finding) -> FoundCause:
        """Return the cause of a finding: a known one of its signature and minimum, or a new one."""
        for one in self._all:
            known, new = one.finding.failing, finding.failing
            if known.plan == new.plan and known.signature.is_like(new.signature):
                return one
        cause = FoundCause(f"C{len(self._all) + 1}", finding)
        self._all.append(cause)
        return cause
