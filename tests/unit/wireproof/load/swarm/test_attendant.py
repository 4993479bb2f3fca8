"""Every request that was sent has one fate, whatever servers, kernels and users do."""

import os
from collections import Counter

import msgspec
import pytest
from hypothesis import Phase as Step
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.staged_runs import Judged, Lines, OneEach, Scenario, fates_of, run, total_of
from tests.support.staged_world import MS, Accepts, Does, Script, Takes
from wireproof.causes import Cause
from wireproof.histogram import Histogram
from wireproof.load.figures.collect import Collector, Fates
from wireproof.load.figures.tally import Phase, Tally
from wireproof.load.spec import LoadSpec
from wireproof.protocols.built_in.echo import Echo

pytestmark = pytest.mark.usefixtures("loop_form")

RUNS = 300 if os.environ.get("WIREPROOF_EXTENDED") else 40
"""Of each of eight: 2,400 in all."""
QUICK = [Step.explicit, Step.reuse, Step.generate, Step.shrink]  # explaining traces every line


def of_requests(fates: Fates):
    """Return the failures that were fates."""
    return +(fates.failures - fates.incidents)


def assert_kinds_are_the_whole(tallies: list[Tally]):
    """Each request is of one kind: their counts are those of all."""
    by_kind, unreplied = Histogram(), 0
    failures: Counter[Cause] = Counter()
    whole = Histogram()
    fates = Fates()
    for tally in tallies:
        fates.add(tally)
        whole.add_sparse(tally.counts.get("service", []))
        for kind in tally.kinds:
            by_kind.add_sparse(kind.counts)
            unreplied += kind.unreplied
            failures.update(kind.failures)
    assert by_kind.counts == whole.counts
    assert unreplied == sum(tally.unreplied for tally in tallies)
    assert failures == of_requests(fates)


