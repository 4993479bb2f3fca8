"""Findings as the harness makes them: a plan is executed, and it fails."""

from contextlib import closing
from pathlib import Path

from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.evidence.files import write_evidence
from wireproof.conformance.execution.executor import Executor, open_diag
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.search.explore import Failing
from wireproof.conformance.search.pursuit import Finding
from wireproof.conformance.search.signature import signature_of
from wireproof.protocols.base import Protocol
from wireproof.target import Target

CUT = single([b"ab\n"], [1])
REQUIREMENT = next(one for one in GENERIC if one.id == "SEG-SINGLE")


def finding(target: Target, protocol: Protocol, plan: Plan = CUT) -> Finding:
    """Execute the plan, which fails, and return that as a finding on SEG-SINGLE."""
    diag = open_diag()
    assert diag is not None
    with closing(diag):
        outcome = Executor(target, protocol, diag, 1.0).execute(plan)
    assert outcome.failure is not None
    signature = signature_of(plan, outcome.failure)
    failing = Failing(plan, outcome, outcome.failure, signature)
    return Finding(REQUIREMENT, failing, 2, 2, "when it is cut")


def evidence(folder: Path, target: Target, protocol: Protocol, plan: Plan = CUT) -> Path:
    """Execute the plan, which fails, and return the folder with the evidence."""
    write_evidence(
        folder,
        finding(target, protocol, plan),
        target=target,
        protocol=protocol,
        protocol_name="protocol.py:Protocol",
        settings={},
        timeout_s=0.5,
    )
    return folder / "evidence" / REQUIREMENT.id
