"""One run of the catalogue against one variant."""

import time
from contextlib import ExitStack
from dataclasses import replace

from reference_server.faults import find
from tests.scores.minima import Extent, noted
from tests.scores.record import Finding, Record, Run
from tests.scores.scripts import Scripts
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.conformance.verdict import Judged
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import Verdict
from wireproof.target import parse_target, resolve
from wireproof.wire.reference import ReferenceServer

_FINDINGS = {Verdict.FAIL, Verdict.FLAKY, Verdict.NON_STRICT}
_LATER_SHRINK_S = 0.3
"""For a finding of a fault whose smallest conversation is found already. The others are made as
small as the depth allows."""
_DEAD = "a plain request gets no right answer any more"


def judge(run: Run, code: str) -> Record:
    """Judge a variant, then run the scripts of what was found."""
    variant = find(run.variant)
    assert variant is not None, run.variant
    scheme = "udp" if variant.category == "datagrams" else "tcp"
    options = ["--fault", run.variant, *(["--udp"] if scheme == "udp" else [])]
    record = Record(run=run, code=code, findings=[], notes=[])
    with ExitStack() as stack:
        server = stack.enter_context(ReferenceServer(*options))
        protocol = find_protocol("timestamp-echo")
        target = resolve(parse_target(server.target.replace("tcp://", f"{scheme}://")))[0]
        diag = open_diag()
        if diag is not None:
            stack.enter_context(diag)
        runner = Runner(target, protocol, DEPTHS[run.depth], seed=run.seed, diag=diag)
        found = _judge_all(runner, record)
        if run.scripts and found:
            scripts = Scripts(options, server, stack)
            for finding, judged in found:
                tried = judged.finding and scripts.try_one(judged.finding, runner)
                if tried:
                    finding.exits, finding.where = tried.exits, tried.where
                    record.notes += filter(None, [tried.accusation])
    return record


def _judge_all(runner: Runner, record: Record) -> list[tuple[Finding, Judged]]:
    found: list[tuple[Finding, Judged]] = []
    begun = time.monotonic()
    depth = runner.subject.depth
    variant = find(record.run.variant)
    wanted = noted(variant.smallest) if variant else None
    runner.settle()
    for requirement in catalogue_for(runner.subject.protocol):
        extents = [Extent(*finding.extent) for finding, _ in found if finding.extent]
        shrunk = not any(wanted is None or one.within(wanted) for one in extents)
        shrink_s = depth.shrink_s if shrunk else _LATER_SHRINK_S
        runner.subject = replace(runner.subject, depth=replace(depth, shrink_s=shrink_s))
        judged = runner.judge_one(requirement)
        result = judged.result
        if result.verdict in _FINDINGS:
            finding = Finding(
                requirement=result.id,
                verdict=result.verdict,
                message=result.message,
                after_s=round(time.monotonic() - begun, 2),
                extent=judged.finding.failing.plan.size[:3] if judged.finding else (),
            )
            found.append((finding, judged))
            if record.run.first_kill:
                break
        elif not result.verdict.is_settled and _DEAD not in result.message:
            record.notes.append(f"{result.id} {result.verdict}: {result.message}")
    record.seconds = round(time.monotonic() - begun, 2)
    record.plans = runner.executor.distinct
    record.findings += [finding for finding, _ in found]
    return found
