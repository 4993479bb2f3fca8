"""A load so far as Prometheus metrics: counters and histograms that only grow, and gauges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from wireproof.histogram import Histogram, highest_at, sum_us
from wireproof.reporting.text import escaped
from wireproof.results import LoadResult

if TYPE_CHECKING:
    from prometheus_client import Metric

BOUNDS_US = [step * 10**power for power in range(1, 7) for step in (1, 2, 5)] + [10_000_000]
"""Upper bounds of the buckets: 10 us to 10 s."""


def metrics_of(load: LoadResult, target: str) -> Iterator[Metric]:
    """Yield the figures of the steady part so far; `target` is a label of each."""
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    target = escaped(target)
    yield _of_one(
        CounterMetricFamily("wireproof_load_requests", "Requests sent.", labels=["target"]),
        target,
        load.requests,
    )
    failures = CounterMetricFamily(
        "wireproof_load_failures", "What went wrong, by cause.", labels=["target", "cause"]
    )
    for cause, count in load.failures.items():
        failures.add_metric([target, escaped(cause)], count)
    yield failures
    latency = HistogramMetricFamily(
        "wireproof_load_latency_seconds", "Latency by kind.", labels=["target", "kind"]
    )
    for kind, text in load.histograms.items():
        histogram = Histogram.decode(text)
        latency.add_metric(
            [target, escaped(kind)], _buckets(histogram), sum_us(histogram.sparse()) / 1e6
        )
    yield latency
    if load.series:
        last = load.series[-1]
        gauge = GaugeMetricFamily(
            "wireproof_load_connections", "Connections that carry requests.", labels=["target"]
        )
        yield _of_one(gauge, target, last.users)
        if last.queue_depth is not None:
            gauge = GaugeMetricFamily(
                "wireproof_load_accept_queue", "Depth of the accept queue.", labels=["target"]
            )
            yield _of_one(gauge, target, last.queue_depth)


def _of_one(family: Metric, target: str, value: float) -> Metric:
    family.add_metric([target], value)  # type: ignore[attr-defined]  # of each of its kinds
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return how many latencies are no longer than each bound, as text and number."""
    names = [*(f"{us / 1e6:g}" for us in BOUNDS_US), "+Inf"]
    return list(zip(names, map(float, reached(histogram.sparse())), strict=True))


def reached(pairs: Sequence[int]) -> list[int]:
    """Return how many latencies are no longer than each of `BOUNDS_US`, and then all of them.

    Args:
        pairs: what `Histogram.sparse` returns.

    """
    highest = [highest_at(index) for index in pairs[::2]]
    below = [0, *accumulate(pairs[1::2])]
    return [*(below[bisect_right(highest, us)] for us in BOUNDS_US), below[-1]]
