"""What failed under load, shown: of each cause the first, with what was asked, owed and got."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from wireproof.reporting.digest import causes
from wireproof.reporting.text import escaped
from wireproof.results import LoadResult

_SHOWN = ("request", "expected", "actual")


def failure_lines(load: LoadResult) -> Iterator[Text]:
    """Yield how often what failed, and what it looked like."""
    if load.failures:
        yield Text.assemble(("failures  ", "bold red"), escaped(causes(load.failures)))
    before = load.details.get("failures_while_warming_up")
    if isinstance(before, dict) and load.right <= 0:
        counts = {str(cause): number for cause, number in before.items() if isinstance(number, int)}
        yield Text.assemble(("before it was measured  ", "bold red"), escaped(causes(counts)))
    told: set[str] = set()
    samples = load.details.get("samples")
    for sample in samples if isinstance(samples, list) else ():
        if not isinstance(sample, dict):  # a file may hold anything
            continue
        cause = str(sample.get("cause", ""))
        if cause not in told and (cause in load.failures or load.right <= 0):
            told.add(cause)
            yield from _sample_lines(cause, sample)


def _sample_lines(cause: str, sample: Mapping[str, Any]) -> Iterator[Text]:
    problem = str(sample.get("problem", ""))
    told = f"{cause}: {problem}" if problem and problem != cause else cause
    offset_bytes = sample.get("offset_bytes")
    if sample.get("actual") and isinstance(offset_bytes, int):
        told += f", at byte {offset_bytes} of what was received"
    yield Text.assemble("  ", (escaped(told), "red"))
    for name in _SHOWN:
        if shown := str(sample.get(name, "")):
            yield Text.assemble(("    " + name.ljust(10), "dim"), escaped(shown))
