"""Service level objectives: `p99<5ms`, judged against a result. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wireproof.durations import parse_duration
from wireproof.errors import UsageError
from wireproof.histogram import Histogram
from wireproof.load.units import parse_share
from wireproof.results import LoadStage

EXAMPLES = "write p99<5ms, wire.p99.9<200us, errors<=0.1%, errors==0 or throughput>=50000"

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(
    r"\s*(?:(service|scheduled|wire)\.)?([a-z_]+(?:[0-9]+(?:\.[0-9]+)?)?)\s*"
    r"(<=|>=|==|<|>)\s*([0-9.]+\s*(?:[a-zµ]+|%)?)\s*"
)
_PERCENTILE = re.compile(r"p([0-9]+(?:\.[0-9]+)?)")
_COUNTED = {"throughput", "requests", "errors"}


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective.

    Attributes:
        expression: as the user wrote it.
        kind: of latency; empty for `scheduled` where there is a schedule, else `service`.
        metric: `p99`, `max`, `mean`, `throughput`, `requests` or `errors`.
        sign: of the comparison.
        limit: microseconds, requests per second, requests, failures, or their share.
        is_share: whether the limit is a share of all requests.

    """

    expression: str
    kind: str
    metric: str
    sign: str
    limit: float
    is_share: bool = False

    def judge(self, stage: LoadStage) -> dict[str, Any]:
        """Return `expression`, `measured` (in words) and `met`."""
        measured, shown = self._measure(stage)
        met = measured is not None and _COMPARE[self.sign](measured, self.limit)
        return {"expression": self.expression, "measured": shown, "met": met}

    def _measure(self, stage: LoadStage) -> tuple[float | None, str]:
        failures = sum(stage.failures.values())
        if self.metric == "errors":
            if not self.is_share:
                return failures, str(failures)
            total = stage.requests + sum(stage.incidents.values())
            share = failures / total if total else 0.0
            return share, f"{share:.4%}"
        if self.metric == "throughput":
            return stage.throughput_per_s, f"{stage.throughput_per_s:.0f}/s"
        if self.metric == "requests":
            return stage.requests, str(stage.requests)
        kind = self.kind or ("scheduled" if "scheduled" in stage.latency_us else "service")
        if kind not in stage.latency_us:
            return None, f"no {kind} latency was measured"
        latency = stage.latency_us[kind]
        if self.metric == "max":
            value = latency.max
        elif self.metric == "mean":
            value = latency.mean
        else:
            histogram = Histogram.decode(stage.histograms[kind])
            value = histogram.percentile_us(float(self.metric[1:]))
        return value, f"{value / 1000:.3f} ms ({kind})"


def parse_objective(text: str) -> Objective:
    """Read an objective.

    Raises:
        UsageError: it is none.

    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not an objective", EXAMPLES)
    kind, metric, sign, limit = found[1] or "", found[2], found[3], found[4].strip()
    percentile = _PERCENTILE.fullmatch(metric)
    wrong = "<" if metric in {"throughput", "requests"} else ">"
    known = metric in _COUNTED | {"max", "mean"} or percentile
    if known and sign.startswith(wrong):
        right = sign.replace(wrong, "><"[wrong == ">"])
        raise UsageError(
            f"{text!r} asks for a worse server",
            f"write {text.replace(sign, right, 1).strip()}",
        )
    if metric in _COUNTED:
        if kind:
            raise UsageError(f"{metric} has no kind of latency, as {text!r} says", EXAMPLES)
        is_share = metric == "errors" and limit.endswith("%")
        value = parse_share(limit) if is_share else _number(limit, text)
        return Objective(text.strip(), kind, metric, sign, value, is_share)
    if metric in {"max", "mean"} or (percentile and 0 < float(percentile[1]) <= 100):
        if limit[-1].isdigit():
            raise UsageError(f"{text!r} has no unit", EXAMPLES)
        return Objective(text.strip(), kind, metric, sign, round(parse_duration(limit) * 1e6, 6))
    raise UsageError(
        f"{metric!r} is not measured",
        f"known: p50, p90, p99, p99.9, max, mean, throughput, requests, errors; {EXAMPLES}",
    )


def _number(limit: str, text: str) -> float:
    try:
        return float(limit)
    except ValueError:
        raise UsageError(f"{text!r} compares with no number", EXAMPLES) from None
