import re
from dataclasses import replace
from itertools import accumulate, islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.servers import GreetedShout, Shout
from wireproof.choosing import select
from wireproof.conformance.catalogue import GENERIC, catalogue_for
from wireproof.conformance.evidence.case import _check_bounds
from wireproof.conformance.plans.plan import Await, Plan, Send
from wireproof.conformance.properties.state_machine import histories
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS, Depth, Subject
from wireproof.errors import UsageError
from wireproof.protocols.base import Protocol, Rule
from wireproof.protocols.built_in.chargen import Chargen
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.memcached import Memcached
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
from wireproof.results import Level, Verdict
from wireproof.target import parse_target, resolve
from wireproof.wire.reference import ReferenceServer


class Ruled(Shout):
    """A protocol with a requirement of its own."""

    def rules(self) -> list[Rule]:
        """One rule."""
        return [Rule("SHOUT-LOUD", Level.SHOULD, "It is loud.", "s", "r", ((b"ab\n", b"c\n"),))]


class OneAtATime(Shout):
    """A protocol without pipelining."""

    pipelining = False


def _subject(protocol: Protocol, *, half_close: bool = True, concurrent: bool = True) -> Subject:
    target = resolve(parse_target("tcp://127.0.0.1:7"))[0]
    plain = Runner(target, protocol, DEPTHS["quick"], seed=1, diag=None).subject
    return Subject(
        protocol,
        target,
        plain.depth,
        half_close=half_close,
        concurrent=concurrent,
        smallest=plain.smallest,
        plain_request=plain.plain_request,
        requests=plain.requests,
    )


def test_ids_are_stable_names() -> None:
    """IDs are unique, in capitals, and say their group."""
    ids = [one.id for one in GENERIC]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Z]+-[A-Z]+", identifier) for identifier in ids)


def test_every_requirement_is_a_sentence_with_source_and_reason() -> None:
    """The catalogue is for reading: one sentence, where it stands, why it matters."""
    for one in GENERIC:
        assert one.title.endswith("."), one.id
        assert one.title.count(". ") == 0, one.id
        assert one.source, one.id
        assert one.reason.endswith("."), one.id


def test_the_order() -> None:
    """The answer comes first, then how conversations may end."""
    assert [one.id for one in GENERIC[:2]] == ["BASE-ANSWER", "CLOSE-HALF"]


def test_a_protocols_own_rules_follow() -> None:
    """They are tried whole and octet by octet, with what every server must keep."""
    *_, own = catalogue_for(Ruled())
    assert (own.id, own.level) == ("SHOUT-LOUD", Level.SHOULD)
    plans = list(own.plans(_subject(Ruled())))
    assert [plan.cuts for plan in plans] == [0, 4]


@pytest.mark.parametrize(
    ("only", "skip", "ids"),
    [
        ((), (), [one.id for one in GENERIC]),
        (("seg-single",), (), ["SEG-SINGLE"]),
        (("CLOSE-*",), ("CLOSE-MID",), ["CLOSE-HALF", "CLOSE-SILENT"]),
        (("BASE-ANSWER", "CLOSE-M*"), (), ["BASE-ANSWER", "CLOSE-MID"]),
    ],
)
def test_selection(only: tuple[str, ...], skip: tuple[str, ...], ids: list[str]) -> None:
    """Names and groups, in the catalogue's order, in any case."""
    assert [one.id for one in select(GENERIC, only, skip)] == ids


@pytest.mark.parametrize(
    ("only", "skip", "problem"),
    [
        (("SEG-SINGEL",), (), "no requirement 'SEG-SINGEL'"),
        ((), ("NO-*",), "no requirement 'NO-\\*'"),
        (("SEG-SINGLE",), ("SEG-*",), "leaves no requirement"),
    ],
)
def test_wrong_selections(only: tuple[str, ...], skip: tuple[str, ...], problem: str) -> None:
    """A slip is told, rather than nothing tried."""
    with pytest.raises(UsageError, match=problem):
        select(GENERIC, only, skip)


@pytest.mark.parametrize("kind", [Echo, TimestampEcho, Shout, OneAtATime, GreetedShout])
@pytest.mark.parametrize("like", [True, False])
def test_every_plan_is_in_bounds(kind: type[Protocol], like: bool) -> None:
    """Whatever a requirement tries stays within its requests, opens before it sends, and ends."""
    protocol = kind()
    subject = _subject(protocol, half_close=like, concurrent=like)
    for one in catalogue_for(protocol):
        if one.unsupported(subject):
            continue
        for plan in islice(one.plans(subject), 200):
            assert isinstance(plan, Plan)
            _check_bounds(Path(one.id), plan)


