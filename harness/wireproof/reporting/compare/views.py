"""A comparison on the terminal, as Markdown and as a page."""

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wireproof.reporting.compare.verdict import CONFIDENCE, Change, Comparison, Shift, Word
from wireproof.reporting.figures import duration, percent, rate
from wireproof.reporting.html.page import asset, page_policy, page_template
from wireproof.reporting.markdown import plain, table
from wireproof.reporting.text import escaped

_STYLES = {
    Word.REGRESSED: "bold red",
    Word.IMPROVED: "bold green",
    Word.UNCHANGED: "dim",
    Word.INCONCLUSIVE: "yellow",
}
_MARKDOWN = {
    Word.REGRESSED: "**regressed**",
    Word.IMPROVED: "improved",
    Word.UNCHANGED: "unchanged",
    Word.INCONCLUSIVE: "inconclusive",
}
_INTERVAL = f"{CONFIDENCE:.0%} interval".replace("%", " %")
_HEADER = ["conns", "figure", "base", "new", "change", _INTERVAL]
_HALF_WIDTH = 100
_MOST = 0.5
"""Change at which a bar of the page meets its end."""


def print_comparison(comparison: Comparison, names: tuple[str, str], console: Console) -> None:
    """Print the comparison of the two files named."""
    answer = Text().append("wireproof compare", style="bold")
    console.print(answer.append(f"  {escaped(names[0])}  {escaped(names[1])}"))
    word = comparison.word
    console.print(
        Text().append(word.upper(), style=_STYLES[word]).append(f"  {comparison.sentence}")
    )
    for warning in comparison.warnings:
        console.print(Text().append("warning  ", style="yellow").append(escaped(warning)))
    if comparison.changes:
        console.print(_figure_table(comparison.changes, console))
    rows = [shift for shift in comparison.shifts if shift.word is not Word.UNCHANGED]
    if rows:
        console.print(_shift_table(rows))


def _figure_table(changes: list[Change], console: Console) -> Table:
    micro = "µs" if console.encoding.startswith("utf") else "us"
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, name in enumerate(_HEADER):
        shown.add_column(name, justify="left" if index == 1 else "right", no_wrap=True)
    shown.add_column("", overflow="fold")
    for change in changes:
        said = Text().append(change.word.value, style=_STYLES[change.word])
        if change.reason:
            said.append(f"  {change.reason}", style="dim")
        shown.add_row(*map(Text, _cells(change, micro)), said)
    return shown


def _shift_table(shifts: list[Shift]) -> Table:
    shown = Table.grid(padding=(0, 2, 0, 0))
    for shift in shifts:
        shown.add_row(
            Text().append(shift.word.value, style=_STYLES[shift.word]),
            Text(escaped(shift.id, limit=200), style="bold"),
            Text(f"{escaped(shift.base)} -> {escaped(shift.new)}", no_wrap=True),
            Text(escaped(shift.reason or shift.title, limit=300), style="dim"),
        )
    return shown


def _cells(change: Change, micro: str = "µs") -> list[str]:
    interval = ""
    if change.low is not None and change.high is not None:
        interval = f"{percent(change.low)} to {percent(change.high)}"
    return [
        f"{change.connections:,}",
        change.name,
        _value(change, change.base, micro),
        _value(change, change.new, micro),
        "" if change.change is None else percent(change.change),
        interval,
    ]


def _value(change: Change, value: float | None, micro: str) -> str:
    if value is None:
        return ""
    return duration(value, micro=micro) if change.unit == "us" else rate(value)


def comparison_markdown(comparison: Comparison) -> str:
    """Return the comparison for a pull request."""
    lines = [f"## Wireproof: {comparison.word}", "", comparison.sentence]
    lines += [f"\n> **warning** {plain(warning)}" for warning in comparison.warnings]
    if comparison.changes:
        rows = [
            [*_cells(change), " ".join(filter(None, [_MARKDOWN[change.word], change.reason]))]
            for change in comparison.changes
        ]
        lines += table([*_HEADER, ""], rows, right_from=2)
    lines += _markdown_shifts(comparison.shifts)
    return "\n".join(lines) + "\n"


def _markdown_shifts(shifts: list[Shift]) -> Iterator[str]:
    rows = [
        [_MARKDOWN[shift.word], plain(shift.id), f"{plain(shift.base)} → {plain(shift.new)}"]
        for shift in shifts
        if shift.word is not Word.UNCHANGED
    ]
    same = sum(shift.word is Word.UNCHANGED for shift in shifts)
    if rows:
        yield from table(["", "requirement", ""], rows, right_from=9)
    if same:
        yield from ("", f"{same} requirements, objectives and counts are unchanged.")


@dataclass(frozen=True, slots=True)
class _Bar:
    """A change and its interval, in the units of the drawing; None where there is none."""

    cells: list[str]
    word: Word
    reason: str
    left: float | None
    right: float | None
    at: float | None


def comparison_html(comparison: Comparison, names: tuple[str, str]) -> str:
    """Return the comparison as one self-contained page without scripts."""
    styles = [asset("page.css")]
    page: str = page_template("compare.html.j2").render(
        comparison=comparison,
        names=[escaped(name) for name in names],
        header=_HEADER,
        bars=[_bar(change) for change in comparison.changes],
        shifts=sorted(comparison.shifts, key=lambda shift: list(Word).index(shift.word)),
        styles=[Markup(text) for text in styles],  # noqa: S704 - our own file
        policy=page_policy([], styles),
    )
    return page


def _bar(change: Change) -> _Bar:
    left, right, at = (_place(share) for share in (change.low, change.high, change.change))
    return _Bar(_cells(change), change.word, change.reason, left, right, at)


def _place(share: float | None) -> float | None:
    if share is None:
        return None
    return round(_HALF_WIDTH * (1 + max(-_MOST, min(_MOST, share)) / _MOST), 1)
