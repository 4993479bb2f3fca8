"""A load so far as OpenTelemetry's metrics: the figures that Prometheus reads, to be pushed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from wireproof.histogram import Histogram, highest_at, sum_us
from wireproof.reporting.exports.live_metrics import BOUNDS_US, reached
from wireproof.reporting.text import escaped
from wireproof.results import LoadResult

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import DataT, Metric, MetricsData

_SCOPE = "wireproof.load"


def otlp_metrics_of(load: LoadResult, target: str, began_ns: int, now_ns: int) -> MetricsData:
    """Return the figures of the steady part so far.

    Sums and histograms are cumulative, since the run began; histograms are those of all workers,
    merged exactly.

    Args:
        load: what was measured.
        target: an attribute of each figure.
        began_ns: when the run began, by the wall clock.
        now_ns: what time it is.

    """
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Gauge,
        HistogramDataPoint,
        Metric,
        MetricsData,
        NumberDataPoint,
        ResourceMetrics,
        ScopeMetrics,
        Sum,
    )
    from opentelemetry.sdk.metrics.export import Histogram as Distribution
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    labels = {"target": escaped(target)}
    cumulative = AggregationTemporality.CUMULATIVE

    def number(value: float, more: Mapping[str, str] = {}) -> NumberDataPoint:
        return NumberDataPoint(labels | dict(more), began_ns, now_ns, value)

    def metric(name: str, unit: str, about: str, data: DataT) -> Metric:
        return Metric(f"wireproof.load.{name}", about, unit, data)

    def total(points: list[NumberDataPoint]) -> Sum:
        return Sum(points, cumulative, is_monotonic=True)

    def distribution(kind: str, text: str) -> HistogramDataPoint:
        pairs = Histogram.decode(text).sparse()
        below = reached(pairs)
        return HistogramDataPoint(
            attributes=labels | {"kind": escaped(kind)},
            start_time_unix_nano=began_ns,
            time_unix_nano=now_ns,
            count=below[-1],
            sum=sum_us(pairs) / 1e6,
            bucket_counts=[after - before for before, after in pairwise([0, *below])],
            explicit_bounds=[us / 1e6 for us in BOUNDS_US],
            min=highest_at(pairs[0]) / 1e6 if pairs else 0.0,
            max=highest_at(pairs[-2]) / 1e6 if pairs else 0.0,
        )

    found = [
        metric("requests", "{request}", "Requests sent.", total([number(load.requests)])),
        metric(
            "failures",
            "{request}",
            "What went wrong, by cause.",
            total([number(n, {"cause": escaped(cause)}) for cause, n in load.failures.items()]),
        ),
        metric(
            "latency",
            "s",
            "Latency by kind.",
            Distribution([distribution(*each) for each in load.histograms.items()], cumulative),
        ),
    ]
    if load.series:
        last = load.series[-1]
        gauge = Gauge([number(last.users)])
        found.append(metric("connections", "{connection}", "Those that carry requests.", gauge))
        if last.queue_depth is not None:
            gauge = Gauge([number(last.queue_depth)])
            found.append(
                metric("accept_queue", "{connection}", "Depth of the accept queue.", gauge)
            )
    scope = ScopeMetrics(InstrumentationScope(_SCOPE), found, "")
    resource = Resource.create({"service.name": "wireproof"})
    return MetricsData([ResourceMetrics(resource, [scope], "")])
