"""The figures that the page's charts draw, as plain numbers. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from wireproof.errors import UsageError
from wireproof.reporting.digest import (
    LATENCY_KINDS,
    ladder_models,
    leading_latency,
    steady_stages,
)
from wireproof.reporting.exports.tables import decode_histogram
from wireproof.reporting.text import escaped
from wireproof.results import (
    BacklogResult,
    Burst,
    LoadResult,
    LoadStage,
    Percentiles,
    Results,
    Second,
)

_TICKS_PER_HALF_DISTANCE = 8
_MAX_SECONDS = 3600
_COMB_TEETH = 200


def chart_data(results: Results) -> dict[str, Any]:
    """Return what the charts need, by chart; a chart without figures is left out."""
    data: dict[str, Any] = {}
    if results.load is not None:
        data["percentiles"] = percentile_curves(results.load)
        if results.load.series:
            data["series"] = series(results.load.series)
    if results.backlog is not None:
        data["combs"] = [comb(burst) for burst in results.backlog.burst]
        data["retries_at_s"] = results.backlog.syn_retries_at_s[:8]
        if results.backlog.ladder:
            data["ladder"] = ladder(results.backlog)
    return data


def percentile_curves(load: LoadResult) -> list[dict[str, Any]]:
    """Return the curves of each stage: by kind of latency, x = 1/(1-percentile) and µs."""
    stages = steady_stages(load)
    if load.stages and load.histograms and not any(stage.histograms for stage in stages):
        stages = [*stages, load]
    return [
        {
            "name": f"{stage.users:,} connection{'s' * (stage.users != 1)}",
            "kinds": {
                kind: _curve(stage, kind) for kind in LATENCY_KINDS if kind in stage.latency_us
            },
        }
        for stage in stages
    ]


def _curve(stage: LoadStage, kind: str) -> list[list[float]]:
    if kind in stage.histograms:
        try:
            histogram = decode_histogram(stage.histograms[kind])
        except UsageError:  # the record's own percentiles are there all the same
            return _known_points(stage.latency_us[kind])
        total = histogram.get_total_count()
        points = [
            (
                _distance(step.percentile_level_iterated_to / 100, total),
                float(step.value_iterated_to),
            )
            for step in histogram.get_percentile_iterator(_TICKS_PER_HALF_DISTANCE)
        ]
    else:
        return _known_points(stage.latency_us[kind])
    return _columns(points)


def _known_points(latency: Percentiles) -> list[list[float]]:
    known = (
        (0.5, latency.p50),
        (0.9, latency.p90),
        (0.99, latency.p99),
        (0.999, latency.p99_9),
        (1.0, latency.max),
    )
    return _columns([(_distance(share, latency.count), value) for share, value in known])


def _columns(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    rising: list[tuple[float, float]] = []
    for x, value in points:
        if not rising or x > rising[-1][0]:
            rising.append((x, value))
    return [[round(x, 4) for x, _ in rising], [value for _, value in rising]]


def _distance(share: float, total: int) -> float:
    """Return 1/(1-share), the HDR axis; the maximum stands where one in `total` does."""
    most = float(max(total, 2))
    return most if share >= 1 else min(most, 1 / (1 - share))


def series(seconds: Sequence[Second]) -> dict[str, Any]:
    """Return the series as columns; runs beyond an hour as the worst of several seconds each."""
    step = -(-len(seconds) // _MAX_SECONDS)
    groups = [seconds[at : at + step] for at in range(0, len(seconds), step)]
    names = Second.__struct_fields__
    columns: dict[str, Any] = {name: [] for name in names}
    for group in groups:
        merged = group[-1] if len(group) == 1 else _worst(group)
        for name, value in zip(names, msgspec.structs.astuple(merged), strict=True):
            columns[name].append(escaped(value, limit=40) if isinstance(value, str) else value)
    columns["step_s"] = step
    return columns


def _worst(group: Sequence[Second]) -> Second:
    depths = [second.queue_depth for second in group if second.queue_depth is not None]
    overflows = [second.overflows for second in group if second.overflows is not None]
    return msgspec.structs.replace(
        group[-1],
        requests=min(second.requests for second in group),
        failures=sum(second.failures for second in group),
        p50_us=max(second.p50_us for second in group),
        p99_us=max(second.p99_us for second in group),
        max_us=max(second.max_us for second in group),
        queue_depth=max(depths, default=None),
        overflows=sum(overflows) if overflows else None,
    )


def comb(burst: Burst) -> dict[str, Any]:
    """Return how many connects took how long: the teeth stand where SYNs were sent again."""
    times = sorted(float(time) for time in burst.connect_us.get("times", []))
    width_s = max(times[-1] / 1e6 / _COMB_TEETH, 0.001) if times else 0.001
    teeth: dict[int, int] = {}
    for time in times:
        tooth = int(time / 1e6 / width_s)
        teeth[tooth] = teeth.get(tooth, 0) + 1
    return {
        "name": f"burst of {burst.connections:,}",
        "width_s": width_s,
        "at_s": [round((tooth + 0.5) * width_s, 6) for tooth in teeth],
        "connects": list(teeth.values()),
    }


def ladder(backlog: BacklogResult) -> dict[str, Any]:
    """Return throughput and leading p99 of each model at each number of connections."""
    connections = sorted({rung.connections for rung in backlog.ladder})
    models = []
    for model, rungs in ladder_models(backlog).items():
        p99 = []
        for at in connections:
            named = leading_latency(rungs[at], open_loop=False) if at in rungs else None
            p99.append(named[1].p99 if named else None)
        models.append(
            {
                "name": escaped(model, limit=60),
                "throughput": [
                    rungs[at].throughput_per_s if at in rungs else None for at in connections
                ],
                "p99": p99,
                "bound": [
                    escaped(rungs[at].bottleneck, limit=40) if at in rungs else ""
                    for at in connections
                ],
            }
        )
    return {"connections": connections, "models": models}
