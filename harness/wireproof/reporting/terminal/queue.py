"""The accept queue on the terminal: the comb of connect times, and what it means in sentences."""

import msgspec
from rich.table import Table
from rich.text import Text

from wireproof.reporting.digest import QUEUE_SOURCES
from wireproof.reporting.figures import duration
from wireproof.reporting.text import escaped
from wireproof.results import BacklogResult, Burst, Percentiles, Queue

_NONE = Text("·", style="dim")


def queue_line(queue: Queue) -> Text:
    """Return limit and depth, and how they are known."""
    depth = "depth unknown" if queue.depth is None else f"holds {queue.depth:,}"
    limit = "backlog unknown" if queue.limit is None else f"backlog {queue.limit:,}"
    line = Text.assemble(("Accept queue  ", "bold"), f"{depth}, {limit}")
    if queue.listeners > 1:
        line.append(f", {queue.listeners} listeners")
    return line.append(f"  {QUEUE_SOURCES.get(queue.source) or escaped(queue.source)}", style="dim")


def comb_table(backlog: BacklogResult, micro: str) -> Table:
    """Return the bursts, a row each, with a column for each time at which a SYN is sent again."""
    steps = sorted({int(step) for burst in backlog.burst for step in burst.retries} - {0})
    half_open = any(burst.half_open for burst in backlog.burst)
    failed = any(burst.failed for burst in backlog.burst)
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("burst of", justify="right")
    table.add_column("at once", justify="right")
    for step in steps:
        table.add_column(_step_name(step, backlog.syn_retries_at_s), justify="right")
    if failed:
        table.add_column("failed", justify="right")
    if half_open:
        table.add_column("half-open", justify="right")
    table.add_column("median", justify="right")
    table.add_column("slowest", justify="right")
    for burst in backlog.burst:
        table.add_row(
            f"{burst.connections:,}",
            _cell(burst.completed_at_once),
            *(_cell(burst.retries.get(str(step), 0), "yellow") for step in steps),
            *([_cell(sum(burst.failed.values()), "bold red")] if failed else []),
            *([_cell(burst.half_open or 0, "bold red")] if half_open else []),
            *_times(burst, micro),
        )
    return table


def sentence_list(sentences: list[str]) -> Table:
    """Return the sentences, an item each."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for sentence in sentences:
        table.add_row("-", Text(escaped(sentence)))
    return table


def _step_name(step: int, times_s: list[float]) -> str:
    return f"after {times_s[step - 1]:g} s" if step <= len(times_s) else f"{step} retries"


def _cell(number: int, style: str = "") -> Text:
    return Text(f"{number:,}", style=style) if number else _NONE


def _times(burst: Burst, micro: str) -> list[str]:
    found = burst.connect_us.get("percentiles")
    if found is None:
        return ["", ""]
    percentiles = msgspec.convert(found, Percentiles, from_attributes=True)
    return [duration(value, micro=micro) for value in (percentiles.p50, percentiles.max)]
