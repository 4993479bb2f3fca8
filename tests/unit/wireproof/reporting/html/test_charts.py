import msgspec
import pytest

from tests.support import result_samples as samples
from wireproof.reporting.html.charts import chart_data, comb, percentile_curves, series


def test_the_curve_rises_to_the_maximum() -> None:
    """On the HDR axis both columns rise, and the last point is the maximum at one in all."""
    curves = percentile_curves(samples.load())
    (measured,) = [curve for curve in curves if curve["name"] == "50 connections"]
    assert list(measured["kinds"]) == ["service", "scheduled", "wire"]
    for axis, values in measured["kinds"].values():
        assert axis == sorted(set(axis))
        assert values == sorted(values)
        assert axis[-1] == 20_000
        assert len(axis) > 50


def test_without_a_histogram_the_known_percentiles_are_drawn() -> None:
    """A stage that carries no histogram, or a broken one, still has five points."""
    load = msgspec.structs.replace(samples.load(), stages=[], histograms={"service": "broken"})
    (curve,) = percentile_curves(load)
    for axis, _ in curve["kinds"].values():
        assert axis == [2, 10, 100, pytest.approx(1000), 100_000]


def test_a_long_run_is_drawn_as_the_worst_of_several_seconds() -> None:
    """Ten hours take an hour's worth of points; spikes survive, percentiles are not averaged."""
    seconds = samples.series(1000.0, seconds=36_000)
    columns = series(seconds)
    assert columns["step_s"] == 10
    assert len(columns["at_s"]) == 3_600
    assert max(columns["max_us"]) == max(second.max_us for second in seconds)
    assert max(columns["queue_depth"]) == 51
    assert sum(columns["failures"]) == 4


def test_the_comb_has_its_teeth_where_connects_came() -> None:
    """51 at once and 9 after a second are two groups of teeth."""
    (burst,) = samples.backlog().burst
    teeth = comb(burst)
    late = [number for at, number in zip(teeth["at_s"], teeth["connects"], strict=True) if at > 0.5]
    assert (sum(teeth["connects"]), sum(late)) == (60, 9)
    assert comb(msgspec.structs.replace(burst, connect_us={}))["connects"] == []


def test_charts_without_figures_are_left_out() -> None:
    """A check alone has none."""
    assert chart_data(samples.results("check", check=samples.check())) == {}
