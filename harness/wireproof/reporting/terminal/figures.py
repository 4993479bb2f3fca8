"""Load and accept queue on the terminal: tables that give up columns before they wrap."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from wireproof.reporting.digest import (
    BOTTLENECK_MARKS,
    BOTTLENECK_WORDS,
    LATENCY_KINDS,
    ladder_models,
    leading_latency,
    length,
    steady_stages,
)
from wireproof.reporting.figures import duration, rate, short
from wireproof.reporting.terminal.queue import comb_table, queue_line, sentence_list
from wireproof.reporting.terminal.samples import failure_lines
from wireproof.reporting.text import escaped
from wireproof.results import BacklogResult, LoadResult, LoadStage, Percentiles, Rung
from wireproof.words import counted

_WIDE = 72
"""Columns from which on every percentile has its own."""
_NARROW = 60
"""Columns below which words become signs."""
_SENTENCES = 2
_MOST_KINDS = 12
"""Rows of requests by kind; all of them are in the report."""


def load_lines(load: LoadResult, width: int, micro: str) -> Iterator[Text | Table]:
    """Yield what the load showed."""
    stages = steady_stages(load)
    open_loop = load.rate_per_s is not None
    best = max(stages, key=lambda stage: stage.throughput_per_s)
    line = Text().append("Load  ", style="bold")
    line.append(
        f"{rate(best.throughput_per_s)} requests/s at {counted(best.users, 'connection')}, "
        f"{BOTTLENECK_WORDS.get(best.bottleneck, escaped(best.bottleneck))}"
    )
    if best.rate_per_s is not None:
        line.append(f", {rate(best.rate_per_s)}/s asked for")
    line.append(f"  {length(load)}", style="dim")
    yield line
    if len(stages) > 1:
        yield _stage_table(stages, width, micro, open_loop=open_loop)
        if width < _NARROW:
            yield Text(_legend(stages), style="dim")
    else:
        yield _latency_table(stages[0], width, micro)
    if load.kinds:
        yield _kinds_table(load, width, micro)
    if advice := load.details.get("advice"):
        yield Text(escaped(str(advice)), style="yellow")
    if turned_away := load.details.get("turned_away"):
        yield Text(
            f"{int(turned_away):,} more were sent ahead, after a reply that ended its connection"
            " as announced: not served, not failed, not counted",
            style="dim",
        )
    yield from failure_lines(load)
    for objective in load.slo:
        met = bool(objective["met"])
        yield Text.assemble(
            ("met   " if met else "MISSED", "green" if met else "bold red"),
            f"  {escaped(str(objective['expression']))}  measured ",
            escaped(str(objective["measured"])),
        )


def _stage_table(stages: list[LoadStage], width: int, micro: str, *, open_loop: bool) -> Table:
    kinds = {named[0] for stage in stages if (named := leading_latency(stage, open_loop=open_loop))}
    kind = kinds.pop() if len(kinds) == 1 and width >= _NARROW else ""
    table = _table()
    for name in ("conns", "requests/s", f"{kind} p50".strip(), *_percentile_names(width)[1:]):
        table.add_column(name, justify="right")
    _add_verdict_columns(table, width)
    for stage in stages:
        asked = "" if stage.rate_per_s is None else f" ({rate(stage.rate_per_s)}/s asked)"
        _add_row(table, f"{stage.users:,}{asked}", stage, width, micro, open_loop=open_loop)
    return table


def _add_verdict_columns(table: Table, width: int) -> None:
    if width >= _NARROW:
        table.add_column("failed", justify="right")
        table.add_column("bound by")


def _add_row(
    table: Table,
    connections: str,
    step: LoadStage | Rung,
    width: int,
    micro: str,
    *,
    open_loop: bool,
) -> None:
    named = leading_latency(step, open_loop=open_loop)
    latency = named[1] if named else None
    figures = _percentiles(latency, width, micro)
    if width < _NARROW:
        table.add_row(connections, _cell(step), *figures)
        return
    failed = sum(step.failures.values())
    table.add_row(
        connections,
        rate(step.throughput_per_s),
        *figures,
        Text(f"{failed:,}", style="bold red" if failed else ""),
        Text(escaped(step.bottleneck)),
    )


def _latency_table(stage: LoadStage, width: int, micro: str) -> Table:
    table = _table()
    table.add_column("latency")
    for name in _percentile_names(width):
        table.add_column(name, justify="right")
    if width >= _WIDE:
        table.add_column("")
    for kind, words in LATENCY_KINDS.items():
        if kind in stage.latency_us:
            row: list[str | Text] = [kind, *_percentiles(stage.latency_us[kind], width, micro)]
            table.add_row(*row, *([Text(words, style="dim")] if width >= _WIDE else []))
    return table


def _kinds_table(load: LoadResult, width: int, micro: str) -> Table:
    table = _table()
    table.add_column("request")
    for name in ("requests/s", *_percentile_names(width), "failed"):
        table.add_column(name, justify="right")
    for each in load.kinds[:_MOST_KINDS]:
        failed = sum(each.failures.values())
        table.add_row(
            escaped(each.kind),
            rate(each.throughput_per_s),
            *_percentiles(each.service_us, width, micro),
            Text(f"{failed:,}", style="bold red" if failed else ""),
        )
    return table


def _percentile_names(width: int) -> list[str]:
    return ["p50", "p99", "p99.9", "max"] if width >= _WIDE else ["p50", "p99"]


def _percentiles(latency: Percentiles | None, width: int, micro: str) -> list[str]:
    if latency is None:
        return [""] * len(_percentile_names(width))
    values = [latency.p50, latency.p99, latency.p99_9, latency.max]
    return [duration(value, micro=micro) for value in values[: len(_percentile_names(width))]]


def backlog_lines(
    backlog: BacklogResult, width: int, micro: str, *, whole: bool = False
) -> Iterator[Text | Table]:
    """Yield what the accept queue showed, and the ladder.

    Args:
        backlog: what was found.
        width: of the screen, in columns.
        micro: how to write microseconds.
        whole: with every burst and every sentence, where nothing else is on the screen.

    """
    yield queue_line(backlog.queue)
    if whole and backlog.burst:
        yield Text()
        yield comb_table(backlog, micro)
    if not whole:
        for sentence in backlog.explanation[:_SENTENCES]:
            yield Text(escaped(sentence), style="dim")
    if backlog.ladder:
        if whole:
            yield Text()
        yield from _ladder(backlog, width, micro)
    if whole:
        yield Text()
        yield sentence_list(backlog.explanation)


def _ladder(backlog: BacklogResult, width: int, micro: str) -> Iterator[Text | Table]:
    models = ladder_models(backlog)
    columns = sorted({rung.connections for rung in backlog.ladder})
    if len(models) == 1:
        yield _single_ladder(next(iter(models.values())), width, micro)
        if width < _NARROW:
            yield Text(_legend(backlog.ladder), style="dim")
        return
    cells = {
        model: {at: _cell(rung) for at, rung in rungs.items()} for model, rungs in models.items()
    }
    widest = max(len(cell) for row in cells.values() for cell in row.values())
    across = max(map(len, models)) + 2 + (widest + 1) * len(columns) <= width
    table = _table(gap=1 if across else 2)
    if across:
        table.add_column("requests/s at")
        for connections in columns:
            table.add_column(f"{connections}", justify="right")
        for model, row in cells.items():
            table.add_row(Text(escaped(model)), *(row.get(at, "") for at in columns))
    else:
        table.add_column("conns", justify="right")
        for model in models:
            table.add_column(Text(escaped(model)), justify="right")
        for connections in columns:
            row_cells = [row.get(connections, "") for row in cells.values()]
            table.add_row(f"{connections}", *row_cells)
    yield table
    yield Text(_legend(backlog.ladder), style="dim")


def _legend(steps: Sequence[LoadStage | Rung]) -> str:
    words = {step.bottleneck for step in steps}
    signs = []
    if "generator" in words:
        signs.append("* generator-bound")
    if "shared core" in words:
        signs.append("= on a shared core")
    if words - BOTTLENECK_WORDS.keys() or "undetermined" in words:
        signs.append("? undetermined")
    failing = any(any(step.failures.values()) for step in steps)
    unserved = any(map(_unserved, steps))
    if failing or unserved:
        reasons = ["with failures"] * failing + ["not all connections served"] * unserved
        signs.append(f"! {' or '.join(reasons)}")
    rest = "the rest server-bound" if signs else "all server-bound"
    return ", ".join([*signs, rest])


def _single_ladder(rungs: dict[int, Rung], width: int, micro: str) -> Table:
    table = _table()
    for name in ("conns", "requests/s", *_percentile_names(width)):
        table.add_column(name, justify="right")
    _add_verdict_columns(table, width)
    for connections, rung in sorted(rungs.items()):
        served = f" ({rung.served:,} served)" if _unserved(rung) else ""
        _add_row(table, f"{connections:,}{served}", rung, width, micro, open_loop=False)
    return table


def _cell(step: LoadStage | Rung) -> Text:
    text = Text(short(step.throughput_per_s))
    text.append(BOTTLENECK_MARKS.get(step.bottleneck, "?"), style="dim")
    if any(step.failures.values()) or _unserved(step):
        text.append("!", style="bold red")
    return text


def _unserved(step: LoadStage | Rung) -> bool:
    return isinstance(step, Rung) and step.served is not None and step.served < step.connections


def _table(gap: int = 2) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
