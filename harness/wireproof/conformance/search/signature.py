"""By what two failures are told to be of one kind: what shrinking keeps, and causes share."""

from dataclasses import dataclass
from enum import StrEnum

from wireproof.conformance.execution.failure import Failure, Owed, Phase, Seen
from wireproof.conformance.plans.plan import Await, Malformed, Plan, Push, Reset, Send, SendLast


class Whom(StrEnum):
    """To whom the server owed what it failed to do."""

    PLAIN = "a connection, with nothing odd on any"
    OWN = "the connection that did something odd"
    OTHER = "a connection beside the one that did something odd"


class Place(StrEnum):
    """At which place of its conversation that was."""

    FIRST = "before anything was answered"
    LATER = "after something had been answered"


@dataclass(frozen=True, slots=True)
class Signature:
    """What was owed and to whom, at which place, what was seen instead, and in which phase.

    Attributes:
        phase: of the connection's life.
        owed: by the server.
        seen: instead.
        whom: it was owed to.
        place: in the conversation.
        rule: the requirement whose own rule was broken, or nothing.

    """

    phase: Phase
    owed: Owed
    seen: Seen
    whom: Whom
    place: Place
    rule: str = ""

    def covers(self, other: "Signature") -> bool:
        """Whether a smaller conversation that failed as `other` failed as this one did.

        Of a smaller request less of the reply may come, which is nothing at last; what is odd
        beside the failure may turn out to be needless; and the place moves as requests go. When
        bytes are read is chance: wrong ones may be taken for surplus before a request is sent
        whole, and surplus ones may come before our end of stream or behind it.
        """
        if self.rule != other.rule or other.whom not in {self.whom, Whom.PLAIN}:
            return False
        if {self.seen, other.seen} <= _WRONG_BYTES:
            surplus = self.seen is other.seen is Seen.MORE
            late = {self.phase, other.phase} == {Phase.TALKING, Phase.ENDING}
            return self.phase is other.phase or (surplus and late)
        less = (self.seen, other.seen) == (Seen.LESS, Seen.NOTHING)
        alike = self.seen is other.seen or less
        return alike and self.phase is other.phase and self.owed is other.owed

    def is_like(self, other: "Signature") -> bool:
        """Whether one of two conversations failed as the other did."""
        return self.covers(other) or other.covers(self)


_WRONG_BYTES = {Seen.OTHER, Seen.MORE}


def signature_of(plan: Plan, failure: Failure, rule: str = "") -> Signature:
    """Return the signature of a failure; `rule` names the requirement whose judge said so."""
    return Signature(
        failure.phase,
        failure.owed,
        failure.seen,
        _whom(plan, failure),
        _place(plan, failure),
        rule,
    )


def _whom(plan: Plan, failure: Failure) -> Whom:
    odd = {
        action.connection
        for action in plan.actions[: failure.action + 1]
        if isinstance(action, Push | Malformed | Reset)
    }
    if not odd:
        return Whom.PLAIN
    return Whom.OWN if failure.connection in odd else Whom.OTHER


def _place(plan: Plan, failure: Failure) -> Place:
    """Return whether replies had been awaited: when bytes are read in between is chance."""
    own = [one for one in plan.actions[: failure.action] if one.connection == failure.connection]
    sent = [number for number, one in enumerate(own) if isinstance(one, Send | SendLast | Push)]
    awaited = sent and any(isinstance(one, Await) for one in own[sent[0] :])
    return Place.LATER if awaited else Place.FIRST
