"""The gallery's runner: several seeds, results read again, the table put into a page."""

import contextlib
import select
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.real_servers import running
from tests.real_servers.gallery import ROOT, Server, catalogue
from tests.real_servers.running import Outcome, judge_often, read
from tests.real_servers.table import as_markdown, put_between_marks
from wireproof.deadline import Deadline
from wireproof.results import RequirementResult, encode, load_results

ECHO = next(server for server in catalogue() if server.protocol == "line-echo")


def judged(problems: dict[int, str], asked: list[int]):
    """Return a stand-in for `judge` that says these problems, and notes the seeds."""

    def judge(server: Server, depth: str, out: Path, *, seed: int) -> Outcome:
        del depth
        asked.append(seed)
        lines: tuple[RequirementResult, ...] = ()
        return Outcome(server, lines, problems.get(seed, ""), out)

    return judge


def test_each_seed_is_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A server is judged once a seed, each into a folder of its own, and none hides another."""
    asked: list[int] = []
    monkeypatch.setattr(running, "judge", judged({5: "false alarm: X"}, asked))
    outcome = judge_often(ECHO, "quick", tmp_path, range(4, 7))
    assert asked == [4, 5, 6]
    assert outcome.folder == tmp_path / "seed-5"
    assert outcome.problem == "1 of 3 runs, first with seed 5: false alarm: X"


def test_runs_as_expected_have_no_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Where every run is as expected, nothing is said."""
    monkeypatch.setattr(running, "judge", judged({}, []))
    assert not judge_often(ECHO, "quick", tmp_path, range(3)).problem


def test_a_fault_that_strikes_now_and_then_is_no_surprise(tmp_path: Path):
    """A server that need not be caught is as expected without a finding, and not called sound."""
    now_and_then = msgspec.structs.replace(ECHO, must=())
    outcome = running.judge(now_and_then, "quick", tmp_path, only=("BASE-ANSWER",))
    assert not outcome.problem
    assert "nothing found in this run" in as_markdown([outcome])


def test_a_gallery_that_is_stopped_leaves_nothing_running(tmp_path: Path):
    """SIGTERM ends the server and the check that were under way, and no other is begun."""
    arguments = ("--exactly", ECHO.name, "--jobs", "1", "--runs", "5", "--out", str(tmp_path))
    gallery = subprocess.Popen([sys.executable, "-m", "tests.real_servers", *arguments], cwd=ROOT)
    try:
        deadline = Deadline(60)
        while not (checks := commands_with(f"--out {tmp_path}", "wireproof check")):
            assert not deadline.expired
            select.select([], [], [], 0.01)
        port = checks[0].partition("tcp://127.0.0.1:")[2].split()[0]
        assert commands_with("socketserver_echo.py", port)
        gallery.terminate()
        assert gallery.wait(30) == 128 + signal.SIGTERM
    finally:
        gallery.kill()
        gallery.wait()
    assert not commands_with("socketserver_echo.py", port)
    assert not commands_with(f"--out {tmp_path}")


def commands_with(*parts: str) -> list[str]:
    """Return the command lines of processes in which all of `parts` stand."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if all(part in line for part in parts):
                found.append(line)
    return found


def test_a_result_is_read_again(tmp_path: Path):
    """What a real check wrote is read to the same verdicts, and nothing is made of no result."""
    assert read(ECHO, tmp_path) is None
    only = ("BASE-ANSWER",)
    outcome = running.judge(ECHO, "quick", tmp_path / "seed-1", seed=1, only=only)
    again = read(ECHO, tmp_path)
    assert again is not None
    assert outcome.lines
    assert again.lines == outcome.lines


def test_a_run_that_was_cut_short_is_not_read(tmp_path: Path):
    """A partial result lacks verdicts, so it must not stand for a server that has no finding."""
    running.judge(ECHO, "quick", tmp_path, seed=1, only=("BASE-ANSWER",))
    path = tmp_path / "results.json"
    path.write_bytes(encode(msgspec.structs.replace(load_results(path), partial=True)))
    assert read(ECHO, tmp_path) is None


def test_the_table_goes_between_the_marks(tmp_path: Path):
    """What stands around the marks stays, however often the table is written."""
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- gallery: begin -->\nold\n<!-- gallery: end -->\nb\n")
    for table in ("| 1 |\n", "| 2 |\n"):
        put_between_marks(page, table)
        assert page.read_text() == (
            f"a\n<!-- gallery: begin -->\n{table}<!-- gallery: end -->\nb\n"
        )


def test_a_page_without_marks_is_the_table(tmp_path: Path):
    """A file that is not there, or has no marks, becomes the table."""
    put_between_marks(tmp_path / "new.md", "| 1 |\n")
    assert (tmp_path / "new.md").read_text() == "| 1 |\n"
