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
    alike,
    by_verdict,
    effort,
    family,
    first_evidence,
    reasons,
    replay_command,
)
from wireproof.reporting.terminal.figures import backlog_lines, load_lines
from wireproof.reporting.text import escaped, one_line
from wireproof.results import CheckResult, RequirementResult, Results, Verdict, outcome

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
            yield from _check(results.check, options)
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
    line.append(f"  {escaped(results.target)}")
    if results.check is not None:
        line.append(f"  {escaped(results.check.protocol)}", style="dim")
    yield line
    yield Text.assemble(_word(found.word), "  ", reasons(found))
    if results.check is not None:
        yield Text(effort(results.check), style="dim")


def _check(check: CheckResult, options: ConsoleOptions) -> Iterator[Text | Table]:
    groups = by_verdict(check.requirements)
    passed = groups.pop(Verdict.PASS, [])
    unsupported = groups.pop(Verdict.UNSUPPORTED, [])
    shown = sum(len(alike(lines)) for lines in groups.values())
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    room = max(options.max_width - 16, 20) * (2 if shown <= _FEW else 1)
    for verdict, lines in groups.items():
        for same in alike(lines):
            table.add_row(_word(verdict), _finding(same, room if options.is_terminal else None))
    if unsupported:
        table.add_row(_word(Verdict.UNSUPPORTED), _families(unsupported))
    if passed:
        table.add_row(_word(Verdict.PASS), _families(passed))
    if groups:
        yield Text()
    yield table


def _finding(same: list[RequirementResult], room: int | None) -> Text:
    line = same[0]
    identifiers = ", ".join(escaped(one.id) for one in same)
    title = f"{len(same)} requirements" if len(same) > 1 else escaped(line.title)
    text = Text().append(identifiers, style="bold").append(f"  {title}")
    if line.message:
        message = one_line(line.message)
        if room is not None and len(message) > room:
            message = message[: room - 1] + "…"
        text.append(f"\n{message}", style="dim")
    return text


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
