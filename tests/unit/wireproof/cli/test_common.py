from pathlib import Path

import pytest

from tests.support.servers import Serving, shouting
from wireproof.cli.common import ResultsFolder, exit_code, find_target
from wireproof.errors import CannotRunError, UsageError
from wireproof.results import (
    CheckResult,
    Level,
    LoadResult,
    RequirementResult,
    Results,
    Verdict,
    load_results,
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


def test_the_folder_is_named_after_time_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """reports/<UTC time>-<command>, with `latest` pointing at the newest."""
    monkeypatch.chdir(tmp_path)
    folder = ResultsFolder("check", None)
    results: Results = folder.write("tcp://127.0.0.1:7", check=_check(Verdict.PASS))
    assert folder.folder.parent == Path("reports")
    assert folder.folder.name.endswith("Z-check")
    latest = Path("reports/latest")
    assert latest.is_symlink()
    assert load_results(latest / "results.json") == results
    assert sorted(one.name for one in folder.folder.iterdir()) == ["results.json"]
    ResultsFolder("check", None).write("tcp://127.0.0.1:7")
    assert latest.resolve().parent == Path("reports").resolve()


def test_a_named_folder_has_no_latest(tmp_path: Path) -> None:
    """With --out nothing is written outside the folder."""
    ResultsFolder("check", tmp_path / "a" / "b").write("t")
    assert [one.name for one in (tmp_path / "a").iterdir()] == ["b"]


def test_nowhere_to_write_is_told_at_once(tmp_path: Path) -> None:
    """Not after the run."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotRunError, match="cannot write to") as error:
        ResultsFolder("check", tmp_path / "file" / "below")
    assert "--out" in error.value.instead


def test_find_target() -> None:
    """A target is parsed, resolved and answers; otherwise it is said which of them fails."""
    with Serving(shouting) as server:
        assert find_target(str(server.target)) == server.target
        text = str(server.target)
    with pytest.raises(CannotRunError, match="nothing answers"):
        find_target(text)
    with pytest.raises(UsageError, match="--allow-host"):
        find_target("tcp://192.0.2.1:9")
