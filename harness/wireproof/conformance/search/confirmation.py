"""Holding a failing conversation again, to know how often it fails."""

import time
from dataclasses import dataclass

from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.subject import Subject

_MOST_RUNS = 20
_MORE_S = 0.5
_QUICK_S = 0.25


@dataclass(frozen=True, slots=True)
class Again:
    """How often a conversation failed again.

    Attributes:
        failed: so often.
        runs: of so many.

    """

    failed: int
    runs: int

    @property
    def is_certain(self) -> bool:
        """Whether it failed each time."""
        return self.failed == self.runs

    def is_surer_than(self, other: "Again") -> bool:
        """Whether it failed in a larger share of the runs."""
        return self.failed * max(1, other.runs) > other.failed * max(1, self.runs)


def held_again(search: Search, subject: Subject, failing: Failing) -> Again:
    """Hold a failing conversation again on fresh connections.

    The first of these runs waits as long as a replay does: what is only slow holds then. The others
    need not wait for the same silence as long, and may be over before it is, unless one of them
    holds then. Before every other run a plain exchange is held, before each where the first waits:
    a server that keeps something from one conversation to the next may fail by turns. And what
    fails at once is held some more times, since chance likes to keep for three.
    """
    waits = failing.failure.kind is FailureKind.SILENCE
    if waits and subject.concurrent and search.executor.overlaps:
        again = _beside_the_first(search, subject, failing)
        if again.runs == subject.depth.confirmations and again.is_certain:
            return again
        if again.runs == 1:
            return _more(search, subject, failing, again)
    failed = search.run(failing.plan) is not None
    return _more(search, subject, failing, Again(int(failed), 1))


def _beside_the_first(search: Search, subject: Subject, failing: Failing) -> Again:
    """Hold it again, the others while the first run waits, if that keeps nobody from being served.

    Whether the server lives is not asked meanwhile: what waits may be what keeps it busy.
    """
    executor = search.executor
    failed = runs = 0

    def hold_others() -> None:
        nonlocal failed, runs
        while runs < subject.depth.confirmations - 1:
            if executor.execute_plain(subject.plain(), executor.shrink_timeout_s) is not None:
                return
            failure = executor.execute(failing.plan, search.confirmation_timeout_s()).failure
            failed += failure is not None and failure.kind is FailureKind.SILENCE
            runs += 1

    glance_s = search.confirmation_timeout_s()
    outcome = executor.execute_patiently(failing.plan, glance_s, hold_others)
    failed += search.judged(failing.plan, outcome) is not None
    return Again(failed, runs + 1)


def _more(search: Search, subject: Subject, failing: Failing, first: Again) -> Again:
    """Hold it some more times after the first."""
    count, failed, runs = subject.depth.confirmations, first.failed, first.runs
    more_until_s = took_s = 0.0
    while runs < count or (
        failed == runs < _MOST_RUNS and took_s < _QUICK_S and time.monotonic() < more_until_s
    ):
        if runs % 2 == 0:
            search.executor.execute_plain(subject.plain(), search.executor.shrink_timeout_s)
        begun_s = time.monotonic()
        failed += search.run(failing.plan, search.confirmation_timeout_s()) is not None
        took_s = time.monotonic() - begun_s
        runs += 1
        if runs == count:
            more_until_s = time.monotonic() + _MORE_S
    return Again(failed, runs)
