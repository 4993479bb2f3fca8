"""Every smallest conversation fails its own replay: a property over faults of the zoo."""

from pathlib import Path

import pytest

from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.evidence.case import read_case, run_case
from wireproof.conformance.evidence.files import write_evidence
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import Verdict
from wireproof.target import parse_target, resolve
from wireproof.wire.reference import ReferenceServer

SOME = ("BASE-ANSWER", "CLOSE-HALF", "SEG-SINGLE", "COAL-MANY", "FRAME-EXACT", "OCTET-ALL")


@pytest.mark.parametrize(
    "fault",
    [
        "answers-twice",
        "closes-after-reply",
        "closes-on-one-byte",
        "half-close-means-gone",
        "insists-on-utf8",
        "lf-to-crlf",
        "no-space",
        "quit-closes",
        "says-farewell",
        "trailing-newline",
    ],
)
def test_a_minimum_fails_its_own_replay(fault: str, tmp_path: Path) -> None:
    """Each time, with all the time that there is, and it asks nothing that the protocol forbids."""
    protocol = find_protocol("timestamp-echo")
    chosen = [one for one in catalogue_for(protocol) if one.id in SOME]
    diag = open_diag()
    assert diag is not None
    with diag, ReferenceServer("--fault", fault) as server:
        target = resolve(parse_target(server.target))[0]
        runner = Runner(target, protocol, DEPTHS["quick"], seed=5, diag=diag)
        lines = list(runner.judge(chosen))
        causes = list(runner.causes)
        assert causes
        assert {line.result.cause for line in lines} - {""} <= {cause.id for cause in causes}
        for cause in causes:
            finding = cause.finding
            assert finding.failed == finding.runs, finding.sentence
            assert runner.subject.allows(finding.failing.plan)
            paths = write_evidence(
                tmp_path / cause.id,
                finding,
                target=target,
                protocol=protocol,
                protocol_name="timestamp-echo",
                settings={},
                timeout_s=runner.executor.timeout_s,
            )
            recorded = next(path for path in paths if path.endswith("replay.json"))
            case = read_case(tmp_path / cause.id / recorded)
            replayed = run_case(case, runner.executor, protocol, 3)
            assert str(replayed) == "FAILS 3 of 3", finding.sentence
    verdicts = {line.result.verdict for line in lines}
    assert verdicts & {Verdict.FAIL, Verdict.NON_STRICT}
