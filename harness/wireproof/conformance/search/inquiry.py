"""The cause by experiment: the smallest failing conversation without each of its features."""

from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.search.features import (
    ABLATIONS,
    Condition,
    Feature,
    stand_ins,
    with_another,
    without,
)
from wireproof.conformance.subject import Subject
from wireproof.deadline import Deadline

_MOST_STAND_INS = 10
_LONGEST_REPLACED = 64
"""Requests; a conversation of more is about their number."""


def inquire(
    search: Search, subject: Subject, smallest: Failing, first: Failing, until: Deadline
) -> tuple[Failing, Condition]:
    """Return the conversation with what it needs alone, and what that is.

    Args:
        search: executes and judges.
        subject: knows other requests, and what the protocol allows.
        smallest: fails.
        first: what failed at first; what it had and `smallest` has not makes no difference.
        until: then what is left untried counts as needed.

    """
    needed: set[Feature] = set()
    needless: set[Feature] = set()
    for feature in ABLATIONS:
        connection = smallest.failure.connection
        plan = without(feature, smallest.plan, connection)
        if plan is None:
            if without(feature, first.plan, first.failure.connection) is not None:
                needless.add(feature)
            continue
        found = None
        if subject.allows(plan) and not until.expired:
            found = search.fails_alike(plan, smallest.signature)
        if found is None:
            needed.add(feature)
        else:
            smallest = found
            needless.add(feature)
    fails_with, holds_with = _exchanged(search, subject, smallest, until)
    if holds_with:
        needed.add(Feature.REQUEST)
    elif fails_with:
        needless.add(Feature.REQUEST)
    condition = Condition(
        frozenset(needed), frozenset(needless), tuple(fails_with), tuple(holds_with)
    )
    return smallest, condition


def _exchanged(
    search: Search, subject: Subject, smallest: Failing, until: Deadline
) -> tuple[list[bytes], list[bytes]]:
    """Return with which other requests the conversation fails, and with which it holds."""
    fails_with: list[bytes] = []
    holds_with: list[bytes] = []
    requests = [one for each in smallest.plan.requests for one in each]
    if not requests or len(requests) > _LONGEST_REPLACED:
        return fails_with, holds_with
    for request in stand_ins(subject, max(requests, key=len)):
        tried = len(fails_with) + len(holds_with)
        if until.expired or tried == _MOST_STAND_INS:
            break
        plan = with_another(smallest.plan, request)
        if plan is not None and subject.allows(plan):
            fails = search.fails_alike(plan, smallest.signature) is not None
            (fails_with if fails else holds_with).append(request)
    return fails_with, holds_with


def is_explained_by(
    search: Search, failing: Failing, smallest: Failing, condition: Condition
) -> bool:
    """Whether a conversation fails for a known cause: without what that needs it must hold.

    Args:
        search: executes and judges.
        failing: the conversation.
        smallest: what is known to show the cause.
        condition: what the cause needs.

    """
    if not failing.signature.covers(smallest.signature):
        return False
    for feature in condition.needed:
        if feature is Feature.REQUEST:
            changed = with_another(failing.plan, condition.holds_with[0])
        else:
            changed = without(feature, failing.plan, failing.failure.connection)
        if changed is None or search.fails_at_all(changed):
            return False
    return search.fails_alike(smallest.plan, smallest.signature) is not None
