"""`exec:`: servers on standard input and output, checked, under load, and between."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wireproof.cli import invoke

_SOUND = "import os\nwhile data := os.read(0, 65536): os.write(1, data)"
_ONE_READ = """
import os, sys
while data := os.read(0, 65536):
    if not data.endswith(b"\\n"):
        sys.exit("half a line")
    os.write(1, data)
"""
_LANGUAGE_SERVER = """
import json, os
got = b""
while data := os.read(0, 65536):
    got += data
    while MORE_TO_DO:
        header, _, got = got.partition(b"\\r\\n\\r\\n")
        size = int(header.split(b":")[1])
        while len(got) < size:
            got += os.read(0, 65536) or exit(1)
        asked, got = json.loads(got[:size]), got[size:]
        if "id" not in asked:
            continue
        known = asked["method"] == "initialize"
        said = {"result": {}} if known else {"error": {"code": -32601, "message": "no"}}
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | said).encode()
        os.write(1, b"Content-Length: %d\\r\\n\\r\\n%b" % (len(body), body))
"""
_READS_ON = _LANGUAGE_SERVER.replace("MORE_TO_DO", r'b"\r\n\r\n" in got')
_HEADER_IN_ONE_READ = _LANGUAGE_SERVER.replace("MORE_TO_DO", "got")
_CLIENT = """
import os, socket
place = os.environ["WIREPROOF_HOST"], int(os.environ["WIREPROOF_PORT"])
with socket.create_connection(place, 20) as s, s.makefile("rwb") as f:
    f.write(b"hello\\n")
    f.flush()
    raise SystemExit(f.readline() != b"hello\\n")
"""


def server(program: str) -> str:
    """A target that is a few lines of Python."""
    return f"exec:{shlex.join([sys.executable, '-S', '-E', '-c', program])}"


def judged(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code of a command, and its results."""
    code = invoke([*arguments[:2], "--out", str(folder), "--force", *arguments[2:]])
    return code, json.loads((folder / "results.json").read_bytes())


def test_a_sound_server_passes_confirmed(tmp_path: Path) -> None:
    """Every cut was seen read; what pipes have not is unsupported, with the reason."""
    code, results = judged(
        tmp_path,
        *("check", server(_SOUND), "--protocol", "echo"),
        *(
            "--only",
            "SEG-SINGLE",
            "--only",
            "RESET-MID",
            "--only",
            "CLOSE-HALF",
            "--depth",
            "quick",
        ),
    )
    found = {one["id"]: one for one in results["check"]["requirements"]}
    assert code == 0
    assert found["SEG-SINGLE"]["delivery"] == "confirmed"
    assert found["CLOSE-HALF"]["verdict"] == "PASS"
    assert found["RESET-MID"]["verdict"] == "UNSUPPORTED"
    assert "a pipe has no reset" in found["RESET-MID"]["message"]


def cut_once(tmp_path: Path) -> tuple[int, dict[str, Any]]:
    """Judge a server that takes one read for a line, by single cuts."""
    options = ("--protocol", "line-echo", "--only", "SEG-SINGLE", "--depth", "quick")
    return judged(tmp_path, "check", server(_ONE_READ), *options)


def test_a_server_of_one_read_fails_with_one_cut(tmp_path: Path) -> None:
    """How its process ended is a part of the finding, and the script shows it by itself."""
    code, results = cut_once(tmp_path)
    found = results["check"]["requirements"][0]
    assert code == 1
    assert "exit status 1, saying: half a line" in found["message"]
    script = tmp_path / "evidence" / "SEG-SINGLE" / "replay.py"
    assert subprocess.run([sys.executable, str(script)], check=False).returncode == 1


def test_a_replay_file_starts_no_command_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be a stranger's: the command is to be named."""
    cut_once(tmp_path)
    case = str(tmp_path / "evidence" / "SEG-SINGLE" / "replay.json")
    capsys.readouterr()
    assert invoke(["replay", case]) == 2
    assert "--target" in capsys.readouterr().err
    assert invoke(["replay", case, "--target", server(_ONE_READ)]) == 1


def test_a_client_is_judged_before_a_server_on_pipes(tmp_path: Path) -> None:
    """The relay starts a server for each connection, and sees what that reads."""
    code, results = judged(
        tmp_path,
        *("between", server(_SOUND), "--depth", "quick", "--only", "CLI-REQUEST-CUT"),
        *("--", sys.executable, "-S", "-E", "-c", _CLIENT),
    )
    assert code == 0
    found = {one["id"]: one for one in results["check"]["requirements"]}
    assert found["CLI-REQUEST-CUT"]["delivery"] == "confirmed"


def test_load_verifies_every_reply(tmp_path: Path) -> None:
    """A process for each connection, and none is left."""
    code, results = judged(
        tmp_path,
        *("load", server(_SOUND), "--protocol", "echo", "--users", "3", "--for", "1s"),
    )
    assert code == 0
    assert results["load"]["requests"] > 100
    assert not results["load"]["failures"]


def test_a_process_may_take_longer_to_start_than_to_reply(tmp_path: Path) -> None:
    """What opens its connection late has failed nothing."""
    slow = f"import time; time.sleep(1.2)\n{_READS_ON}"
    code, results = judged(
        tmp_path,
        *("load", server(slow), "--protocol", "json-rpc", "--users", "2", "--for", "2s"),
        *("--timeout", "700ms"),
    )
    assert code == 0
    assert results["load"]["requests"] > 10
    assert not results["load"]["details"].get("failures_while_warming_up")


@pytest.mark.parametrize("wrong", ["exec:", "exec:no-such-program", "exec:'"])
def test_what_is_no_command_is_told(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In a line or two."""
    assert invoke(["check", wrong, "--protocol", "echo"]) == 2
    assert len(capsys.readouterr().err.splitlines()) <= 2


def test_commands_that_do_not_fit_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A command listens nowhere, and is started for each connection."""
    assert invoke(["backlog", "exec:cat", "--protocol", "echo"]) == 2
    assert "no accept queue" in capsys.readouterr().err
    assert invoke(["check", "exec:cat", "--protocol", "echo", "--start", "cat"]) == 2
    assert "started for each connection" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("program", "code"), [(_READS_ON, 0), (_HEADER_IN_ONE_READ, 1)], ids=["sound", "one read"]
)
def test_a_language_server_is_judged(program: str, code: int, tmp_path: Path) -> None:
    """One that takes what it reads for a whole header fails with one cut; a sound one passes."""
    found, results = judged(
        tmp_path,
        *("check", server(program), "--protocol", "json-rpc", "--depth", "quick"),
        *("--only", "SEG-SINGLE"),
    )
    assert found == code
    verdicts = {one["id"]: one["verdict"] for one in results["check"]["requirements"]}
    assert verdicts["SEG-SINGLE"] == ("FAIL" if code else "PASS")
