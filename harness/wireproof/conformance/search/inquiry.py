"""The cause by experiment: the smallest failing conversation without each of its features."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from wireproof.conformance.execution.failure import Owed, Phase, Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.search.features import (
    ABLATIONS,
    UNKNOWN,
    Condition,
    Feature,
    had,
    joined,
    segments_as_requests,
    stand_ins,
    with_another,
    without,
)
from wireproof.conformance.subject import Subject
from wireproof.deadline import Deadline

_MOST_STAND_INS = 10
_ENOUGH_STAND_INS = 2
"""That fail, the smallest and the plainest request among them: then it is no matter which."""
_LONGEST_REPLACED = 4096
"""Requests of a conversation."""
_GLANCES = 3
"""At one, what is only slow looks silent."""
_MOST_ALONE = 3
_MOST_SHIFTS = 6
_LEAST_READ_BYTES = 512
"""Less fits into any server's read."""
_STRIPPED: list[Feature] = [feature for feature in ABLATIONS if feature is not Feature.EARLIER]
"""What can be left out of a conversation that isn't small yet, without losing what matters."""


class Inquiry:
    """Experiments with one failing conversation.

    Attributes:
        smallest: the conversation, with no more than it needs so far.

    """

    def __init__(
        self, search: Search, subject: Subject, smallest: Failing, first: Failing, seconds: float
    ) -> None:
        """Prepare.

        Args:
            search: executes and judges.
            subject: knows other requests, and what the protocol allows.
            smallest: fails.
            first: failed at first; what it had and `smallest` has not makes no difference.
            seconds: after which what is left untried counts as needed.

        """
        self.smallest = smallest
        self._search = search
        self._subject = subject
        self._first = first
        self._seconds = seconds
        self._until = Deadline(seconds)
        self._needed: set[Feature] = set()
        self._needless: set[Feature] = set()
        self._fails_with: dict[bytes, None] = {}
        self._holds_with: dict[bytes, None] = {}

    def leave_out(self) -> None:
        """Leave out each feature, for good where the conversation fails all the same."""
        for feature in ABLATIONS:
            failing = self.smallest
            if not had(feature, failing.plan, failing.failure):
                if had(feature, self._first.plan, self._first.failure):
                    self._needless.add(feature)
                continue
            found = next(
                filter(None, map(self._tried, _without(feature, failing, self._subject))), None
            )
            if found is None:
                self._needed.add(feature)
            else:
                self.smallest = found
                self._needless.add(feature)

    def exchange(self) -> None:
        """Put other requests in the place of its own, and keep the simplest that fails."""
        requests = [one for each in self.smallest.plan.requests for one in each]
        if not requests or len(requests) > _LONGEST_REPLACED:
            return
        own = max(requests, key=len)
        simplest = self.smallest
        self._until = Deadline(self._seconds)
        for request in stand_ins(self._subject, own):
            tried = len(self._fails_with) + len(self._holds_with)
            if self._until.expired or tried == _MOST_STAND_INS:
                break
            plan = with_another(self.smallest.plan, request)
            if plan is None or not self._subject.allows(plan):
                continue
            found = self._search.in_haste(plan)
            if found is None or not _is_about_replies(found):
                self._holds_with[request] = None
            else:
                self._fails_with[request] = None
                simplest = min(found, simplest, key=_simplicity)
        if simplest is not self.smallest:
            self._fails_with[own] = None
            self.smallest = simplest

    def leaves_out_still(self, plan: Plan) -> bool:
        """Say whether a smaller conversation has nothing again that was needless."""
        failure = self.smallest.failure
        if failure.connection >= len(plan.requests):  # of fewer connections the last is meant
            failure = msgspec.structs.replace(failure, connection=len(plan.requests) - 1)
        return self._subject.allows(plan) and not any(
            had(feature, plan, failure) for feature in self._needless
        )

    @property
    def condition(self) -> Condition:
        """What has been found out."""
        smallest = self.smallest
        needed = set(self._needed)
        needless = {one for one in self._needless if not had(one, smallest.plan, smallest.failure)}
        if self._holds_with:
            needed.add(Feature.REQUEST)
        elif len(self._fails_with) >= _ENOUGH_STAND_INS:
            needless.add(Feature.REQUEST)
        return Condition(
            frozenset(needed),
            frozenset(needless - needed),
            tuple(self._fails_with),
            tuple(self._holds_with),
        )

    def _tried(self, plan: Plan) -> Failing | None:
        if self._until.expired or not self._subject.allows(plan):
            return None
        found = self._search.in_haste(plan)
        return found if found is not None and _is_about_replies(found) else None


