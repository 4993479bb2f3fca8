from wireproof.histogram import Histogram
from wireproof.statistics import percentiles


def test_the_figures_of_a_histogram() -> None:
    """Percentiles, extreme and mean, in microseconds, of as many values as there are."""
    histogram = Histogram()
    for value_us in range(1, 101):
        histogram.record(value_us)
    found = percentiles(histogram)
    assert found.count == 100
    assert found.p50 == 50
    assert found.p90 == 90
    assert found.p99 == 99
    assert found.max == 100
    assert found.mean == 50.5
    assert found.p50 <= found.p90 <= found.p99 <= found.p99_9 <= found.max


def test_the_mean_is_told_to_the_nanosecond() -> None:
    """A mean has three decimals, as reports show it."""
    assert percentiles(Histogram.of([1, 1, 2])).mean == 1.333
    assert percentiles(Histogram()).mean == 0
