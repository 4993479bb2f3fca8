"""Figures from counts: what a histogram is summed up to."""

from harness.histogram import Histogram
from harness.results import Percentiles


def percentiles(histogram: Histogram) -> Percentiles:
    """Return the percentiles that every report shows."""
    return Percentiles(
        p50=histogram.percentile_us(50),
        p90=histogram.percentile_us(90),
        p99=histogram.percentile_us(99),
        p99_9=histogram.percentile_us(99.9),
        max=histogram.max_us,
        mean=round(histogram.mean_us, 3),
        count=histogram.count,
    )