def _without(feature: Feature, failing: Failing, subject: Subject) -> Iterator[Plan]:
    """Yield the conversation without a feature: requests may be apart or one, segments requests."""
    plan = without(feature, failing.plan, failing.failure.connection)
    if plan is not None:
        yield plan
    if feature is Feature.PIPELINING and (one := joined(failing.plan, subject)):
        yield one
    if feature is Feature.CUTS:
        yield from segments_as_requests(failing.plan, subject)


def _simplicity(failing: Failing) -> tuple[object, ...]:
    """Order conversations by size, then by how plain their bytes are to read."""
    text = b"".join(one for each in failing.plan.requests for one in each)
    return (failing.plan.size, not text.isalnum(), text)


def _is_about_replies(failing: Failing) -> bool:
    opened = failing.failure.phase not in {Phase.CONNECTING, Phase.OPENING, Phase.OVER}
    return opened and failing.failure.owed in {Owed.REPLY, Owed.NOTHING}


def is_explained_by(
    search: Search, failing: Failing, smallest: Failing, condition: Condition, proven: set[Plan]
) -> bool:
    """Whether a conversation fails for a known cause.

    Less what the cause doesn't need it must fail as the cause does; less what it needs, hold.

    Args:
        search: executes and judges.
        failing: the conversation.
        smallest: what is known to show the cause.
        condition: what the cause needs.
        proven: conversations of which all that is known, less what the cause doesn't need.

    """
    if condition is UNKNOWN:
        return False
    whole = _stripped_at_once(search, failing, condition)
    if whole in proven:  # other requirements came to it as well; the experiments were made then
        alike = whole != failing.plan or failing.signature.is_like(smallest.signature)
        return alike and search.fails_alike(smallest.plan, smallest.signature) is not None
    at_once = None if whole == failing.plan else search.in_haste(whole, glances=_GLANCES)
    is_whole = at_once is not None and at_once.signature.is_like(smallest.signature)
    stripped = at_once if is_whole else _stripped(search, failing, condition)
    if stripped is None or not stripped.signature.is_like(smallest.signature):
        told = search, failing, smallest, condition
        return _is_explained_by_one(*told) or _is_cut_by_reads(*told) or _is_answered_early(*told)
    for feature in condition.needed:
        if not _holds_without(feature, search, stripped, smallest, condition):
            return False
    if search.fails_alike(smallest.plan, smallest.signature) is None:
        return False
    explained = is_whole or search.in_haste(stripped.plan, glances=_GLANCES) is not None
    if explained and stripped.plan == whole:
        proven.add(whole)
    return explained


def _is_explained_by_one(
    search: Search, failing: Failing, smallest: Failing, condition: Condition
) -> bool:
    """Whether one of its requests alone fails as the cause does; with others it must hold, then.

    What follows a missing reply stands in its place, so the whole fails in another way.
    """
    if condition.needed - {Feature.REQUEST}:
        return False
    own = failing.plan.requests[failing.failure.connection]
    for request in [*dict.fromkeys(own)][:_MOST_ALONE]:
        is_own = all({*each} <= {request} for each in smallest.plan.requests)
        plan = smallest.plan if is_own else with_another(smallest.plan, request)
        if plan is None or not search.subject.allows(plan):
            continue
        found = search.in_haste(plan, glances=_GLANCES)
        if found is not None and found.signature.is_like(smallest.signature):
            break
    else:
        return False
    if Feature.REQUEST not in condition.needed:
        return True
    changed = with_another(failing.plan, condition.holds_with[0])
    return changed is not None and search.in_haste(changed, glances=_GLANCES) is None


