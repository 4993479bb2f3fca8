"""Figures for other programs: the series as CSV, latency as HdrHistogram's plotters read it."""

import csv
import io
from typing import Any

import msgspec

from wireproof.errors import UsageError
from wireproof.histogram import Histogram
from wireproof.reporting.digest import leading_latency
from wireproof.reporting.text import escaped
from wireproof.results import LoadResult, Results, Second

_SPREADSHEET_FORMULA = ("=", "+", "-", "@")


def series_csv(results: Results) -> str:
    """Return the load's series, one line a second, columns named as in `results.json`.

    Raises:
        UsageError: the file holds no load.

    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(Second.__struct_fields__)
    for second in _load(results).series:
        rows.writerow([_cell(value) for value in msgspec.structs.astuple(second)])
    return text.getvalue()


def hgrm(results: Results, kind: str | None = None) -> str:
    """Return a latency as the text that HdrHistogram plotters read, in microseconds.

    Args:
        results: of a load.
        kind: `service`, `scheduled` or `wire`; the leading one of the run unless given.

    Raises:
        UsageError: the file holds no such histogram.

    """
    load = _load(results)
    if kind is None:
        named = leading_latency(load, open_loop=load.rate_per_s is not None)
        kind = named[0] if named else "service"
    if kind not in load.histograms:
        known = ", ".join(load.histograms) or "none"
        raise UsageError(f"the load has no histogram of {kind} latency", f"it has: {known}")
    text = io.BytesIO()
    decode_histogram(load.histograms[kind]).output_percentile_distribution(text, 1)
    return text.getvalue().decode("ascii")


def decode_histogram(encoded: str) -> Any:
    """Return the `HdrHistogram` of a text that `results.json` holds.

    Raises:
        UsageError: it is not one.

    """
    from hdrh.histogram import HdrHistogram

    try:
        Histogram.decode(encoded)  # refuses what would unpack to more than it should
        return HdrHistogram.decode(encoded)
    except UsageError as error:
        raise UsageError(f"a histogram in the result file cannot be read: {error}") from None


def _load(results: Results) -> LoadResult:
    if results.load is None:
        raise UsageError(
            "the result file holds no load", "this format needs one of `wireproof load` or `run`"
        )
    return results.load


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return "" if value is None else value
    text = escaped(value)
    return f"'{text}" if text.startswith(_SPREADSHEET_FORMULA) else text
