from pathlib import Path

import msgspec
import pytest

from wireproof.errors import UsageError
from wireproof.results import (
    FORMAT,
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
    format=FORMAT,
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


@pytest.mark.parametrize("stages", [[], [7], [{"failures": 3}]])
def test_a_load_of_the_first_format_is_read_as_todays(stages: list[object]) -> None:
    """There, requests were those that were answered right; what else is wrong is told as ever."""
    load = {
        "users": 1,
        "seconds": 2.0,
        "requests": 100,
        "failures": {"timeout": 3},
        "throughput_per_s": 50.0,
        "latency_us": {},
        "bottleneck": "server",
        "stages": stages,
    }
    old = msgspec.json.decode(encode(RESULTS)) | {"format": 1, "load": load}
    if stages:
        with pytest.raises(UsageError, match="not a result file"):
            decode(msgspec.json.encode(old))
        return
    found = decode(msgspec.json.encode(old))
    assert found.format == FORMAT
    assert found.load is not None
    assert (found.load.requests, found.load.right) == (103, 100)


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
        (b'{"format": 2}', "missing required field"),
        (b'{"format": 99}', "of format 99"),
        (b"{}", "it is not a result file"),
        (b'{"format": 2, "check": ' + b"[" * 100_000, "not a result file"),
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
    with pytest.raises(UsageError, match=r"is a folder\nwrite .*/results\.json"):
        load_results(tmp_path)