def _holds_without(
    feature: Feature, search: Search, failing: Failing, smallest: Failing, condition: Condition
) -> bool:
    """Whether a conversation holds less what a cause needs; with another request, if with any."""
    if feature is not Feature.REQUEST:
        changed = without(feature, failing.plan, failing.failure.connection)
        return changed is not None and search.in_haste(changed) is None
    cut = Feature.CUTS in condition.needed
    if cut and failing.plan.requests == smallest.plan.requests:
        return True  # in another request another place would be cut
    others = [*filter(None, (with_another(failing.plan, one) for one in condition.holds_with))]
    if not others:
        return cut  # none is long enough to be cut there
    return any(search.in_haste(one) is None for one in others)


def _is_cut_by_reads(
    search: Search, failing: Failing, smallest: Failing, condition: Condition
) -> bool:
    """Whether the server's own reads cut requests that were sent at once, where a cut matters.

    What is more than a read takes is cut by it. Requests of other lengths in front put that cut
    elsewhere, and more is sent: if then all holds, the place was what mattered, and not how much.
    What is read in the wrong place may be too much for a server, so that it fails in another way.
    """
    plan = failing.plan
    if (
        Feature.CUTS not in condition.needed
        or Feature.PIPELINING in condition.needed
        or plan.cuts
        or len(plan.requests) != 1
        or sum(map(len, plan.requests[0])) < _LEAST_READ_BYTES
    ):
        return False
    own = plan.requests[0]
    shifts = {len(one) % len(own[-1]): one for one in search.subject.requests[::-1]}
    shifts.pop(0, None)
    for request in [*shifts.values()][:_MOST_SHIFTS]:
        shifted = single((request, *own))
        if search.subject.allows(shifted) and search.in_haste(shifted, glances=_GLANCES) is None:
            return search.fails_alike(smallest.plan, smallest.signature) is not None
    return False


def _is_answered_early(
    search: Search, failing: Failing, smallest: Failing, condition: Condition
) -> bool:
    """Whether a part that is held is answered by a server that answers parts all the same.

    The part may be right by itself, so that only the pause shows it; cut elsewhere, and not held,
    the same requests must fail as the cause does.
    """
    plan = failing.plan
    own = plan.requests[0] if len(plan.requests) == 1 else ()
    if (
        Feature.CUTS not in condition.needed
        or Feature.PAUSES in condition.needed
        or not plan.cuts
        or not had(Feature.PAUSES, plan, failing.failure)
        or failing.failure.seen is not Seen.MORE
        or smallest.failure.seen not in {Seen.MORE, Seen.OTHER}
        or not own
        or len(own[-1]) < 2
    ):
        return False
    elsewhere = single(own, [sum(map(len, own[:-1])) + 1], lock_step=True)
    found = search.in_haste(elsewhere, glances=_GLANCES)
    alike = found is not None and found.signature.is_like(smallest.signature)
    return alike and search.fails_alike(smallest.plan, smallest.signature) is not None


def _stripped_at_once(search: Search, failing: Failing, condition: Condition) -> Plan:
    """Return a conversation less all that a cause doesn't need, as far as that can be left out."""
    plan, failure = failing.plan, failing.failure
    for feature in _needless_in(condition):
        if had(feature, plan, failure):
            stripped = replace(failing, plan=plan, failure=failure)
            plan = next(_without(feature, stripped, search.subject), plan)
            if len(plan.requests) == 1:
                failure = msgspec.structs.replace(failure, connection=0)
    return plan if search.subject.allows(plan) else failing.plan


def _stripped(search: Search, failing: Failing, condition: Condition) -> Failing | None:
    """Return the same, where it still fails when one after the other is left out."""
    stripped = failing
    for feature in _needless_in(condition):
        if had(feature, stripped.plan, stripped.failure):
            others = _without(feature, stripped, search.subject)
            found = next(filter(None, map(search.in_haste, others)), None)
            if found is None:
                return None
            stripped = found
    return stripped


def _needless_in(condition: Condition) -> list[Feature]:
    return [feature for feature in _STRIPPED if feature not in condition.needed]
