import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.support import result_samples as samples
from wireproof.reporting.terminal.summary import make_console, print_summary
from wireproof.results import Results, Verdict

PATH = Path("reports/20251123T145200Z-run/results.json")


def _screen(results: Results, width: int = 80, *, terminal: bool = True, path: Path = PATH) -> str:
    text = io.StringIO()
    console = Console(
        file=text, width=width, force_terminal=terminal, color_system=None, highlight=False
    )
    print_summary(results, path, console)
    return text.getvalue()


def _sound_run() -> Results:
    lines = [
        samples.requirement(f"{name}-{number}")
        for name in ("SEG", "REP", "CON")
        for number in range(8)
    ]
    load = msgspec.structs.replace(samples.load(), slo=[], failures={})
    return samples.results(check=samples.check(*lines), load=load, backlog=samples.backlog())


def _lines_with_labels(screen: str) -> list[str]:
    return [line.rstrip() for line in screen.splitlines()]


def test_a_whole_run_that_holds_fits_one_screen() -> None:
    """Check, load, queue and ladder of a sound server take at most 24 lines of 80 columns."""
    lines = _screen(_sound_run()).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines[:-1])) <= 80  # the last is a command to be copied
    assert "PASS  24 of 24 requirements passed" in lines[1]


def test_every_verdict_but_pass_has_its_line_and_message() -> None:
    """What needs attention is shown whole; passes are counted by family."""
    screen = _screen(samples.results("check", check=samples.check()), width=100)
    for line in samples.check().requirements:
        if line.verdict not in {Verdict.PASS, Verdict.UNSUPPORTED}:
            assert line.id in screen
            assert line.message in screen
    assert "SEG 8, CON 1" in screen
    assert "SEG-03" not in screen


def test_it_ends_with_what_to_do_next() -> None:
    """Report, replay command and script come last, and their paths are never broken."""
    screen = _screen(samples.results(), width=40)
    assert screen.splitlines()[-4:] == [
        f"Report  {PATH}",
        f"Replay  wireproof replay {PATH.parent}/evidence/SEG-09/replay.json",
        f"Script  python3 {PATH.parent}/evidence/SEG-09/replay.py",
        f"Page    wireproof report {PATH} --html report.html",
    ]


def test_the_page_is_named_when_there_is_one(tmp_path: Path) -> None:
    """With an index.html beside the result file, that is the report."""
    (tmp_path / "index.html").touch()
    last = _screen(samples.results(), path=tmp_path / "results.json").splitlines()
    assert f"Report  {tmp_path}/index.html" in last
    assert not any(line.startswith("Page") for line in last)


@pytest.mark.parametrize("width", [20, 40, 60, 72, 80, 132])
def test_any_width_is_respected(width: int) -> None:
    """No line but those to be copied is wider than the terminal."""
    lines = _screen(samples.results(), width=width).splitlines()
    assert max(len(line) for line in lines[:-4]) <= width


def test_each_capacity_has_its_bottleneck_beside_it() -> None:
    """No rate is shown without the word or the sign that says what bounded it."""
    screen = _screen(samples.results())
    assert "180,000 requests/s at 50 connections, server-bound" in screen
    assert "200k*" in screen
    assert "* generator-bound, ! with failures, the rest server-bound" in screen


def test_one_stage_shows_the_three_latencies() -> None:
    """A single load says service, scheduled and wire, and what each of them is."""
    load = msgspec.structs.replace(samples.load(), stages=[])
    screen = _screen(samples.results("load", load=load))
    for words in ("service", "scheduled", "wire", "send to the kernel's receive time"):
        assert words in screen


def test_a_single_ladder_shows_its_percentiles() -> None:
    """The ladder of one model has a line for each number of connections."""
    backlog = samples.backlog()
    rungs = [rung for rung in backlog.ladder if rung.model == "one-at-a-time"]
    backlog = msgspec.structs.replace(backlog, ladder=rungs)
    screen = _screen(samples.results("backlog", backlog=backlog))
    assert "p99.9" in screen
    assert sum(line.endswith("server") for line in _lines_with_labels(screen)) == len(rungs)


def test_a_part_says_so() -> None:
    """An interrupted run is told as what it is."""
    assert "interrupted" in _screen(samples.results(load=samples.load(), partial=True))


def test_markup_and_escapes_of_a_server_stay_text() -> None:
    """Rich markup is shown as it came; escape sequences are written out."""
    hostile = "[bold red]x[/] \x1b[31m\u202e :smile: [link=file:///etc/passwd]y[/link]"
    line = samples.requirement("SEG-1", Verdict.FAIL, hostile, title=hostile)
    results = samples.results("check", check=samples.check(line), target="tcp://\x1b]0;x\x07:1")
    screen = _screen(results, width=200)
    assert "\x1b]0" not in screen
    assert "\x1b[31m" not in screen
    assert "\u202e" not in screen
    assert "[bold red]x[/] \\x1b[31m\\u202e :smile: [link=" in screen


def test_a_message_of_a_megabyte_is_bounded() -> None:
    """One message cannot push all else off the screen."""
    line = samples.requirement("SEG-1", Verdict.FAIL, "x" * 1_000_000)
    results = samples.results("check", check=samples.check(line))
    assert len(_screen(results).splitlines()) < 15
    assert len(_screen(results, terminal=False)) < 10_000


def test_an_ascii_stream_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that knows only ASCII gets `us` and escapes instead of a traceback."""
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.delenv("COLUMNS", raising=False)
    console = make_console()
    load = samples.load()
    print_summary(samples.results("load", target="unix:/tmp/sökett", load=load), PATH, console)
    console.file.flush()
    assert b" us" in raw.getvalue()
    assert b"s\\xf6kett" in raw.getvalue()


def test_one_cause_is_one_entry() -> None:
    """Its sentence, how often it was confirmed, and the other requirements, under the first."""
    screen = _screen(samples.results("check", check=samples.check_with_causes()), width=120)
    assert "2 causes, 4 requirements" in screen
    assert screen.count("when the cut falls after byte 1") == 1
    told = "cause C1, confirmed 5/5, breaks 3 requirements; the others: CLOSE-X, SEG-PAIRS"
    assert told in screen
    assert screen.index("SEG-SINGLE") < screen.index(told) < screen.index("SLOW-LOSS")