def test_nobody_says_goodbye_before_he_is_answered() -> None:
    """Requests that are sent at once are those before it; alone, it is sent as any."""

    class Parting(Shout):
        def conversations(self) -> list[tuple[bytes, ...]]:
            return [(b"ab\n", b"c\n", b"bye\n"), (b"bye\n",)]

        def is_last(self, request: bytes) -> bool:
            return request == b"bye\n"

    subject = _subject(Parting())
    for identifier in ("COAL-MANY", "CLOSE-HALF"):
        one = next(one for one in GENERIC if one.id == identifier)
        said = {plan.requests[0] for plan in one.plans(subject) if b"ab\n" in plan.requests[0]}
        assert (b"ab\n", b"c\n") in said
        assert not any(b"bye\n" in requests for requests in said)


def test_cuts_are_held_on_no_more_connections_than_the_server_has() -> None:
    """Of several at once; what it promised to serve is the protocol's to say."""
    protocol = Shout()
    protocol.connections = 3
    held = next(one for one in GENERIC if one.id == "SEG-HELD")
    assert {len(plan.requests) for plan in held.plans(_subject(protocol))} == {3}


class Scripted(Shout):
    """Its conversations are given, one of them very long."""

    def conversations(self) -> list[tuple[bytes, ...]]:
        """Return what is played, as what is learnt from traffic has it."""
        return [(b"x" * 66_000 + b"\n", b"y\n"), (b"ab\n",)]


@pytest.mark.parametrize("depth", DEPTHS.values(), ids=DEPTHS)
def test_a_very_long_request_is_cut_as_often_as_the_depth_has_time_for(depth: Depth) -> None:
    """Short ones are cut everywhere; of a long one both ends are, and the rest evenly."""
    subject = replace(_subject(Scripted()), depth=depth)
    one = next(one for one in GENERIC if one.id == "SEG-SINGLE")
    cuts: dict[int, list[int]] = {}
    for plan in one.plans(subject):
        first = next(action for action in plan.actions if isinstance(action, Send))
        cuts.setdefault(sum(map(len, plan.requests[0])), []).append(first.until)
    assert cuts[3] == [1, 2]
    found = cuts[66_003]
    assert len(found) <= depth.most_cuts - 2
    assert len(found) + one.beyond(subject) == 66_002
    assert {*range(1, 65), *range(65_990, 66_001)} <= {*found}
    assert max(b - a for a, b in pairwise(found)) <= 2.5 * 66_003 / len(found)


def test_sets_of_cuts_of_a_very_long_request_are_as_large_as_the_depth_has_time_for() -> None:
    """Each has no more cuts than there are single ones; a short conversation keeps all steps."""
    one = next(one for one in GENERIC if one.id == "SEG-SETS")
    subject = _subject(Scripted())
    counts = [plan.cuts for plan in one.plans(subject)]
    assert len(counts) == 11
    assert max(counts) <= subject.depth.most_cuts
    assert counts[-1] == 1


def test_nothing_is_pushed_at_an_endless_stream() -> None:
    """A server that sends without being asked need not read what a slow reader would send."""
    subject = _subject(Chargen())
    slow = [one for one in GENERIC if one.id.startswith("SLOW-")]
    assert slow
    assert not any(plan.requests[0] for one in slow for plan in one.plans(subject))


def test_the_time_of_the_first_reply_is_too_old_for_a_later_one() -> None:
    """A timestamp is as old as what was sent last at most, however long the conversation took."""
    requirement = next(one for one in catalogue_for() if one.id == "TS-SKEW")
    with ReferenceServer("--fault", "time-of-first-reply") as server:
        target = resolve(parse_target(server.target))[0]
        depth = replace(DEPTHS["default"], shrink_s=0.5, confirmations=1)
        runner = Runner(target, TimestampEcho(), depth, seed=1, diag=None)
        verdict = runner.judge_one(requirement).result.verdict
    assert verdict is Verdict.FAIL


CACHED = _subject(Memcached())


@given(st.data())
@settings(max_examples=50)
def test_histories_await_nothing_that_may_come_later(data: st.DataObject) -> None:
    """A protocol whose servers may answer a batch at its end is asked at ends of requests."""
    plan = data.draw(histories(CACHED))
    for connection, requests in enumerate(plan.requests):
        ends, sent = {*accumulate(map(len, requests), initial=0)}, 0
        for action in plan.actions:
            if action.connection == connection:
                sent = action.until if isinstance(action, Send) else sent
                assert not isinstance(action, Await) or sent in ends
