import io

import msgspec
from rich.console import Console

from tests.support import result_samples as samples
from wireproof.reporting.terminal.progress import (
    CheckProgress,
    LoadProgress,
    StepProgress,
    TrialProgress,
)
from wireproof.results import Verdict


class _Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _console(*, terminal: bool) -> Console:
    return Console(
        file=io.StringIO(), width=100, force_terminal=terminal, color_system=None, highlight=False
    )


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _step(progress: CheckProgress, position: int) -> None:
    progress.update(
        position=position, total=3, requirement=f"SEG-{position}", executed=40, failures=1
    )


def test_a_check_prints_a_line_a_requirement_where_there_is_no_terminal() -> None:
    """In a log, each requirement leaves its verdict, and nothing is redrawn."""
    console, clock = _console(terminal=False), _Clock()
    with CheckProgress(console=console, clock=clock) as progress:
        clock.now_s += 2
        _step(progress, 1)
        progress.finished(samples.requirement("SEG-1"))
        progress.finished(samples.requirement("SEG-2"))
    assert [line.split()[:2] for line in _text(console).splitlines()] == [
        ["PASS", "SEG-1"],
        ["PASS", "SEG-2"],
    ]


def test_a_dead_server_is_one_line() -> None:
    """Requirements that nothing was tried for have one line for each reason, not one each."""
    console, clock = _console(terminal=False), _Clock()
    with CheckProgress(console=console, clock=clock) as progress:
        clock.now_s += 5
        for number, reason in enumerate(["no answer since A"] * 30 + ["time ran out"]):
            line = samples.requirement(f"SEG-{number}")
            progress.finished(
                msgspec.structs.replace(
                    line, verdict=Verdict.INCONCLUSIVE, examples=0, message=reason
                )
            )
    assert [line.partition("  ")[2].strip() for line in _text(console).splitlines()] == [
        "SEG-0 and more: no answer since A",
        "SEG-30 and more: time ran out",
    ]


def test_nothing_is_shown_of_what_is_over_within_a_second() -> None:
    """A short run leaves no trace on either kind of stream."""
    for terminal in (True, False):
        console, clock = _console(terminal=terminal), _Clock()
        with CheckProgress(console=console, clock=clock) as progress:
            clock.now_s += 0.9
            _step(progress, 1)
            progress.finished(samples.requirement("SEG-1"))
        assert not _text(console)


def test_lines_of_the_first_second_come_later() -> None:
    """What was held back is printed once the run turns out to be long."""
    console, clock = _console(terminal=False), _Clock()
    with CheckProgress(console=console, clock=clock) as progress:
        progress.finished(samples.requirement("SEG-1"))
        clock.now_s += 1.1
        progress.finished(samples.requirement("SEG-2"))
    assert len(_text(console).splitlines()) == 2


def test_nothing_is_shown_when_it_is_not_enabled() -> None:
    """With --json there is neither view nor line."""
    for terminal in (True, False):
        console, clock = _console(terminal=terminal), _Clock()
        with CheckProgress(console=console, clock=clock, enabled=False) as progress:
            clock.now_s += 5
            _step(progress, 2)
            progress.finished(samples.requirement("SEG-1"))
        assert not _text(console)


def test_the_live_view_says_where_the_check_is_and_leaves_the_screen() -> None:
    """Position, ID, conversations and findings are on the line; the cursor comes back."""
    console, clock = _console(terminal=True), _Clock()
    with CheckProgress(console=console, clock=clock) as progress:
        clock.now_s += 2
        _step(progress, 2)
        shown = _text(console)
        clock.now_s += 0.01
        _step(progress, 3)
        assert _text(console) == shown  # drawn at most ten times a second
    for words in ("2/3", "SEG-2", "40 conversations", "1 finding"):
        assert words in shown
    assert _text(console).count("\x1b[?25l") == _text(console).count("\x1b[?25h") == 1


def test_a_load_prints_a_line_every_few_seconds_where_there_is_no_terminal() -> None:
    """Twenty seconds leave four lines with rate, percentiles, queue and failures."""
    console, clock = _console(terminal=False), _Clock()
    with LoadProgress(console=console, clock=clock) as progress:
        for second in samples.series(1000.0):
            clock.now_s += 1
            progress.update(second, total_s=20)
    lines = _text(console).splitlines()
    assert [line.split()[0] for line in lines] == ["1", "6", "11", "16"]
    assert "4 failures" in lines[-1]
    assert "queue" in lines[0]


def test_a_load_shows_its_last_second_on_a_terminal() -> None:
    """The live view has the share of the time gone and the second's figures."""
    console, clock = _console(terminal=True), _Clock()
    with LoadProgress(console=console, clock=clock) as progress:
        clock.now_s += 9
        progress.update(samples.series(1000.0)[8], total_s=20)
    for words in ("9 s", "steady", "50 connections", "p99", "queue 51", "4 failures"):
        assert words in _text(console).replace("\n", " ")


def test_steps_are_told_in_both_forms() -> None:
    """A measurement of few long steps names each as it begins."""
    for terminal in (True, False):
        console, clock = _console(terminal=terminal), _Clock()
        with StepProgress(console=console, clock=clock) as progress:
            clock.now_s += 2
            progress.update(position=1, total=4, step="burst of 60 connects")
        assert "1/4" in _text(console)
        assert "burst of 60 connects" in _text(console)


def test_many_short_trials_leave_a_line_every_few_seconds_where_there_is_no_terminal() -> None:
    """A log of fifteen seconds has three lines, and each says how far it is."""
    console, clock = _console(terminal=False), _Clock()
    with TrialProgress(console=console, clock=clock) as progress:
        for number in range(120):
            progress.tell(f"{number}/120  CLI-REPLY-CUT")
            clock.now_s += 0.125
    assert [line.split()[-2] for line in _text(console).splitlines()] == [
        "0/120",
        "40/120",
        "80/120",
    ]


def test_the_live_view_of_trials_stays_on_one_line() -> None:
    """What is longer than the terminal is wide ends there; control characters are escaped."""
    console, clock = _console(terminal=True), _Clock()
    with TrialProgress(console=console, clock=clock) as progress:
        clock.now_s += 2
        progress.tell("\x1b[2J" + "x" * 500)
    assert "\x1b[2J" not in _text(console)
    assert "x" * 101 not in _text(console)
