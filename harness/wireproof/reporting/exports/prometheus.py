"""A result file as Prometheus metrics, for a node exporter's textfile collector or a Pushgateway.

Locust's own `--otel` carries the requests of task-based users, one event each; what the swarm adds
in bulk raises no such event, so the figures are exported here, from the result file.
"""

from collections.abc import Iterable
from typing import Any

from wireproof.errors import CannotRunError
from wireproof.reporting.digest import steady_stages
from wireproof.reporting.text import escaped
from wireproof.results import Results

_QUANTILES = (("0.5", "p50"), ("0.9", "p90"), ("0.99", "p99"), ("0.999", "p99_9"), ("1", "max"))


def prometheus(results: Results) -> str:
    """Return the text exposition format.

    Raises:
        CannotRunError: the extra `metrics` is not installed.

    """
    try:
        from prometheus_client import CollectorRegistry, Gauge, generate_latest
    except ImportError:
        raise CannotRunError(
            "the Prometheus client library is not installed", "pip install 'wireproof[metrics]'"
        ) from None
    registry = CollectorRegistry()
    target = escaped(results.target)
    for name, text, labels, samples in _families(results):
        gauge = Gauge(f"wireproof_{name}", text, ["target", *labels], registry=registry)
        for values, number in samples:
            gauge.labels(target, *map(escaped, values)).set(number)
    exposed: bytes = generate_latest(registry)
    return exposed.decode()


_Family = tuple[str, str, list[str], list[tuple[list[str], float]]]


def _families(results: Results) -> Iterable[_Family]:
    if results.check is not None:
        counted: dict[str, int] = {}
        for line in results.check.requirements:
            counted[line.verdict.value] = counted.get(line.verdict.value, 0) + 1
        yield "requirements", "Requirements by verdict.", ["verdict"], _each(counted)
    if results.load is not None:
        stages = steady_stages(results.load)
        yield (
            "requests_per_second",
            "Steady throughput by connections, and what bounded it.",
            ["connections", "bound_by"],
            [([str(stage.users), stage.bottleneck], stage.throughput_per_s) for stage in stages],
        )
        yield (
            "latency_seconds",
            "Latency by connections, kind and quantile.",
            ["connections", "kind", "quantile"],
            [
                ([str(stage.users), kind, quantile], getattr(latency, field) / 1e6)
                for stage in stages
                for kind, latency in stage.latency_us.items()
                for quantile, field in _QUANTILES
            ],
        )
        yield "failures", "Failed requests by cause.", ["cause"], _each(results.load.failures)
        met: dict[str, int] = {str(one["expression"]): int(one["met"]) for one in results.load.slo}
        if met:
            yield "objective_met", "1 where the objective was met.", ["objective"], _each(met)
    if results.backlog is not None and results.backlog.queue.depth is not None:
        depth = float(results.backlog.queue.depth)
        yield "accept_queue_depth", "Connections that the accept queue holds.", [], [([], depth)]


def _each(counts: dict[str, Any]) -> list[tuple[list[str], float]]:
    return [([name], float(number)) for name, number in counts.items()]
