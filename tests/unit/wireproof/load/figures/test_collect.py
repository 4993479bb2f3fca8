"""From tallies to the result, exactly."""

import random

from wireproof.causes import Cause
from wireproof.histogram import Histogram
from wireproof.load.figures.collect import Collector
from wireproof.load.figures.tally import (
    Note,
    NoteKind,
    Phase,
    Sample,
    Tally,
    decode_event,
    encode_event,
)
from wireproof.load.spec import LoadSpec
from wireproof.results import Second

SPEC = LoadSpec(target="tcp://127.0.0.1:1", users=[2, 4], processes=2)


def tally(
    worker: str, second: int, values: list[int], *, stage: int = 0, phase: Phase = Phase.STEADY
) -> Tally:
    """Return a worker's second."""
    return Tally(
        worker=worker,
        second=second,
        stage=stage,
        phase=phase,
        length_s=1.0,
        users=1,
        counts={"service": Histogram.of(values).sparse()} if values else {},
        sent=len(values),
    )


def test_percentiles_of_all_workers_are_those_of_the_concatenated_samples():
    """Merging over workers and seconds is exact: equal, not near."""
    draw = random.Random(1)
    shares = [[int(draw.lognormvariate(6, 1)) for _ in range(5000)] for _ in range(4)]
    collector = Collector(SPEC)
    for number, share in enumerate(shares):
        on_the_wire = encode_event(tally("ab"[number % 2], number // 2, share))
        collector.add(decode_event(on_the_wire))
    result = collector.result()
    together = Histogram.of([value for share in shares for value in share])
    assert result.requests == 20_000
    found = result.latency_us["service"]
    for name, percent in (("p50", 50), ("p90", 90), ("p99", 99), ("p99_9", 99.9), ("max", 100)):
        assert getattr(found, name) == together.percentile_us(percent)
    assert Histogram.decode(result.histograms["service"]).counts == together.counts
    assert result.throughput_per_s == 20_000 / 2


def test_only_the_steady_phase_is_measured():
    """Ramp and warm-up show in the series and nowhere else; what they failed at is told apart."""
    collector = Collector(SPEC)
    collector.add(tally("a", 0, [1, 1], phase=Phase.RAMP))
    collector.add(tally("a", 1, [1, 1], phase=Phase.WARM_UP))
    collector.add(tally("a", 2, [100, 200]))
    result = collector.result()
    assert result.requests == 2
    assert [second.requests for second in result.series] == [2, 2, 2]
    assert [second.phase for second in result.series] == ["ramp", "warm-up", "steady"]


def test_late_replies_count_in_their_phase_without_lengthening_it():
    """An open loop's late reply comes in a tally of no length."""
    collector = Collector(SPEC)
    collector.add(tally("a", 0, [100]))
    late = Tally(
        worker="a",
        second=1,
        stage=0,
        phase=Phase.STEADY,
        length_s=0.0,
        users=1,
        counts={"service": [900, 1]},
        sent=1,
    )
    collector.add(late)
    result = collector.result()
    assert (result.requests, result.seconds) == (2, 1.0)


def test_a_second_is_shown_once_all_workers_are_past_it():
    """Live figures come whole, and a worker that fell silent holds them up for a while only."""
    shown: list[Second] = []
    collector = Collector(SPEC, shown.append)
    collector.add(tally("a", 0, [5]))
    collector.add(tally("a", 1, [5]))
    assert shown == []
    collector.add(tally("b", 0, [5]))
    collector.add(tally("b", 1, [5]))
    assert [(second.at_s, second.requests, second.users) for second in shown] == [(1.0, 2, 2)]
    for second in range(2, 6):
        collector.add(tally("a", second, [5]))
    assert [second.requests for second in shown] == [2, 2]
    assert [second.requests for second in collector.result().series] == [2, 2, 1, 1, 1, 1]


def test_stages_stand_apart_and_together():
    """Each stage has its own figures, the whole has their sum."""
    collector = Collector(SPEC)
    collector.add(tally("a", 0, [100] * 10))
    collector.add(tally("a", 1, [300] * 30, stage=1))
    result = collector.result()
    assert [(stage.users, stage.requests) for stage in result.stages] == [(2, 10), (4, 30)]
    assert (result.users, result.requests, result.seconds) == (4, 40, 2.0)
    assert result.latency_us["service"].p50 == 300


def test_failures_carry_a_hint_and_few_samples():
    """However many replies are wrong, a few are shown."""
    collector = Collector(SPEC)
    samples = [Sample(cause=Cause.WRONG_REPLY, problem=str(number)) for number in range(50)]
    failed = Tally(
        worker="a",
        second=0,
        stage=0,
        phase=Phase.STEADY,
        length_s=1.0,
        users=1,
        failures={Cause.WRONG_REPLY: 50},
        sent=50,
        samples=samples,
    )
    collector.add(failed)
    for _ in range(2):
        collector.note(Note(kind=NoteKind.SERVER_GONE, text="the server is gone", partial=True))
    result = collector.result()
    assert (result.requests, result.failures) == (50, {"wrong reply": 50})
    assert len(result.details["samples"]) == 3
    assert "wireproof check" in result.details["hints"]["wrong reply"]
    assert (result.partial, result.notes) == (True, ["the server is gone"])
