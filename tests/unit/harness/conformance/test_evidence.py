import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.conformance.case import Case
from harness.conformance.catalogue import GENERIC
from harness.conformance.evidence import standalone_script, transcript_text, write_evidence
from harness.conformance.execute import Executor, open_diag
from harness.conformance.explore import Failing
from harness.conformance.plan import Plan, single
from harness.conformance.runner import Finding
from harness.protocols.base import Protocol
from harness.protocols.echo import Echo
from harness.protocols.replies import Matcher
from harness.protocols.timestamp_echo import TimestampEcho
from harness.target import parse_target, resolve
from harness.wire.reference import ReferenceServer
from tests.servers import (
    GreetedShout,
    Handler,
    Serving,
    Shout,
    echoing,
    greeting,
    greeting_one_read_one_line,
    one_read_one_line,
    shouting,
)

CUT = single([b"ab\n"], [1])
REQUIREMENT = next(one for one in GENERIC if one.id == "SEG-SINGLE")


def _finding(server: Serving, protocol: Protocol, plan: Plan = CUT) -> Finding:
    diag = open_diag()
    assert diag is not None
    with closing(diag):
        outcome = Executor(server.target, protocol, diag, 1.0).execute(plan)
    assert outcome.failure is not None
    return Finding(REQUIREMENT, Failing(plan, outcome, outcome.failure), 2, 2, "when it is cut")


def _written(folder: Path, server: Serving, protocol: Shout, plan: Plan = CUT) -> list[str]:
    return write_evidence(
        folder,
        _finding(server, protocol, plan),
        target=server.target,
        protocol=protocol,
        protocol_name="shout.py:Shout",
        settings={},
        patience_s=1.0,
    )


def _exit_code(script: Path, *arguments: str) -> tuple[int, str]:
    """Run a script with an interpreter that sees nothing but the standard library."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", script, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("protocol", "broken", "sound", "where"),
    [
        (Shout(), one_read_one_line, shouting, "127.0.0.1"),
        (Shout(), one_read_one_line, shouting, "::1"),
        (Shout(), one_read_one_line, shouting, "unix"),
        (GreetedShout(), greeting_one_read_one_line, greeting, "127.0.0.1"),
    ],
)
def test_scripts_tell_broken_from_sound(
    protocol: Shout, broken: Handler, sound: Handler, where: str, tmp_path: Path
) -> None:
    """Over every transport, and behind a greeting and a log-in: 1 while broken, then 0."""
    path = tmp_path / "socket" if where == "unix" else None
    with Serving(broken, path, where) as server:
        _written(tmp_path, server, protocol)
        script = tmp_path / "evidence" / "SEG-SINGLE" / "replay.py"
        assert _exit_code(script)[0] == 1
        server.handler = sound
        assert _exit_code(script) == (0, "SEG-SINGLE holds\n")
        if path is None:
            assert _exit_code(script, "somewhere")[0] == 2
            assert _exit_code(script, where, "no-port")[1].startswith("usage: ")


def test_the_transcript_is_harmless(tmp_path: Path) -> None:
    """What the peer sent stands there escaped: it goes to terminals."""

    def steering(peer: Any) -> None:
        peer.recv(10)
        peer.sendall(b"\x1b[2J\xff")

    with Serving(steering) as server:
        _written(tmp_path, server, Shout())
    text = (tmp_path / "evidence/SEG-SINGLE/transcript.txt").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "b'\\x1b[2J\\xff'" in text
    assert text.startswith(f"SEG-SINGLE on {server.target}: ")
    case = msgspec.json.decode(
        (tmp_path / "evidence/SEG-SINGLE/replay.json").read_bytes(), type=Case
    )
    assert transcript_text(case) == text


class Matched(Shout):
    """A protocol whose right replies are what the test says."""

    def __init__(self, *matchers: Matcher) -> None:
        self.matchers = list(matchers)

    def expected(self, request: bytes) -> Any:
        """The next of them."""
        del request
        return self.matchers.pop(0)

    def session(self) -> "Matched":
        """A copy: each connection begins anew."""
        return Matched(*self.matchers)


def _judge(matchers: Sequence[Matcher]) -> Callable[[bytes], bool] | None:
    """The script's judge of all replies together; None where there is no script."""
    plan = single([b"q\n"] * len(matchers))
    with Serving(one_read_one_line) as server:
        finding = _finding(server, Shout(), CUT)
        case = Case(
            format=1,
            requirement="SEG-SINGLE",
            protocol="p",
            settings={},
            target=str(server.target),
            plan=plan,
            failure=finding.failing.failure,
            failed=1,
            runs=1,
            explanation="",
            events=[],
        )
        source = standalone_script(case, server.target, Matched(*matchers), 1.0)
    if not source:
        return None
    module: dict[str, Any] = {"__name__": "script"}
    exec(compile(source, "replay.py", "exec"), module)  # noqa: S102 - our own template

    def done(received: bytes) -> bool:
        peer = module["Peer"](0, None)
        peer.sent, peer.received = len(peer.stream), received
        return bool(peer.done())

    return done


