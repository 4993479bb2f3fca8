"""What a server writes into a file: each fault is found under its id, and sound servers pass."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.servers import Serving
from tests.zoo.written import FAULTY, SOUND, Counted, handler
from wireproof.choosing import select
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.errors import UsageError
from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import Verdict

ASKED = ["BASE-ANSWER", "COAL-MANY", "ISO-PARTS", "CLOSE-HALF", "SYSLOG-001", "SYSLOG-002"]


def _verdicts(server: Serving, settings: dict[str, str], only: list[str]) -> dict[str, Verdict]:
    protocol = find_protocol("syslog", settings)
    depth = replace(DEPTHS["quick"], confirmations=1, shrink_s=0.5)
    chosen = select(catalogue_for(protocol), only, ())
    diag = open_diag()
    assert diag is not None
    with contextlib.closing(diag):
        runner = Runner(server.target, protocol, depth, seed=1, diag=diag)
        return {one.result.id: one.result.verdict for one in runner.judge(chosen)}


def _settings(kind: type, path: Path) -> dict[str, str]:
    counted = "yes" if issubclass(kind, Counted) else "no"
    return {"written": str(path), "octet_counting": counted}


@pytest.mark.parametrize("name", SOUND)
def test_the_sound_pass(name: str, tmp_path: Path) -> None:
    """Whatever they write before each message, and as late as behind the end of the stream."""
    kind, path = SOUND[name], tmp_path / "written"
    with Serving(handler(kind(path))) as server:
        verdicts = _verdicts(server, _settings(kind, path), ASKED)
    assert verdicts == dict.fromkeys(ASKED, Verdict.PASS)


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_found(name: str, tmp_path: Path) -> None:
    """By the requirement that is about it."""
    kind, identifier = FAULTY[name]
    path = tmp_path / "written"
    with Serving(handler(kind(path))) as server:
        verdicts = _verdicts(server, _settings(kind, path), [identifier])
    assert verdicts[identifier] in {Verdict.FAIL, Verdict.NON_STRICT}


def test_it_is_not_loaded() -> None:
    """There are no replies that a load could wait for."""
    spec = LoadSpec(
        target="tcp://127.0.0.1:9",
        protocol="syslog",
        settings={"written": "lines.log"},
        users=[1],
        seconds=0.5,
    )
    with pytest.raises(UsageError, match="check it instead"):
        run_load(spec)
