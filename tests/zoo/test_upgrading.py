"""TLS inside a connection: each fault is found under its id, sound servers pass, load verifies."""

import contextlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.support.servers import Serving
from tests.zoo import upgrading
from tests.zoo.upgrading import FAULTY, SOUND, Upgraded, handler
from wireproof.choosing import select
from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.evidence.case import Case
from wireproof.conformance.evidence.scripts import standalone_script
from wireproof.conformance.execution.executor import Executor, open_diag
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.plans.plan import Await, Open, Plan, Push, Send, Upgrade
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec
from wireproof.results import Verdict

ABOUT_IT = ["BASE-ANSWER", "SEG-OPENING", "SEG-UPGRADE", "COAL-UPGRADE", "RESET-OPENING"]


class ClosesInstead(upgrading.Peer):
    """Says that TLS may begin, and goes."""

    def begin(self) -> None:
        """Go."""
        raise ConnectionError


def _verdicts(server: Serving, only: list[str]) -> dict[str, Verdict]:
    protocol = Upgraded()
    depth = replace(DEPTHS["quick"], confirmations=1, shrink_s=0.5)
    chosen = select(catalogue_for(protocol), only, ())
    diag = open_diag()
    assert diag is not None
    with contextlib.closing(diag):
        runner = Runner(server.target, protocol, depth, seed=1, diag=diag)
        return {one.result.id: one.result.verdict for one in runner.judge(chosen)}


@pytest.mark.parametrize("name", SOUND)
def test_the_sound_pass(name: str) -> None:
    """Whatever they do with what comes in clear, as long as they don't answer it inside TLS."""
    asked = ABOUT_IT if name == "throws-away" else ["SEG-UPGRADE", "COAL-UPGRADE"]
    with Serving(handler(SOUND[name])) as server:
        verdicts = _verdicts(server, asked)
    assert verdicts == dict.fromkeys(asked, Verdict.PASS)


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_found(name: str) -> None:
    """By the requirement that is about it."""
    kind, identifier = FAULTY[name]
    with Serving(handler(kind)) as server:
        assert _verdicts(server, [identifier]) == {identifier: Verdict.FAIL}


def test_much_is_sent_and_read_inside_tls() -> None:
    """A client that does not read for a while loses nothing, in either direction."""
    requests = (b"y" * 1_000_000 + b"\n", b"abc\n")
    total = sum(map(len, requests))
    plan = Plan((requests,), (Open(0, receive_buffer_bytes=4096), Push(0, total, 0.1), Await(0)))
    with Serving(handler(SOUND["throws-away"])) as server:
        outcome = Executor(server.target, Upgraded(), None).execute(plan)
    assert outcome.failure is None


def test_an_upgrade_without_an_answer_is_told() -> None:
    """Where the server closes instead, the words are of the handshake."""
    with Serving(handler(ClosesInstead)) as server:
        executor = Executor(server.target, Upgraded(), None)
        failure = executor.execute(Plan(((b"a\n",),), (Open(0), Send(0, 2), Await(0)))).failure
    assert failure is not None
    assert failure.kind is FailureKind.END
    assert failure.message.startswith("no TLS handshake")


def test_a_script_begins_tls_too(tmp_path: Path) -> None:
    """A failure inside TLS replays with the standard library alone; a stuffed one by `replay`."""
    plan = Plan(((b"abc\n",),), (Open(0), Send(0, 1), Send(0, 4), Await(0)))
    failure = Failure(kind=FailureKind.SILENCE, connection=0, action=3, message="", expected="",
                      actual="")  # fmt: skip
    with Serving(handler(SOUND["throws-away"])) as server:
        case = Case(
            format=1,
            requirement="SEG-SINGLE",
            protocol="upgraded",
            settings={},
            target=str(server.target),
            plan=plan,
            failure=failure,
            failed=1,
            runs=1,
            explanation="",
            events=[],
        )
        script = tmp_path / "script.py"
        script.write_text(standalone_script(case, server.target, Upgraded(), 2.0))
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    stuffed = Plan(((b"abc\n",),), (Open(0, by_hand=True), Upgrade(0, stuffed=b"x\n")))
    unscripted = msgspec.structs.replace(case, plan=stuffed)
    assert not standalone_script(unscripted, server.target, Upgraded(), 2.0)


def test_load_begins_tls_inside_the_connection() -> None:
    """Every reply is verified inside TLS, on several connections."""
    with Serving(handler(SOUND["throws-away"])) as server:
        spec = LoadSpec(
            target=str(server.target),
            protocol=f"{upgrading.__file__}:Upgraded",
            users=[4],
            seconds=0.5,
            warm_up_s=0.2,
        )
        result = run_load(spec)
    assert result.failures == {}
    assert result.right == result.requests > 20