@pytest.mark.parametrize(
    ("matchers", "right", "wrong"),
    [
        ([b"a.c", b"d"], b"a.cd", b"abcd"),
        ([re.compile(rb"a.c"), b"d"], b"abcd", b"a\ncd"),
        ([re.compile(rb"a.c", re.DOTALL), b"d"], b"a\ncd", b"acd"),
        ([re.compile(rb"abc", re.IGNORECASE), b"d"], b"ABCd", b"ABCD"),
        ([re.compile(rb"^a+$"), re.compile(rb"\Ab\Z")], b"aab", b"aa"),
        ([re.compile(rb"a|b"), b"c"], b"bc", b"b"),
        ([re.compile(rb"a b # a comment", re.VERBOSE), b"c"], b"abc", b"a bc"),
        ([re.compile(rb"[^\n]*\n"), b"c"], b"xyz\nc", b"xyz\n"),
    ],
)
def test_patterns_keep_their_meaning(matchers: list[Matcher], right: bytes, wrong: bytes) -> None:
    """Flags, anchors and alternatives of one reply do not touch the next."""
    judge = _judge(matchers)
    assert judge is not None
    assert judge(right)
    assert not judge(wrong)


@pytest.mark.parametrize(
    "matcher", [lambda _: True, re.compile(rb"(a)\1"), re.compile(rb"(?P<x>a)")]
)
def test_no_script_where_it_could_not_judge(matcher: Matcher) -> None:
    """Code, and patterns that cannot be joined, get no script: better none than a wrong one."""
    assert _judge([matcher]) is None


def test_a_protocol_with_a_judge_of_its_own(tmp_path: Path) -> None:
    """A raw stream has no replies to list; its judge goes into the script."""
    with Serving(one_read_one_line) as server:
        write_evidence(
            tmp_path,
            _finding(server, Echo()),
            target=server.target,
            protocol=Echo(),
            protocol_name="echo",
            settings={},
            patience_s=0.3,
        )
        script = tmp_path / "evidence" / "SEG-SINGLE" / "replay.py"
        assert _exit_code(script)[0] == 1
        server.handler = echoing
        assert _exit_code(script)[0] == 0


def test_what_is_answered_before_a_hold_is_judged_by_itself(tmp_path: Path) -> None:
    """A second reply without its header could be one long reply, but not after a pause."""
    with ReferenceServer("--fault", "header-once") as broken, ReferenceServer() as sound:
        target = resolve(parse_target(broken.target))[0]
        protocol = TimestampEcho()
        plan = single([b"ab"], [1], hold_s=0.1)
        diag = open_diag()
        assert diag is not None
        with closing(diag):
            outcome = Executor(target, protocol, diag, 1.0).execute(plan)
        assert outcome.failure is not None
        write_evidence(
            tmp_path,
            Finding(REQUIREMENT, Failing(plan, outcome, outcome.failure), 2, 2, "when it is held"),
            target=target,
            protocol=protocol,
            protocol_name="timestamp-echo",
            settings={},
            patience_s=1.0,
        )
        script = tmp_path / "evidence" / "SEG-SINGLE" / "replay.py"
        assert _exit_code(script)[0] == 1
        assert _exit_code(script, *sound.target.removeprefix("tcp://").split(":"))[0] == 0
