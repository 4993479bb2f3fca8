"""`wireproof check --start`: a server that dies is told by its death, and the rest is judged."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(__file__).parents[1] / "support" / "fragile_server.py"


def check(way: str, folder: Path, *only: str, started: bool = True) -> dict[str, Any]:
    """Check the fragile server at quick depth; return its requirements by id."""
    start = f"{shlex.quote(sys.executable)} {shlex.quote(str(SERVER))} {{port}} {way}"
    options = [word for one in only for word in ("--only", one)]
    command = [Path(sys.executable).with_name("wireproof"), "check", "tcp://127.0.0.1:0"]
    done = subprocess.run(
        [*command, "--protocol", "line-echo", "--depth", "quick", "--seed", "1", *options,
         "--start", start, "--out", str(folder)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )  # fmt: skip
    results = json.loads((folder / "results.json").read_text())
    found = {one["id"]: one for one in results["check"]["requirements"]}
    return {"exit": done.returncode, "said": done.stdout, "found": found}


@pytest.mark.parametrize(
    ("way", "killing", "how"),
    [
        ("partial", "SEG-SINGLE", "the server died (exit status 3; last log line: b'assertion"),
        ("reset", "RESET-MID", "the server died (signal 6 (SIGABRT); last log line: b'uncaught"),
        ("hang", "SIZE-POWERS", "the server stopped serving"),
    ],
)
def test_a_death_is_told_and_the_rest_is_judged(
    way: str, killing: str, how: str, tmp_path: Path
) -> None:
    """FAIL by its name, as small as it goes; what comes after meets a server that serves."""
    run = check(way, tmp_path / "out", "BASE-ANSWER", killing, "CLOSE-SILENT", "IDLE-RESUME")
    found = run["found"]
    assert run["exit"] == 1
    assert found[killing]["verdict"] == "FAIL"
    assert found[killing]["message"].startswith(how)
    others = {key: one["verdict"] for key, one in found.items() if key != killing}
    assert set(others.values()) == {"PASS"}, others
    case = json.loads((tmp_path / "out/evidence" / killing / "replay.json").read_text())
    assert case["failed"] == case["runs"]
    if way != "hang":
        assert sum(len(one) for one in case["plan"]["requests"]) <= 2


def test_a_sound_server_is_started_once(tmp_path: Path) -> None:
    """`--start` alone changes no verdict."""
    run = check("sound", tmp_path / "out", "BASE-ANSWER", "SEG-SINGLE", "RESET-MID")
    assert run["exit"] == 0
    assert {one["verdict"] for one in run["found"].values()} == {"PASS"}


def test_a_slow_server_gets_fewer_plans_and_a_verdict(tmp_path: Path) -> None:
    """50 ms a read: a part of the cuts is tried, and that is said."""
    run = check("slow", tmp_path / "out", "BASE-ANSWER", "SEG-SINGLE", "SEG-PAIRS", "OCTET-ALL")
    assert run["exit"] == 0
    assert {one["verdict"] for one in run["found"].values()} == {"PASS"}
    assert "conversations tried: an exchange takes" in run["found"]["OCTET-ALL"]["message"]
