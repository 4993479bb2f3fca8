"""Objectives: what is measured against what, and which words are refused."""

import msgspec
import pytest

from wireproof.errors import UsageError
from wireproof.histogram import Histogram
from wireproof.load.objectives import parse_objective
from wireproof.results import LoadStage
from wireproof.statistics import percentiles

SERVICE = Histogram.of([100] * 90 + [2000] * 10)
SCHEDULED = Histogram.of([200] * 90 + [9000] * 10)


def stage(*, open_loop: bool = False) -> LoadStage:
    """Return a result with known figures."""
    kinds = {"service": SERVICE} | ({"scheduled": SCHEDULED} if open_loop else {})
    return LoadStage(
        users=1,
        seconds=2.0,
        requests=101,
        failures={"timeout": 1},
        throughput_per_s=50.0,
        latency_us={kind: percentiles(found) for kind, found in kinds.items()},
        bottleneck="undetermined",
        histograms={kind: found.encode() for kind, found in kinds.items()},
    )


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("p90<=100us", True),
        ("p90<0.1ms", False),
        ("p95<5ms", True),
        ("p95<1ms", False),
        ("max < 1s", True),
        ("mean<1s", True),
        ("errors==0", False),
        ("errors<=1", True),
        ("errors<1%", True),
        ("errors<0.5%", False),
        ("throughput>=50", True),
        ("throughput>50", False),
        ("requests==101", True),
        ("wire.p50<1s", False),  # not measured is not met
    ],
)
def test_closed_loop(text: str, met: bool):
    """Each metric is compared in its own unit; a latency without a kind is the service's."""
    assert parse_objective(text).judge(stage())["met"] is met


def test_open_loop_judges_from_the_schedule():
    """With a schedule, latency counts from the intended time unless another kind is named."""
    assert parse_objective("p95<5ms").judge(stage(open_loop=True))["met"] is False
    assert parse_objective("service.p95<5ms").judge(stage(open_loop=True))["met"] is True


def test_an_objective_sees_what_was_unanswered_and_what_befell_no_request():
    """The share of errors is of all that was sent, or should have been."""
    found = msgspec.structs.replace(
        stage(), failures={"unanswered": 5, "never sent": 99}, incidents={"never sent": 99}
    )
    assert parse_objective("errors==104").judge(found)["met"] is True
    assert parse_objective("errors<=52%").judge(found)["met"] is True
    assert parse_objective("errors<51%").judge(found)["met"] is False


def test_measured_says_what_was_compared():
    """A missed objective's line names value, unit and kind."""
    judged = parse_objective("p95<1ms").judge(stage())
    assert judged["expression"] == "p95<1ms"
    assert judged["measured"] == "2.000 ms (service)"


@pytest.mark.parametrize(
    "text",
    ["", "p99", "p99<5", "p0<1ms", "p101<1ms", "speed>1", "errors<x", "service.errors<1", "p99~1ms",
     "throughput>1ms", "p99<5parsec"],
)  # fmt: skip
def test_nonsense_is_refused(text: str):
    """What cannot be judged is refused before anything runs."""
    with pytest.raises(UsageError):
        parse_objective(text)


@pytest.mark.parametrize(
    ("text", "right"),
    [("p98>5ms", "p98<5ms"), ("errors>=1%", "errors<=1%"), ("throughput<5", "throughput>5")],
)
def test_an_objective_in_the_wrong_direction_is_refused(text: str, right: str):
    """A slower server is never the objective; the right one is written out."""
    with pytest.raises(UsageError, match=f"write {right}"):
        parse_objective(text)
