from pathlib import Path

import pytest

from wireproof.errors import UsageError
from wireproof.results import (
    CheckResult,
    Environment,
    Level,
    RequirementResult,
    Results,
    Verdict,
    decode,
    encode,
    load_results,
)

RESULTS = Results(
    format=1,
    command="check",
    started_at="2026-01-01T00:00:00+00:00",
    environment=Environment(
        host="h", kernel="k", cpu="c", cpus=2, python="3.11", versions={}, sysctls={}
    ),
    target="tcp://127.0.0.1:7",
    partial=False,
    check=CheckResult(
        protocol="echo",
        depth="quick",
        seed=7,
        seconds=1.5,
        plans=3,
        requirements=[
            RequirementResult(
                id="SEG-SINGLE", title="t", level=Level.MUST, verdict=Verdict.NON_STRICT
            )
        ],
    ),
)


def test_round_trip(tmp_path: Path) -> None:
    """What is written is what is read."""
    path = tmp_path / "results.json"
    path.write_bytes(encode(RESULTS))
    assert load_results(path) == RESULTS


def test_words_of_the_file() -> None:
    """Verdicts stand in the file as people know them, and commands that did not run are absent."""
    text = encode(RESULTS).decode()
    assert '"verdict": "NON-STRICT"' in text
    assert '"load"' not in text
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "not a result file"),
        (b"[]", "not a result file"),
        (b"\xff\xfe", "not a result file"),
        (b'{"format": 1}', "missing required field"),
        (b'{"format": 99}', "of format 99"),
        (b"{}", "of format None"),
        (b'{"format": 1, "check": ' + b"[" * 100_000, "not a result file"),
    ],
)
def test_other_files_are_refused(text: bytes, problem: str) -> None:
    """Whatever the file holds, the refusal is one line."""
    with pytest.raises(UsageError) as refusal:
        decode(text)
    assert problem in refusal.value.problem
    assert "\n" not in refusal.value.problem


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is named."""
    with pytest.raises(UsageError, match=r"nothing\.json: No such file"):
        load_results(tmp_path / "nothing.json")
    with pytest.raises(UsageError, match="Is a directory"):
        load_results(tmp_path)
