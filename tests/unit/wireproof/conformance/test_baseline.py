from pathlib import Path

import pytest

from wireproof.conformance.baseline import Known, apply_baseline, read_baseline
from wireproof.errors import UsageError
from wireproof.results import CheckResult, Level, RequirementResult, Verdict

CATALOGUE = {"SEG-SINGLE", "SEG-HELD"}


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "known.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_entries(tmp_path: Path) -> None:
    """Each entry has its requirement, its reason and, if given, a part of the message."""
    text = (
        '[[known]]\nid = "SEG-SINGLE"\nreason = "r"\n'
        '[[known]]\nid = "SEG-HELD"\nreason = "s"\nmessage = "wrong"\n'
    )
    assert read_baseline(_written(tmp_path, text), CATALOGUE) == {
        "SEG-SINGLE": Known("SEG-SINGLE", "r"),
        "SEG-HELD": Known("SEG-HELD", "s", "wrong"),
    }


def test_an_empty_file_excuses_nothing(tmp_path: Path) -> None:
    """A baseline may be empty."""
    assert read_baseline(_written(tmp_path, ""), CATALOGUE) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[known", "is not a baseline"),
        ("known = 3", "is not a baseline"),
        ("known = [3]", "Expected `object`"),
        ('[[knwon]]\nid = "SEG-SINGLE"\nreason = "r"', "is not a baseline"),
        ('[[known]]\nid = "SEG-SINGLE"', "missing required field `reason`"),
        ('[[known]]\nid = "SEG-SINGLE"\nreason = " "', "SEG-SINGLE has no reason"),
        ('[[known]]\nid = "SEG-SINGEL"\nreason = "r"', "no requirement 'SEG-SINGEL'"),
        ('[[known]]\nid = "SEG-SINGLE"\nreason = "r"\nmesage = "m"', "unknown field `mesage`"),
        ('[[known]]\nid = "SEG-SINGLE"\nreason = "r"\n' * 2, "stands there twice"),
    ],
)
def test_what_could_excuse_too_much_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    """A slip in the file must not excuse something else, or nothing at all, in silence."""
    with pytest.raises(UsageError) as refusal:
        read_baseline(_written(tmp_path, text), CATALOGUE)
    assert problem in refusal.value.problem


def test_a_missing_file(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(UsageError, match="No such file"):
        read_baseline(tmp_path / "none.toml", CATALOGUE)


def _applied(verdict: Verdict, message: str, known: Known) -> RequirementResult:
    line = RequirementResult(
        id="SEG-SINGLE", title="t", level=Level.MUST, verdict=verdict, message=message
    )
    result = CheckResult(
        protocol="p", depth="quick", seed=0, seconds=0, plans=0, requirements=[line]
    )
    return apply_baseline(result, {known.id: known}).requirements[0]


@pytest.mark.parametrize(
    ("verdict", "known", "judged"),
    [
        (Verdict.FAIL, Known("SEG-SINGLE", "r"), Verdict.NON_STRICT),
        (Verdict.FLAKY, Known("SEG-SINGLE", "r"), Verdict.NON_STRICT),
        (Verdict.FAIL, Known("SEG-SINGLE", "r", "reset"), Verdict.FAIL),
        (Verdict.FAIL, Known("SEG-SINGLE", "r", "silent"), Verdict.NON_STRICT),
        (Verdict.PASS, Known("SEG-SINGLE", "r"), Verdict.FAIL),
        (Verdict.INCONCLUSIVE, Known("SEG-SINGLE", "r"), Verdict.INCONCLUSIVE),
        (Verdict.FAIL, Known("SEG-HELD", "r"), Verdict.FAIL),
    ],
)
def test_what_is_excused(verdict: Verdict, known: Known, judged: Verdict) -> None:
    """A known failure is; another way of failing, a stale entry and another requirement are not."""
    assert _applied(verdict, "the server fell silent", known).verdict is judged
