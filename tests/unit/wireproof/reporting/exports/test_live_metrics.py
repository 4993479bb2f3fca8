"""A load so far, as Prometheus reads it."""

from collections.abc import Iterator

import msgspec
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import result_samples as samples
from wireproof.histogram import Histogram
from wireproof.reporting.exports.live_metrics import metrics_of
from wireproof.results import LoadResult


class _Shown:
    def __init__(self, load: LoadResult, target: str) -> None:
        self._load, self._target = load, target

    def collect(self) -> Iterator[Metric]:
        """Yield what a scrape would ask for."""
        return metrics_of(self._load, self._target)


def _scraped(load: LoadResult, target: str = "tcp://127.0.0.1:7") -> dict[object, float]:
    registry = CollectorRegistry()
    registry.register(_Shown(load, target))
    text = generate_latest(registry).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_failures_latencies_and_connections() -> None:
    """Each figure is the result's; buckets are cumulative, and a bound is in its bucket."""
    histogram = Histogram.of([10, 11, 500, 2_000_000])
    load = msgspec.structs.replace(samples.load(), histograms={"service": histogram.encode()})
    found = _scraped(load)
    target = ("target", "tcp://127.0.0.1:7")
    assert found["wireproof_load_requests_total", target] == load.requests
    assert found["wireproof_load_failures_total", ("cause", "timeout"), target] == 3
    assert found["wireproof_load_connections", target] == load.series[-1].users
    name, kind = "wireproof_load_latency_seconds", ("kind", "service")
    buckets = {"1e-05": 1, "2e-05": 2, "0.0005": 3, "1": 3, "5": 4, "+Inf": 4}
    for bound, count in buckets.items():
        assert found[f"{name}_bucket", kind, ("le", bound), target] == count
    assert found[f"{name}_count", kind, target] == 4
    assert abs(found[f"{name}_sum", kind, target] - 2.000521) < 0.002


def test_what_a_peer_said_is_a_label_and_nothing_else() -> None:
    """A cause or target with a line end makes no metric of its own."""
    hostile = 'x"} 1\nwireproof_load_requests_total 7'
    load = msgspec.structs.replace(samples.load(), failures={hostile: 1})
    assert len(_scraped(load, hostile)) == len(_scraped(load))
