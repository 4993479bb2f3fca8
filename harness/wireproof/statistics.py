"""Figures from counts: what a histogram is summed up to."""

from wireproof.histogram import Histogram
from wireproof.results import Percentiles


def percentiles(histogram: Histogram) -> Percentiles:
    """Return the percentiles that every report shows."""
    p50, p90, p99, p99_9, most = histogram.percentiles_us(50, 90, 99, 99.9, 100)
    return Percentiles(
        p50=p50,
        p90=p90,
        p99=p99,
        p99_9=p99_9,
        max=most,
        mean=round(histogram.mean_us, 3),
        count=histogram.count,
    )
