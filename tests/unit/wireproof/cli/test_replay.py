import sys
from pathlib import Path

import msgspec
import pytest

from tests.support.servers import SHOUT, Handler, Serving, one_read_one_line, shouting
from wireproof.between.findings.case import BetweenCase, Failed
from wireproof.between.runs.schedules import Cut, Direction, Schedule
from wireproof.cli import invoke
from wireproof.conformance.evidence.case import Case
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.plans.made import single


def _case(protocol: str, failed: int) -> Case:
    """A line cut in two, which failed so many times out of two."""
    failure = Failure(
        kind=FailureKind.END, connection=0, action=0, message="m", expected="e", actual="a"
    )
    return Case(
        format=1,
        requirement="SEG-SINGLE",
        protocol=protocol,
        settings={},
        target="tcp://127.0.0.1:1",
        plan=single([b"ab\n"], [1]),
        failure=failure,
        failed=failed,
        runs=2,
        explanation="",
        events=[],
    )


@pytest.mark.parametrize(
    ("handler", "failed", "code", "said"),
    [
        (one_read_one_line, 2, 1, "FAILS 3 of 3\n"),
        (shouting, 2, 0, "FIXED: holds 3 of 3\n"),
        (shouting, 1, 3, "NOT REPRODUCED 0 of 3\n"),
    ],
)
def test_fates(  # noqa: PLR0917 - pytest passes them by name
    handler: Handler,
    failed: int,
    code: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The fate is the first line, its exit code the command's; a failure is told in full."""
    path = tmp_path / "replay.json"
    path.write_bytes(msgspec.json.encode(_case(SHOUT, failed)))
    with Serving(handler) as server:
        words = ["replay", str(path), "--target", str(server.target), "--runs", "3"]
        ended = invoke([*words, "--protocol", SHOUT])
    printed = capsys.readouterr().out
    assert ended == code
    assert printed.startswith(said)
    assert ("  expected  " in printed) == (code == 1)


def test_a_replay_file_imports_nothing_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code that a file names runs only when the user names it too; the line says how."""
    code = tmp_path / "code.py"
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    path = tmp_path / "replay.json"
    path.write_bytes(msgspec.json.encode(_case(f"{code}:Class", failed=2)))
    assert invoke(["replay", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"--protocol '{code}:Class'" in said
    assert "Traceback" not in said
    assert not (tmp_path / "ran").exists()


def test_the_name_of_a_strangers_protocol_is_no_terminal_escape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the refusal quotes from the file is escaped."""
    path = tmp_path / "replay.json"
    path.write_bytes(msgspec.json.encode(_case("\x1b[2Jx\n.py:X", failed=2)))
    assert invoke(["replay", str(path)]) == 2
    said = capsys.readouterr().err
    assert "\\x1b[2Jx\\n.py:X" in said
    assert "\x1b" not in said


def test_a_command_is_run_again_only_when_the_user_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file may be a stranger's: what it would run is told first."""
    code = (
        "import os, socket; s = socket.create_connection((os.environ['WIREPROOF_HOST'],"
        " int(os.environ['WIREPROOF_PORT']))); s.sendall(b'ab\\n'); assert s.recv(9) == b'AB\\n'"
    )
    with Serving(shouting) as server:
        case = BetweenCase(
            format=1,
            of="between",
            command=(sys.executable, "-S", "-c", code),
            target=str(server.target),
            schedule=Schedule(cuts=(Cut(Direction.REPLY, 1, 1),)),
            same_output=False,
            timeout_s=None,
            failure=Failed(connection=0, kind="end", message="m", expected="e", actual="a"),
            failed=5,
            runs=5,
            explanation="",
            events=[],
        )
        path = tmp_path / "replay.json"
        path.write_bytes(msgspec.json.encode(case))
        assert invoke(["replay", str(path)]) == 2
        assert "--run-command" in capsys.readouterr().err
        assert invoke(["replay", str(path), "--run-command", "--runs", "2"]) == 1
        assert "FAILS 2 of 2" in capsys.readouterr().out
        sound = msgspec.structs.replace(case, command=(*case.command[:-1], code + " or True"))
        sound = msgspec.structs.replace(sound, schedule=Schedule())
        path.write_bytes(msgspec.json.encode(sound))
        assert invoke(["replay", str(path), "--run-command", "--runs", "1"]) == 0
        assert "FIXED" in capsys.readouterr().out
