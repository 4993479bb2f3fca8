from pathlib import Path

import pytest

from tests.support.servers import SHOUT, Serving, Shout, one_read_one_line, shouting
from wireproof.conformance.session import CheckSpec, run_check
from wireproof.errors import UsageError
from wireproof.results import RequirementResult, Verdict


class Heard:
    """Progress that keeps what it hears, and may press Ctrl-C."""

    def __init__(self, stop_in: int = 0) -> None:
        """Interrupt at the first conversation of the requirement at a position, from 1."""
        self.updates: list[tuple[int, int, str]] = []
        self.results: list[RequirementResult] = []
        self._stop_in = stop_in

    def update(
        self, *, position: int, total: int, requirement: str, executed: int, failures: int
    ) -> None:
        """Hear of a conversation."""
        del executed, failures
        self.updates.append((position, total, requirement))
        if position == self._stop_in:
            raise KeyboardInterrupt

    def finished(self, result: RequirementResult) -> None:
        """Hear of a verdict."""
        self.results.append(result)


def _spec(*only: str, skip: tuple[str, ...] = ()) -> CheckSpec:
    return CheckSpec(
        protocol=Shout(),
        protocol_name=SHOUT,
        settings={},
        depth="quick",
        seed=5,
        only=only,
        skip=skip,
    )


def test_a_run(tmp_path: Path) -> None:
    """Verdicts, numbers and maps; progress counts requirements from 1."""
    heard = Heard()
    with Serving(shouting) as server:
        spec = _spec("BASE-ANSWER", "SEG-SINGLE")
        result, complete = run_check(server.target, spec, tmp_path, heard)
    assert complete
    assert [line.verdict for line in result.requirements] == [Verdict.PASS] * 2
    assert heard.results == result.requirements
    assert (result.protocol, result.depth, result.seed) == (SHOUT, "quick", 5)
    assert result.plans > 10
    assert {where[:2] for where in heard.updates} == {(1, 2), (2, 2)}
    assert [one.requirement for one in result.boundary_maps] == ["SEG-SINGLE"]
    assert list(tmp_path.iterdir()) == []


def test_evidence_is_named_relative_to_the_result(tmp_path: Path) -> None:
    """Each path of a finding leads to a file."""
    with Serving(one_read_one_line) as server:
        result, _ = run_check(server.target, _spec("SEG-OCTETS"), tmp_path, Heard())
    (line,) = result.requirements
    assert line.verdict is Verdict.FAIL
    assert line.evidence
    assert all((tmp_path / path).is_file() for path in line.evidence)


@pytest.mark.parametrize(("position", "verdicts"), [(1, 0), (2, 1)])
def test_ctrl_c_ends_the_run_not_the_result(position: int, verdicts: int, tmp_path: Path) -> None:
    """What was found by then is kept, from the first conversation on."""
    with Serving(shouting) as server:
        spec = _spec("BASE-ANSWER", "SEG-SINGLE")
        result, complete = run_check(server.target, spec, tmp_path, Heard(position))
    assert not complete
    assert len(result.requirements) == verdicts


def test_nothing_to_try_is_wrong_usage(tmp_path: Path) -> None:
    """A run without a requirement would pass anything."""
    with Serving(shouting) as server, pytest.raises(UsageError, match="leaves no requirement"):
        spec = _spec("BASE-ANSWER", skip=("BASE-*",))
        run_check(server.target, spec, tmp_path, Heard())