delays_ns = st.sampled_from([MS // 5, MS, 4 * MS, 15 * MS, 60 * MS])
scripts = st.builds(
    Script,
    does=st.lists(
        st.tuples(st.sampled_from([*[Does.ANSWER] * 8, *Does]), delays_ns), min_size=1, max_size=12
    ).map(tuple),
    takes=st.lists(st.sampled_from([*[Takes.ALL] * 12, *Takes]), min_size=1, max_size=12).map(
        tuple
    ),
    accepts=st.lists(st.sampled_from([*[Accepts.YES] * 6, *Accepts]), min_size=1, max_size=6).map(
        tuple
    ),
    unreplied=st.just(Lines.is_unreplied),
)
scenarios = st.builds(
    Scenario,
    scheme=st.just("tcp"),
    protocol=st.sampled_from([Lines(), Judged(), OneEach()]),
    script=scripts,
    users=st.integers(1, 4),
    pipeline=st.integers(1, 3),
    rate_per_s=st.sampled_from([None, 300.0, 3000.0]),
    lifetime_s=st.sampled_from([None, None, 0.02]),
    stages=st.integers(1, 2),
    leaves_at_ms=st.none() | st.integers(0, 100),
    stops_at_ms=st.none() | st.integers(0, 150),
    think=st.sampled_from([None, None, (0.002, False), (0.002, True)]),
)


@pytest.mark.parametrize("predicted", [False, True])
@pytest.mark.parametrize("scheme", ["tcp", "tls", "unix", "udp"])
@settings(max_examples=RUNS, phases=QUICK)
@given(data=st.data())
def test_what_was_sent_is_the_sum_of_fates(scheme: str, predicted: bool, data: st.DataObject):
    """In each phase of each stage: right, failed by a cause, or unanswered; nothing is left over.

    So it is when kernels take a part or nothing, servers answer wrongly, late, twice, in part or
    not at all, close and reset, connections churn, users leave, and the run is interrupted.
    """
    drawn = data.draw(scenarios)
    changes = {"scheme": scheme}
    if predicted:
        changes |= {"protocol": Echo()}
        changes |= {"script": Script(drawn.script.does, drawn.script.takes, drawn.script.accepts)}
    scenario = Scenario(**{**vars(drawn), **changes})
    world, tallies = run(scenario)
    for at, fates in fates_of(tallies).items():
        assert fates.sent == fates.right + of_requests(fates).total(), at
        assert min(of_requests(fates).values(), default=0) >= 0, at
        assert_kinds_are_the_whole([tally for tally in tallies if (tally.stage, tally.phase) == at])
    total = total_of(tallies)
    assert world.received <= total.sent
    assert total.sent <= world.received + len(world.unfinished) * scenario.pipeline


@pytest.mark.parametrize("rate_per_s", [None, 500.0])
@pytest.mark.parametrize("lifetime_s", [None, 0.02])
@pytest.mark.parametrize("scheme", ["tcp", "tls", "unix", "udp"])
def test_a_sound_server_has_every_request_right(
    scheme: str, lifetime_s: float | None, rate_per_s: float | None
):
    """Nothing is lost at a border: not between phases, not with a connection, not at the end."""
    for protocol in (Echo(), Lines()):
        script = Script(
            unreplied=Lines.is_unreplied if protocol.name == "lines" else lambda _: False
        )
        scenario = Scenario(
            scheme, protocol, script, stages=2, rate_per_s=rate_per_s, lifetime_s=lifetime_s
        )
        world, tallies = run(scenario)
        total = total_of(tallies)
        assert total.failures == {}
        assert total.sent == total.right == world.received > 0
        if rate_per_s is not None:
            steady = fates_of(tallies)[1, Phase.STEADY]
            assert steady.sent == rate_per_s * scenario.steady_s


@pytest.mark.parametrize("scheme", ["tcp", "tls", "unix"])
@pytest.mark.parametrize("rate_per_s", [None, 1000.0])
def test_what_a_server_ignores_at_the_end_is_unanswered(scheme: str, rate_per_s: float | None):
    """A server that answers no more, a moment before the load ends, owes what was sent since."""
    ignored = 5
    probe = Scenario(scheme, Echo(), Script(), users=ignored, rate_per_s=rate_per_s)
    answered = run(probe)[0].received - ignored
    does = (*[(Does.ANSWER, 100_000)] * answered, *[(Does.IGNORE, 0)] * 10_000)
    world, tallies = run(Scenario(scheme, Echo(), Script(does), ignored, 1, rate_per_s))
    steady = fates_of(tallies)[0, Phase.STEADY]
    assert world.ignored == ignored
    assert steady.failures == {Cause.UNANSWERED: ignored}
    assert steady.sent == steady.right + ignored


def test_an_interrupted_run_waits_a_moment_for_what_is_under_way():
    """Replies that come within a second are right; what else is under way is unanswered."""
    slow = [(Does.ANSWER, 900 * MS), (Does.ANSWER, 900 * MS), (Does.ANSWER, 1100 * MS)]
    script = Script(tuple([(Does.ANSWER, 100_000)] * 200 + slow * 50))
    world, tallies = run(Scenario("tcp", Echo(), script, stops_at_ms=40, timeout_s=5.0))
    total = total_of(tallies)
    assert total.sent == world.received == 203
    assert total.failures == {Cause.UNANSWERED: 1}
    assert total.right == 202


def test_each_lost_datagram_is_counted_and_each_repeated_one_told_apart():
    """Of 10,000 datagrams each 100th is dropped and each 37th answered twice: 100, and 270."""
    does = [
        (Does.IGNORE if at % 100 == 0 else Does.ANSWER_TWICE if at % 37 == 0 else Does.ANSWER, MS)
        for at in range(1, 10_001)
    ]
    scenario = Scenario("udp", Echo(), Script(tuple(does)), users=40, rate_per_s=1e4, steady_s=0.99)
    world, tallies = run(scenario)
    total = total_of(tallies)
    assert world.received == total.sent == 10_000
    assert total.failures == {Cause.LOST: world.ignored, Cause.DUPLICATE: world.twice}
    assert total.incidents == {Cause.DUPLICATE: world.twice}
    assert (world.ignored, world.twice) == (100, 10_000 // 37 - 10_000 // 3700)
    assert total.right == 9900


def test_a_late_datagram_is_late_beside_its_loss():
    """It was given up; that it came after all is told, and is no second fate."""
    slow = (Does.ANSWER, 70 * MS)
    scenario = Scenario("udp", Echo(), Script(((Does.ANSWER, MS), slow)), users=1)
    world, tallies = run(scenario)
    total = total_of(tallies)
    lost = total.failures[Cause.LOST] + total.failures[Cause.UNANSWERED]
    assert total.sent == world.received == total.right + lost
    assert 0 < total.failures[Cause.LATE] <= lost
    assert total.incidents == {Cause.LATE: total.failures[Cause.LATE]}


def test_one_wrong_reply_of_a_batch_is_one_wrong_reply():
    """The rest of its batch is cut off with the connection, and told by that name."""
    does = ((Does.ANSWER, MS), (Does.ANSWER, MS), (Does.ANSWER_WRONGLY, MS), (Does.ANSWER, MS))
    world, tallies = run(Scenario("tcp", Echo(), Script(does), users=1, pipeline=4))
    failures = total_of(tallies).failures
    assert failures[Cause.WRONG_REPLY] == world.received // 4
    assert 0 < failures[Cause.CUT_OFF] <= 3 * failures[Cause.WRONG_REPLY]


@settings(max_examples=RUNS, phases=QUICK)
@given(scenario=scenarios, left=st.data())
def test_a_worker_that_is_lost_leaves_what_it_had_reported(scenario: Scenario, left: st.DataObject):
    """Of two workers one is killed between two reports: what it had under way is unanswered."""
    reports = [
        [msgspec.structs.replace(tally, worker=name) for tally in run(scenario)[1]]
        for name in ("a", "b")
    ]
    kept = left.draw(st.integers(0, len(reports[1])))
    collector = Collector(LoadSpec(target="", users=[4] * scenario.stages, processes=2))
    everything = Fates()
    for tally in (*reports[0], *reports[1][:kept]):
        collector.add(tally)
        if tally.phase in {Phase.STEADY, Phase.DRAIN}:
            everything.add(tally)
    if collector.is_empty:
        return
    so_far, result = collector.so_far(), collector.result()
    assert result.requests == everything.sent
    assert so_far.right == result.right == everything.right
    unanswered = everything.failures[Cause.UNANSWERED] + everything.under_way
    assert result.failures.get("unanswered", 0) == unanswered
    assert so_far.requests == result.requests - everything.under_way


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_a_connection_that_thinks_sends_once_its_time_is_over(scheme: str):
    """With 2 ms of thought and 0.1 ms of answer, one connection sends each 2.1 ms; none is lost."""
    scenario = Scenario(scheme, Echo(), Script(), users=1, think=(0.002, False), steady_s=0.21)
    world, tallies = run(scenario)
    steady = fates_of(tallies)[0, Phase.STEADY]
    assert total_of(tallies).failures == {}
    assert total_of(tallies).sent == world.received
    length_s = sum(tally.length_s for tally in tallies if tally.phase is Phase.STEADY)
    assert steady.right == pytest.approx(length_s / 0.0021, abs=1.5)
