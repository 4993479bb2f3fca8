"""Whether what connections leave behind stays for ever, or a time limit of the server's ends it.

A server that overlooks the end of a connection now and then may still close it in the end: those
that log in are often given some minutes to do so. Where each connection leaves something behind
that is not waited for.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from wireproof.conformance.execution.failure import Owed, Seen
from wireproof.conformance.execution.server.released import ServerResources
from wireproof.conformance.plans.plan import CountDescriptors, Look, Plan, Rounds
from wireproof.conformance.search.pursuit import Finding
from wireproof.deadline import Deadline

GIVEN_BACK_S = 240.0
"""Dovecot gives 180 s to log in, sshd 120 s."""


def with_release(
    finding: Finding, look: Callable[[], ServerResources], most_s: float = GIVEN_BACK_S
) -> Finding:
    """Return a finding that says whether what only some connections left is given back later.

    Args:
        finding: of any kind.
        look: looks at the server's processes as they are.
        most_s: for how long that is waited for.

    """
    failing = finding.failing
    connections = _counted(failing.plan)
    if failing.failure.owed is not Owed.RELEASE or not connections:
        return finding
    kept = look().kept_of_late(finding.failed)
    is_certain = finding.failed == finding.runs and min(kept, default=0) * 2 >= connections
    begun_s = time.monotonic()
    if not kept or is_certain or not look().await_given_back(Deadline(most_s)):
        return finding
    took_s = time.monotonic() - begun_s
    message = f"{failing.failure.message}, of which none is left {took_s:.0f} s later"
    late = msgspec.structs.replace(failing.failure, message=message, seen=Seen.LATE)
    return replace(finding, failing=replace(failing, failure=late))


def _counted(plan: Plan) -> int:
    """Return how many connections end between the first count of descriptors and the last."""
    in_rounds = sum(
        one.connections * (one.rounds - 1) // one.rounds
        for one in plan.actions
        if isinstance(one, Rounds) and one.look is Look.DESCRIPTORS
    )
    counts = sum(isinstance(one, CountDescriptors) for one in plan.actions)
    return in_rounds or max(0, counts - 1)
