"""The requirement that fits a cause: the one whose sentence says what was broken. Pure."""

from wireproof.conformance.execution.failure import Owed, Phase
from wireproof.conformance.plans.plan import Malformed, Plan, Reset, SendDatagram
from wireproof.conformance.search.features import Condition, Feature
from wireproof.conformance.search.signature import Signature

_CUTS = ("SEG-SINGLE", "SEG-OCTETS", "SEG-PAIRS", "SEG-SETS", "SEG-BUFFER", "SEG-LATER", "TS-CHUNK")
_SINGLE = ("SEG-SINGLE", "SEG-BUFFER", "SEG-LATER")
_REQUESTS = ("FRAME-EXACT", "OCTET-ALL", "SIZE-POWERS", "BASE-ANSWER", "TS-CHUNK")
_LARGE_BYTES = 16
"""From here on a size by which a request fails is that of a buffer."""
_DEPENDS_ON_MORE = {Feature.OTHERS, Feature.LATE_READING}


def fitting(plan: Plan, signature: Signature, condition: Condition) -> tuple[str, ...]:
    """Return the IDs that fit a conversation that fails, the best first; none where any may.

    Args:
        plan: the smallest conversation.
        signature: of its failure.
        condition: what it needs.

    """
    special = (Reset, Malformed, SendDatagram)
    if (
        len(plan.requests) > 1
        or not plan.requests[0]
        or signature.rule
        or signature.phase is not Phase.TALKING
        or signature.owed not in {Owed.REPLY, Owed.NOTHING}
        or condition.needed & _DEPENDS_ON_MORE
        or any(isinstance(action, special) for action in plan.actions)
    ):
        return ()
    if Feature.PAUSES in condition.needed:
        return ("SEG-HELD",) if plan.cuts else ("IDLE-RESUME",)
    if plan.cuts:
        if Feature.PIPELINING in condition.needed:
            return ("COAL-HALF", "COAL-MANY", *_CUTS)
        return (_SINGLE if plan.cuts == 1 else ("SEG-SETS",)) + _CUTS
    if plan.pipelines:
        return ("COAL-MANY", "COAL-HALF")
    return _of_whole_requests(plan, condition)


def _of_whole_requests(plan: Plan, condition: Condition) -> tuple[str, ...]:
    """Return what fits requests that are sent whole, each after the reply to the one before."""
    if len(plan.requests[0]) > 1:
        return _REQUESTS
    if Feature.REQUEST in condition.needless:
        return ("BASE-ANSWER", *_REQUESTS)
    size = len(plan.requests[0][0])
    others = [*map(len, condition.holds_with)]
    by_size = bool(others) and size not in others
    return ("SIZE-POWERS" if by_size and size >= _LARGE_BYTES else "FRAME-EXACT", *_REQUESTS)
