from pathlib import Path

import pytest

from tests.support.servers import Serving, shouting
from wireproof.cli.common import exit_code, find_target
from wireproof.cli.results_folder import ResultsFolder
from wireproof.errors import CannotRunError, UsageError
from wireproof.results import (
    CheckResult,
    Level,
    LoadResult,
    RequirementResult,
    Verdict,
)


def _check(*verdicts: Verdict) -> CheckResult:
    lines = [
        RequirementResult(id="A-B", title="t", level=Level.MUST, verdict=verdict)
        for verdict in verdicts
    ]
    return CheckResult(protocol="p", depth="d", seed=0, seconds=0, plans=0, requirements=lines)


@pytest.mark.parametrize(
    ("verdicts", "partial", "code"),
    [
        ([Verdict.PASS, Verdict.NON_STRICT, Verdict.UNSUPPORTED], False, 0),
        ([Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE], False, 1),
        ([Verdict.FLAKY], True, 1),
        ([Verdict.INCONCLUSIVE], False, 3),
        ([Verdict.ERROR], False, 3),
        ([Verdict.PASS], True, 3),
        ([], False, 0),
    ],
)
def test_exit_codes(tmp_path: Path, verdicts: list[Verdict], partial: bool, code: int) -> None:
    """A finding is 1, whatever else; what could not be settled is 3."""
    results = ResultsFolder("check", tmp_path).write("t", partial=partial, check=_check(*verdicts))
    assert exit_code(results) == code


def test_a_missed_objective_is_a_finding(tmp_path: Path) -> None:
    """An SLO that is not met ends with 1."""
    load = LoadResult(
        users=1,
        seconds=1,
        requests=1,
        failures={},
        throughput_per_s=1,
        latency_us={},
        bottleneck="server",
        slo=[{"expression": "p99<1ms", "measured": 2, "met": False}],
    )
    assert exit_code(ResultsFolder("load", tmp_path).write("t", load=load)) == 1


def test_find_target() -> None:
    """A target is parsed, resolved and answers; otherwise it is said which of them fails."""
    with Serving(shouting) as server:
        assert find_target(str(server.target)) == server.target
        text = str(server.target)
    with pytest.raises(CannotRunError, match="nothing answers"):
        find_target(text)
    with pytest.raises(UsageError, match="--allow-host"):
        find_target("tcp://192.0.2.1:9")
