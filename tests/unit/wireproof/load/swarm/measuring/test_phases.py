"""Figures belong to the time that they are told of: exact arithmetic over scripted servers."""

from dataclasses import dataclass

import pytest

from tests.support.staged_runs import Answers, Scenario, run
from tests.support.staged_world import MS, Does, Script
from wireproof.load.figures.collect import Collector
from wireproof.load.spec import LoadSpec
from wireproof.protocols import Protocol
from wireproof.protocols.built_in.echo import Echo

RATE, STEADY_S, WARM_UP_S = 1000, 0.5, 0.01
BEFORE = int(RATE * WARM_UP_S)  # requests of the warm-up
REQUESTS = int(RATE * STEADY_S)
QUICK, SLOW_MS, TIMEOUT_MS = (Does.ANSWER, MS // 5), 30, 400


def one_in(number: int, what: tuple[Does, int]) -> tuple[tuple[Does, int], ...]:
    """Return what a server does that does something else now and then."""
    return (*[QUICK] * (number - 1), what)


def from_request(at: int, what: tuple[Does, int], count: int = 10_000):
    """Return what a server does that does something else from one request of the steady phase."""
    return (*[QUICK] * (BEFORE + at), *[what] * count, *[QUICK] * 10_000)


@dataclass(frozen=True)
class Case:
    """What a server does at 1000 requests/s for half a second, and what is to be told of it."""

    does: tuple[tuple[Does, int], ...]
    right: int
    failures: dict[str, int]
    drain_s: tuple[float, float]
    """From, to."""


CASES = {
    "sound": Case((QUICK,), 500, {}, (0.0, 0.01)),
    # The loss is 1 in 500 of the throughput, and nothing else; it is seen once its time is over.
    "one lost reply": Case(from_request(10, (Does.IGNORE, 0), 1), 499, {"timeout": 1}, (0.0, 0.01)),
    "the last reply is lost": Case(
        from_request(REQUESTS - 1, (Does.IGNORE, 0), 1), 499, {"unanswered": 1}, (0.39, 0.6)
    ),
    # Slow replies are late, not fewer.
    "1 % slow": Case(one_in(100, (Does.ANSWER, SLOW_MS * MS)), 500, {}, (0.0, 0.04)),
    # The server stops 100 ms before the border for 300: what was due until then comes behind it.
    "a stall across the border": Case(
        from_request(REQUESTS - 100, (Does.ANSWER, 300 * MS), 100), 500, {}, (0.28, 0.32)
    ),
    # It stops for good 100 ms before the end: what was sent since has no reply when all is over.
    "a server that stops": Case(
        from_request(REQUESTS - 100, (Does.IGNORE, 0)), 400, {"unanswered": 100}, (0.39, 0.6)
    ),
}


def result_of(case: Case, scheme: str, protocol: Protocol):
    """Play a case and collect its tallies as a run of one process does."""
    scenario = Scenario(
        scheme,
        protocol,
        Script(case.does),
        users=150,
        rate_per_s=float(RATE),
        steady_s=STEADY_S,
        timeout_s=TIMEOUT_MS / 1000,
    )
    _, tallies = run(scenario)
    collector = Collector(LoadSpec(target="", users=[150], rate_per_s=float(RATE)))
    for tally in tallies:
        collector.add(tally)
    return collector.result()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("protocol", [Echo(), Answers()], ids=["predicted", "judged"])
def test_throughput_is_over_the_steady_phase_and_the_drain_is_told_apart(
    name: str, protocol: Protocol
):
    """Right replies to what was due in the steady phase, over its length, however late they are."""
    case = CASES[name]
    result = result_of(case, "tcp", protocol)
    assert (result.requests, result.right) == (REQUESTS, case.right)
    assert result.seconds == STEADY_S
    assert result.throughput_per_s == case.right / STEADY_S
    assert result.failures == case.failures
    assert case.drain_s[0] <= result.drain_seconds <= case.drain_s[1]
    assert result.latency_us["scheduled"].count == case.right
    kept = case.right >= 0.98 * REQUESTS
    assert ("rate was kept" in result.details["bottleneck_reason"]) is kept


def test_lost_datagrams_bend_no_figure():
    """One in a hundred is dropped: 99 % of the throughput, and each of the five is counted."""
    case = Case(one_in(100, (Does.IGNORE, 0)), 495, {"lost": 5}, (0.0, 0.5))
    result = result_of(case, "udp", Echo())
    assert (result.requests, result.throughput_per_s) == (500, 990.0)
    assert result.failures == case.failures


def test_a_closed_loop_counts_what_it_sent_in_the_steady_phase():
    """One connection and a server that takes a millisecond: what was sent, over how long it was."""
    scenario = Scenario("tcp", Echo(), Script(((Does.ANSWER, MS),)), users=1, steady_s=1.0)
    world, tallies = run(scenario)
    collector = Collector(LoadSpec(target="", users=[1]))
    for tally in tallies:
        collector.add(tally)
    result = collector.result()
    assert result.failures == {}
    assert result.requests + result.details["requests_while_warming_up"] == world.received
    assert result.throughput_per_s == pytest.approx(result.requests / result.seconds, abs=1e-3)
    # A request is sent about every millisecond, so the border lies within one of each end.
    assert abs(result.requests - 1000 * result.seconds / (1 + 0.001)) <= 2
