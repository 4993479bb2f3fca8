"""Files from strangers: truncated, spoiled, endless, deep or of another version, they are refused.

What is not refused can be shown, judged and compared without harm.
"""

import contextlib
import copy
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import result_samples as samples
from tests.support.servers import SHOUT, Serving, one_read_one_line
from wireproof.cli import invoke
from wireproof.conformance.baseline import read_baseline
from wireproof.conformance.evidence.case import read_case
from wireproof.errors import WireproofError
from wireproof.reporting.html.page import html
from wireproof.results import encode, load_results

RESULTS: dict[str, Any] = json.loads(encode(samples.results()))
_NUMBERS = [-1, 0, 1, 2**63 - 1, 2**64, -(2**63), 1e308, -1e308, 5e-324]
_TEXTS = ["", "x" * 5000, "\x1b[2J", "\x00", "</script>", "[red]", "../../../etc/passwd", "\u202e"]
_SHAPES = [None, True, [], {}, [[]], {"": {}}, [None], ["\x1b"], {"p99": -1}]
_HOSTILE = st.sampled_from([*_NUMBERS, *_TEXTS, *_SHAPES])


def _baseline(path: Path) -> object:
    return read_baseline(path, ["SEG-SINGLE"])


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, each in list(inner)[:12]:
            found += _paths(each, (*path, key)) if isinstance(each, dict | list) else [(*path, key)]
    return found


_RESULT_PATHS = _paths(RESULTS)


def _spoil(document: Any, where: tuple[Any, ...], value: Any) -> Any:
    spoiled = copy.deepcopy(document)
    inner = spoiled
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    return spoiled


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A replay file as `check` writes it."""
    folder = tmp_path_factory.mktemp("check")
    with Serving(one_read_one_line) as server:
        options = ["--protocol", SHOUT, "--depth", "quick", "--only", "SEG-OCTETS"]
        assert invoke(["check", str(server.target), *options, "--out", str(folder)]) == 1
    (path,) = folder.glob("evidence/*/replay.json")
    return json.loads(path.read_bytes())


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(where=st.sampled_from(_RESULT_PATHS), value=_HOSTILE)
def test_a_spoiled_result_file_is_refused_or_shown(
    tmp_path_factory: pytest.TempPathFactory, where: tuple[Any, ...], value: Any
) -> None:
    """One value replaced, anywhere: a line of refusal, or every report without an error of ours."""
    path = tmp_path_factory.getbasetemp() / "results.json"
    path.write_text(json.dumps(_spoil(RESULTS, where, value)))
    page, text = path.with_suffix(".html"), path.with_suffix(".md")
    files = ["--html", str(page), "--junit", str(path.with_suffix(".xml")), "--markdown", str(text)]
    more = ["--csv", str(path.with_suffix(".csv")), "--hgrm", str(path.with_suffix(".hgrm"))]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        codes = {invoke(["report", str(path)]), invoke(["report", str(path), *files])}
        codes |= {invoke(["report", str(path), *more]), invoke(["compare", str(path), str(path)])}
    assert codes <= {0, 2, 3}, said.getvalue()
    assert "\x1b[2J" not in said.getvalue()


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_spoiled_replay_file_is_refused_or_sound(
    tmp_path_factory: pytest.TempPathFactory, case: Any, data: st.DataObject
) -> None:
    """One value replaced, anywhere: it is refused with a line, or it can be run."""
    where = data.draw(st.sampled_from(_paths(case)))
    path = tmp_path_factory.getbasetemp() / "replay.json"
    path.write_text(json.dumps(_spoil(case, where, data.draw(_HOSTILE))))
    try:
        found = read_case(path)
    except WireproofError:
        return
    for action in found.plan.actions:
        assert 0 <= action.connection < len(found.plan.requests)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data(), kind=st.sampled_from(["results", "case", "baseline"]))
def test_cut_and_garbled_bytes_are_refused(
    tmp_path_factory: pytest.TempPathFactory, case: Any, data: st.DataObject, kind: str
) -> None:
    """Whatever the bytes are, reading them ends in a record or in a line of refusal."""
    sound = {
        "results": json.dumps(RESULTS).encode(),
        "case": json.dumps(case).encode(),
        "baseline": b'[[known]]\nid = "SEG-SINGLE"\nreason = "ticket 1"\n',
    }[kind]
    text = bytearray(sound[: data.draw(st.integers(0, len(sound)))])
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)))):
        if text:
            text[at % len(text)] = byte
    text += data.draw(st.binary(max_size=20))
    path = tmp_path_factory.getbasetemp() / "garbled"
    path.write_bytes(text)
    reader = {"results": load_results, "case": read_case, "baseline": _baseline}[kind]
    with contextlib.suppress(WireproofError):
        reader(path)


@pytest.mark.parametrize("command", ["replay", "report", "compare", "check"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"format":' * 50_000,
        b'{"format": 1e999}',
        b'{"format": 999}',
        b"\xff\xfe\x00",
        b"\x80\x04\x95cos\nsystem\n",
        Path("/dev/zero"),
        Path("/proc/self/mem"),
        Path("/"),
    ],
    ids=lambda content: str(content)[:20],
)
def test_what_is_no_file_of_ours_is_refused(
    command: str, content: bytes | Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Empty, deep, endless, binary, from the future: two lines at most, and exit code 2."""
    path = tmp_path / "file"
    if isinstance(content, Path):
        path.symlink_to(content)
    else:
        path.write_bytes(content)
    arguments = {
        "replay": ["replay", str(path)],
        "report": ["report", str(path)],
        "compare": ["compare", str(path), str(path)],
        "check": ["check", "tcp://127.0.0.1:9", "--baseline", str(path)],
    }[command]
    expected = {2}
    if command == "check" and content == b"":
        expected = {2, 3}  # an empty baseline excuses nothing
    assert invoke(arguments) in expected
    said = capfd.readouterr().err
    assert said.startswith("wireproof: ")
    assert len(said.splitlines()) <= 3


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/../../secret", "\x00", "link"])
def test_evidence_is_never_taken_from_outside_the_folder(name: str, tmp_path: Path) -> None:
    """A result file that names other files of the machine as its evidence does not get them."""
    (tmp_path / "secret").write_text("a secret")
    folder = tmp_path / "run" / "out"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "secret")
    found = samples.results()
    assert found.check is not None
    lines = [
        msgspec.structs.replace(line, evidence=[name, f"{name}/replay.py"])
        for line in found.check.requirements
    ]
    found = msgspec.structs.replace(
        found, check=msgspec.structs.replace(found.check, requirements=lines)
    )
    page = html(found, folder, folder)
    assert "a secret" not in page
    assert "root:x:0" not in page
