"""The gallery's runner: several seeds, results read again, the table put into a page."""

import contextlib
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.real_servers import __main__ as gallery_main
from tests.real_servers import gallery, running
from tests.real_servers.gallery import HERE, ROOT, Server, catalogue
from tests.real_servers.running import Outcome, judge_often, read
from tests.real_servers.table import as_lines, as_markdown, put_between_marks
from wireproof.deadline import Deadline
from wireproof.results import Level, RequirementResult, Verdict, encode, load_results

ECHO = next(one for one in catalogue() if one.protocol == "line-echo" and not one.behind)


def judged(problems: dict[int, str], asked: list[int]):
    """Return a stand-in for `judge` that says these problems, and notes the seeds."""

    def judge(server: Server, depth: str, out: Path, *, seed: int, **_: bool) -> Outcome:
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
    assert "| quick | nothing found in this run |" in as_markdown([outcome])


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


FOUND = RequirementResult(id="SEG-SINGLE", title="", level=Level.MUST, verdict=Verdict.FAIL)


@pytest.mark.parametrize(
    ("must", "says", "problem"),
    [
        (("SEG-SINGLE",), "", ""),
        (("SEG-*",), "", ""),
        (("*",), "server died", ""),
        (("COAL-*",), "", "not caught: COAL-*"),
        (("COAL-*",), "hung|stuck", "not caught: COAL-*; not said: hung|stuck"),
    ],
)
def test_what_must_be_found_and_said(
    must: tuple[str, ...], says: str, problem: str, tmp_path: Path
):
    """A group is found by one of its requirements; what is said may be broken into lines."""
    (tmp_path / "check.txt").write_text("FAIL  the server\n      died\n")
    server = msgspec.structs.replace(ECHO, must=must, says=says)
    assert running._problem(server, (FOUND,), tmp_path) == problem


def test_a_known_gap_is_told_and_is_no_surprise(tmp_path: Path):
    """What is known not to be said yet is no problem; once it is said, the table tells so."""
    (tmp_path / "check.txt").write_text("")
    server = msgspec.structs.replace(ECHO, must=("COAL-*",), not_yet="for a reason")
    missed = running._outcome(server, (FOUND,), tmp_path)
    assert (missed.problem, missed.gap) == ("", "not caught: COAL-*")
    assert "not yet: not caught: COAL-* (for a reason)" in "\n".join(as_lines([missed], []))
    found = running._outcome(msgspec.structs.replace(server, must=("*",)), (FOUND,), tmp_path)
    assert "although the catalogue says `not_yet`" in "\n".join(as_lines([found], []))


@pytest.mark.parametrize("alone", ["", "false alarm: X"])
def test_what_is_not_as_expected_is_judged_again_alone(
    alone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """A problem beside other servers stands if it is there alone too, and else is told as such."""

    def judge(server: Server, depth: str, out: Path, seeds: Sequence[int], **_: bool) -> Outcome:
        del depth, seeds
        troubled = server.name == "troubled"
        problem = (alone if out.name == "alone" else "false alarm: X") if troubled else ""
        return Outcome(server, (), problem, out)

    monkeypatch.setattr(gallery_main, "judge_often", judge)
    servers = [ECHO, msgspec.structs.replace(ECHO, name="troubled")]
    chosen = gallery_main._options().parse_args(["--out", str(tmp_path)])
    sound, troubled = gallery_main._judge_all(servers, chosen, Deadline(60))
    assert not sound.problem
    assert not sound.beside
    assert troubled.problem == alone
    assert troubled.beside == ("" if alone else "false alarm: X")


def test_no_port_is_given_twice():
    """Servers that start side by side get ports of their own, below those of clients."""
    ports = [running._free_port() for _ in range(100)]
    assert len(set(ports)) == 100
    assert set(ports) <= set(running._PORTS)


def test_what_needs_a_mount_is_left_out_where_none_is_permitted(monkeypatch: pytest.MonkeyPatch):
    """Whoever calls unshare is marked, and is left out with a reason where that is denied."""
    mounting = {one.name: one for one in catalogue() if one.mounts}
    scripts = {path.name for path in (HERE / "servers").iterdir() if "unshare" in path.read_text()}
    calling = {
        one.name for one in catalogue() if any(Path(word).name in scripts for word in one.start)
    }
    assert calling == {*mounting}
    monkeypatch.setattr(gallery, "can_mount", lambda: False)
    assert not any(map(gallery.is_installed, mounting.values()))
    assert "`unshare --mount` is not permitted" in "\n".join(as_lines([], [mounting["popa3d"]]))
    assert "not permitted" in gallery.install(mounting["syslog-ng"])
