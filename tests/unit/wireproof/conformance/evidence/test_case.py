from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.plans import plans
from tests.support.servers import SHOUT, Serving, Shout, one_read_one_line, shouting
from wireproof.conformance.evidence.case import Case, read_case, run_case, written_case
from wireproof.conformance.execution.executor import Executor, open_diag
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Close, Open, Plan
from wireproof.errors import UsageError
from wireproof.wire.transcript import Event


def _case(plan: Plan, **changed: Any) -> Case:
    fields: dict[str, Any] = {
        "format": 1,
        "requirement": "SEG-SINGLE",
        "protocol": SHOUT,
        "settings": {},
        "target": "tcp://127.0.0.1:7",
        "plan": plan,
        "failure": Failure(
            kind=FailureKind.SILENCE, connection=0, action=1, message="m", expected="e", actual="a"
        ),
        "failed": 3,
        "runs": 3,
        "explanation": "when it rains",
        "events": [Event(5, 0, "send", b"\xff\0")],
    }
    return Case(**fields | changed)


PLAN = single([b"ab\n"], [1])


def _written(tmp_path: Path, text: bytes) -> Path:
    path = tmp_path / "replay.json"
    path.write_bytes(text)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all examples of a property."""
    return tmp_path_factory.mktemp("cases")


@given(plan=plans())
def test_every_plan_survives_its_file(plan: Plan, folder: Path) -> None:
    """What the properties make is within the bounds of what a file may ask for."""
    case = _case(plan)
    assert read_case(_written(folder, written_case(case))) == case


def test_many_requests_make_no_large_file(tmp_path: Path) -> None:
    """What sixteen stalled readers ask for is written, and read again."""
    case = _case(Plan(((b"x" * 4095 + b"\n",) * 1536,) * 16, (Open(0), Close(0))))
    text = written_case(case)
    assert len(text) < 16 * 2 * 4096
    assert read_case(_written(tmp_path, text)) == case


def _hostile(**changed: Any) -> dict[str, Any]:
    """A case as JSON builds it, with another plan."""
    case: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(_case(PLAN)))
    case["plan"] |= changed
    return case


OPEN = {"do": "open", "connection": 0}
ROUNDS = {
    "do": "rounds",
    "connection": 0,
    "ways": ["answered, then closed"],
    "count": 1,
    "rounds": 4,
    "look": "descriptors",
}


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        ({"requests": [[]] * 2001}, "asks for 2001 connections"),
        ({"actions": [{"do": "open", "connection": 1}]}, "names connection 1 of 1"),
        ({"actions": [{"do": "open", "connection": -1}]}, "names connection -1"),
        ({"actions": [{"do": "await", "connection": 0}]}, "while it is not open"),
        ({"actions": [OPEN, {"do": "close", "connection": 0}] * 2}, "opens connection 0 twice"),
        (
            {"actions": [OPEN, {"do": "reset", "connection": 0}, {"do": "await", "connection": 0}]},
            "while it is not open",
        ),
        ({"actions": [OPEN, {"do": "send", "connection": 0, "until": 4}]}, "up to byte 4 of 3"),
        ({"actions": [OPEN, {"do": "send", "connection": 0, "until": -1}]}, "up to byte -1 of 3"),
        (
            {"actions": [OPEN, {"do": "send", "connection": 0, "until": 1, "hold_s": 1e9}]},
            "waits 1e+09 s",
        ),
        (
            {"actions": [OPEN] + [{"do": "push", "connection": 0, "until": 1, "stall_s": 59}] * 11},
            "600 s is the most",
        ),
        ({"actions": [OPEN | {"receive_buffer_bytes": 2**40}]}, "receive buffer of"),
        ({"actions": [OPEN | {"receive_buffer_bytes": -1}]}, "receive buffer of -1"),
        (
            {"actions": [OPEN, {"do": "send-datagram", "connection": 0, "position": 1}]},
            "sends datagram 1 of 1",
        ),
        (
            {"actions": [OPEN, {"do": "await-quiet", "connection": 0, "seconds": 601}]},
            "waits 601 s",
        ),
        ({"actions": [ROUNDS | {"rounds": 20_001, "ways": []}]}, "20000 is the most"),
        ({"actions": [ROUNDS | {"count": 5000}]}, "20000 is the most"),
        ({"actions": [{"do": "format-disk", "connection": 0}]}, "is not a replay file"),
        ({"actions": [OPEN | {"code": "print()"}]}, ""),
    ],
)
def test_hostile_plans_are_refused(plan: dict[str, Any], problem: str, tmp_path: Path) -> None:
    """A file may come from anyone: what no run records is refused in one line, or means nothing."""
    path = _written(tmp_path, msgspec.json.encode(_hostile(**plan)))
    if not problem:
        assert read_case(path).plan.actions[0].connection == 0
        return
    with pytest.raises(UsageError) as refusal:
        read_case(path)
    assert problem in refusal.value.problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "is not a replay file"),
        (b"null", "is not a replay file"),
        (b"[" * 100_000, "is not a replay file"),
        (b'{"format": 2, "plan": {}}', "of format 2; this version reads 1"),
        (b'{"format": 1}', "missing required field"),
    ],
)
def test_other_files_are_refused(text: bytes, problem: str, tmp_path: Path) -> None:
    """Whatever is no case of this format is named as such."""
    with pytest.raises(UsageError, match=r"replay\.json") as refusal:
        read_case(_written(tmp_path, text))
    assert problem in refusal.value.problem


@given(text=st.binary(max_size=200))
def test_any_bytes_are_refused_in_order(text: bytes, folder: Path) -> None:
    """No file whatever ends in anything but a refusal."""
    with pytest.raises(UsageError):
        read_case(_written(folder, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No file, no case."""
    with pytest.raises(UsageError, match="No such file"):
        read_case(tmp_path / "replay.json")


def _run(server: Serving, case: Case, runs: int = 2) -> str:
    diag = open_diag()
    assert diag is not None
    with closing(diag):
        return str(run_case(case, Executor(server.target, Shout(), diag, 1.0), Shout(), runs))


def test_fates() -> None:
    """A case fails still, is fixed, or, if it failed only now and then, was not seen this time."""
    case = _case(PLAN)
    with Serving(one_read_one_line) as server:
        assert _run(server, case) == "FAILS 2 of 2"
        server.handler = shouting
        assert _run(server, case, 3) == "FIXED: holds 3 of 3"
        assert _run(server, _case(PLAN, failed=1)) == "NOT REPRODUCED 0 of 2"


def test_a_requirement_that_is_gone() -> None:
    """A case of a requirement that this version has not is refused."""
    with Serving(shouting) as server, pytest.raises(UsageError, match="'NO-SUCH'"):
        _run(server, _case(PLAN, requirement="NO-SUCH"))
