"""One run of the catalogue against one variant."""

import time
from contextlib import ExitStack

from reference_server.variants.base import Variant
from tests.scores.record import Finding, Record, Run
from tests.scores.scripts import Scripts, replayed
from tests.scores.zoos import find, protocol_of, serving
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.conformance.verdict import Judged
from wireproof.results import Verdict
from wireproof.target import parse_target, resolve

_FINDINGS = {Verdict.FAIL, Verdict.FLAKY, Verdict.NON_STRICT}
_DEAD = "a plain request gets no right answer any more"


def judge(run: Run, code: str) -> Record:
    """Judge a variant, then run the scripts of what was found."""
    variant = find(run.variant)
    assert variant is not None, run.variant
    record = Record(run=run, code=code, findings=[], notes=[])
    with ExitStack() as stack:
        target = resolve(parse_target(stack.enter_context(serving(variant))))[0]
        protocol, _ = protocol_of(variant)
        diag = open_diag()
        if diag is not None:
            stack.enter_context(diag)
        runner = Runner(target, protocol, DEPTHS[run.depth], seed=run.seed, diag=diag)
        _judge_all(runner, record)
        if run.scripts and not run.first_kill:
            _try_again(runner, record, variant, Scripts(variant, stack))
    return record


def _judge_all(runner: Runner, record: Record) -> None:
    begun = time.monotonic()
    for judged in runner.judge(catalogue_for(runner.subject.protocol)):
        for one in (judged, *judged.amended):
            _note(one, record, round(time.monotonic() - begun, 2))
        if record.findings and record.run.first_kill:
            break
    record.seconds = round(time.monotonic() - begun, 2)
    record.plans = runner.executor.distinct


def _note(judged: Judged, record: Record, after_s: float) -> None:
    result = judged.result
    if result.verdict in _FINDINGS:
        record.findings.append(
            Finding(
                requirement=result.id,
                verdict=result.verdict,
                message=result.message,
                after_s=after_s,
                extent=judged.finding.failing.plan.size[:3] if judged.finding else (),
                cause=result.cause,
            )
        )
    elif not result.verdict.is_settled and _DEAD not in result.message:
        record.notes.append(f"{result.id} {result.verdict}: {result.message}")


def _try_again(runner: Runner, record: Record, variant: Variant, scripts: Scripts) -> None:
    """Replay each cause's smallest conversation, and run its script."""
    for cause in runner.causes:
        first = next((one for one in record.findings if one.cause == cause.id), None)
        if first is None:
            continue
        again = replayed(cause.finding, runner, variant)
        first.replays = (again.failed, again.runs)
        if tried := scripts.try_one(cause.finding, runner):
            first.exits, first.where = tried.exits, tried.where
            record.notes += filter(None, [tried.accusation])
