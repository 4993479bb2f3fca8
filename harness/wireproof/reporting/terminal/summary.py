"""The summary on the terminal: one screen, the answer first, what to do next last.

Every text goes through `rich.text.Text`, never through markup, and every text of the peer through
`escaped`, so that no byte of a server can steer the terminal.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from wireproof.reporting.digest import (
    Story,
    by_verdict,
    effort,
    family,
    first_evidence,
    place,
    reasons,
    replay_command,
    stories,
)
from wireproof.reporting.learnt import SPAN_HEADINGS, learnt_lines, span_row
from wireproof.reporting.terminal.figures import backlog_lines, load_lines
from wireproof.reporting.text import escaped, one_line
from wireproof.results import (
    CheckResult,
    LearntSpan,
    RequirementResult,
    Results,
    Verdict,
    outcome,
)

_STYLES = {
    Verdict.FAIL: "bold red",
    Verdict.FLAKY: "bold magenta",
    Verdict.ERROR: "bold white on red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.NON_STRICT: "yellow",
    Verdict.UNSUPPORTED: "dim",
    Verdict.PASS: "bold green",
}
_PLAIN_WIDTH = 100
_NAME_CHARACTERS = 120
_MOST_SPANS = 12
_FEW = 6
"""Findings that may take two lines each; more of them get one."""


def make_console(*, stderr: bool = False) -> Console:
    """Return a console for one of the two standard streams.

    Where the stream is no terminal, lines are as wide as a log likes them, or `COLUMNS`.
    """
    stream = sys.stderr if stderr else sys.stdout
    if hasattr(stream, "reconfigure"):  # an ASCII terminal gets \u escapes, not a traceback
        stream.reconfigure(errors="backslashreplace")
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def print_summary(results: Results, path: Path, console: Console | None = None) -> None:
    """Print the summary of the result file at `path`."""
    (console or make_console()).print(summary(results, path), crop=False)


def summary(results: Results, path: Path) -> "Summary":
    """Return the summary as something that rich can print."""
    return Summary(results, path)


class Summary:
    """A renderable: it asks for the width when it is printed."""

    def __init__(self, results: Results, path: Path) -> None:
        """Summarise `results`, read from or written to `path`."""
        self._results = results
        self._path = path

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines, top to bottom."""
        del console
        results = self._results
        yield from _title(results)
        if results.check is not None:
            yield from _check(results, results.check, self._path, options)
        micro = "µs" if options.encoding.startswith("utf") else "us"
        if results.load is not None:
            yield Text()
            yield from load_lines(results.load, options.max_width, micro)
        if results.backlog is not None:
            yield Text()
            whole = results.command == "backlog"
            yield from backlog_lines(results.backlog, options.max_width, micro, whole=whole)
        yield Text()
        yield from _next_steps(results, self._path)


def _title(results: Results) -> Iterator[Text]:
    found = outcome(results)
    line = Text().append(f"wireproof {escaped(results.command)}", style="bold")
    line.append(f"  {escaped(place(results))}")
    if results.check is not None:
        name = results.between.command if results.between else results.check.protocol
        line.append(f"  {one_line(name, limit=_NAME_CHARACTERS)}", style="dim")
    yield line
    yield Text.assemble(_word(found.word), "  ", reasons(found))
    if results.check is not None:
        for words in learnt_lines(results.check, found):
            yield Text(words)


def _check(
    results: Results, check: CheckResult, path: Path, options: ConsoleOptions
) -> Iterator[Text | Table]:
    """Yield what failed, directly below the answer, where to look, and then what holds."""
    groups = by_verdict(check.requirements)
    told = stories(check)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    room = max(options.max_width - 16, 20) * (2 if len(told) <= _FEW else 1)
    look = _where_to_look(check, path)
    for number, story in enumerate(told):
        words = _story(story, room if options.is_terminal else None)
        if number == 0 and look:
            words.append(f"\nlook in {look}", style="bold")
        table.add_row(_word(story.verdict), words)
    for verdict in (Verdict.UNSUPPORTED, Verdict.PASS):
        if verdict in groups:
            table.add_row(_word(verdict), _families(groups[verdict]))
    yield table
    yield Text(effort(check, results.between), style="dim")
    if check.learnt is not None and check.learnt.spans:
        yield Text()
        yield _spans(check.learnt.spans)


def _where_to_look(check: CheckResult, path: Path) -> str:
    replay, script = first_evidence(check, path.parent)
    found = replay or script
    return "" if found is None else escaped(f"{found.parent}/")


def _spans(spans: list[LearntSpan]) -> Table:
    """Return what is not judged byte for byte, what is masked first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in SPAN_HEADINGS:
        table.add_column(name, overflow="fold")
    shown = sorted(spans, key=lambda span: span.judged != "not")[:_MOST_SPANS]
    for span in shown:
        table.add_row(*map(Text, span_row(span)))
    if len(spans) > len(shown):
        table.add_row(Text(f"and {len(spans) - len(shown):,} more, in the report"))
    return table


def _story(story: Story, room: int | None) -> Text:
    first, *others = story.lines
    names = [first, *others] if story.cause is None else [first]
    title = f"{len(names)} requirements" if len(names) > 1 else escaped(first.title)
    text = Text().append(", ".join(escaped(one.id) for one in names), style="bold")
    text.append(f"  {title}")
    if story.message:
        text.append(f"\n{_fitted(one_line(story.message), room)}", style="dim")
    if story.cause is not None:
        said = f"cause {escaped(story.cause.id)}, confirmed {escaped(story.cause.confirmed)}"
        if others:
            met = ", ".join(escaped(one.id) for one in others)
            said += f", breaks {len(story.lines)} requirements; the others: {met}"
        text.append(f"\n{_fitted(said, room)}", style="dim")
    return text


def _fitted(words: str, room: int | None) -> str:
    return words if room is None or len(words) <= room else words[: room - 1] + "…"


def _families(lines: list[RequirementResult]) -> Text:
    """Return `SEG 8, REPLY 5`: what holds needs no line of its own."""
    sizes = Counter(family(line.id) for line in lines)
    return Text(", ".join(f"{escaped(name)} {size}" for name, size in sizes.items()))


def _word(verdict: Verdict) -> Text:
    return Text(verdict.value, style=_STYLES[verdict])


def _next_steps(results: Results, path: Path) -> Iterator[Text]:
    page = path.with_name("index.html")
    steps = {"Report": str(page if page.exists() else path)}
    if results.check is not None:
        replay, script = first_evidence(results.check, path.parent)
        if replay is not None:
            steps["Replay"] = replay_command(replay, results.check)
        if script is not None:
            steps["Script"] = f"python3 {script}"
    if not page.exists():
        steps["Page"] = f"wireproof report {path} --html report.html"
    for name, words in steps.items():
        # Paths are copied from the screen: the terminal may wrap them, we must not break them.
        line = Text(no_wrap=True, overflow="ignore")
        yield line.append(f"{name:<6}", style="bold").append(f"  {escaped(words)}")
