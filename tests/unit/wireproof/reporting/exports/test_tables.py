import csv
import io

import msgspec
import pytest

from tests.support import result_samples as samples
from wireproof.errors import UsageError
from wireproof.reporting.exports.tables import decode_histogram, hgrm, series_csv


def test_the_series_has_a_line_a_second() -> None:
    """CSV columns are the fields of the record, empty where nothing was measured."""
    load = samples.load()
    first = msgspec.structs.replace(load.series[0], queue_depth=None, phase="=1+1\x1b")
    load = msgspec.structs.replace(load, series=[first, *load.series[1:]])
    rows = list(csv.DictReader(io.StringIO(series_csv(samples.results(load=load)))))
    assert len(rows) == len(load.series)
    assert int(rows[3]["requests"]) == load.series[3].requests
    assert rows[0]["queue_depth"] == ""
    assert rows[0]["phase"] == "'=1+1\\x1b"


def test_hgrm_has_the_percentiles_of_the_histogram() -> None:
    """The text ends with the count, and its percentiles rise from 0 to 1."""
    text = hgrm(samples.results(load=samples.load()), "wire")
    found = [line.split() for line in text.splitlines() if line and line[0] == " "]
    shares = [float(row[1]) for row in found[1:]]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert "TotalCount     =    20000.000" in text


def test_the_leading_latency_is_chosen_unless_named() -> None:
    """A closed loop gives the service latency."""
    results = samples.results(load=samples.load())
    assert hgrm(results) == hgrm(results, "service") != hgrm(results, "wire")


def test_what_is_not_there_is_told() -> None:
    """A file without load, or without that histogram, is wrong usage, in words."""
    with pytest.raises(UsageError, match="holds no load"):
        series_csv(samples.results("check", check=samples.check()))
    bare = msgspec.structs.replace(samples.load(), histograms={})
    with pytest.raises(UsageError, match="no histogram of service latency"):
        hgrm(samples.results(load=bare))


@pytest.mark.parametrize("text", ["", "nonsense", "HISTFAAA", "A" * 300_000])
def test_a_broken_histogram_is_told(text: str) -> None:
    """What no decoder can read is wrong usage, not a traceback."""
    with pytest.raises(UsageError, match="a histogram in the result file"):
        decode_histogram(text)
