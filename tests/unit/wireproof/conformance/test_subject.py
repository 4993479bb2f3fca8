from collections.abc import Sequence

import pytest

from tests.support import played
from tests.support.servers import Shout
from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import AwaitEnd, Close, Send
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS, Subject
from wireproof.target import parse_target, resolve

TARGET = resolve(parse_target("tcp://127.0.0.1:7"))[0]


def _subject(half_close: bool = True) -> Subject:
    drawn = Runner(TARGET, Shout(), DEPTHS["quick"], seed=1, diag=None).subject
    return Subject(
        drawn.protocol,
        TARGET,
        drawn.depth,
        half_close=half_close,
        concurrent=True,
        smallest=drawn.smallest,
        plain_request=drawn.plain_request,
        requests=drawn.requests,
    )


def test_a_conversation_ends_as_strictly_as_the_server_allows() -> None:
    """With half-close every byte is judged; without it the connection is just closed."""
    assert isinstance(_subject().single([b"a\n"]).actions[-1], AwaitEnd)
    assert isinstance(_subject(half_close=False).single([b"a\n"]).actions[-1], Close)


def test_without_pipelining_everything_is_in_lock_step() -> None:
    """Cuts there are all the same."""

    class OneAtATime(Shout):
        pipelining = False

    subject = Runner(TARGET, OneAtATime(), DEPTHS["quick"], seed=1, diag=None).subject
    plan = subject.single([b"ab\n", b"c\n"], [1])
    assert [a.until for a in plan.actions if isinstance(a, Send)] == [1, 3, 5]


def test_repeated_conversations_have_about_the_length() -> None:
    """At least one round, and no more than asked for."""
    assert sum(map(len, _subject().repeated(100))) <= 100
    assert len(_subject().repeated(0)) == 2


class _Counted(Shout):
    """Lines, each of which a connection hears once, in their order."""

    SAID = (b"one\n", b"two\n", b"three\n")

    def conversations(self) -> Sequence[Sequence[bytes]]:
        return [self.SAID]

    def is_conversation(self, requests: Sequence[bytes]) -> bool:
        return tuple(requests) == self.SAID[: len(requests)]


def test_requests_that_follow_each_other_are_one_conversations() -> None:
    """Where nothing is answered alike again, pairs and runs are what was seen; so is each plan."""
    free = played.subject(Shout())
    assert free.pair == (free.smallest,) * 2
    assert free.run(3) == (free.plain_request,) * 3
    counted = played.subject(_Counted())
    assert counted.pair == _Counted.SAID[:2]
    assert counted.run(3) == counted.run(9) == _Counted.SAID
    assert counted.allows(single(_Counted.SAID))
    assert not counted.allows(single([b"two\n"]))


@pytest.mark.parametrize("name", ["SEG-LATER", "SEG-RUN", "COAL-HALF", "IDLE-RESUME", "RESET-MID"])
def test_such_conversations_are_tried_too(name: str) -> None:
    """A requirement that repeats requests elsewhere takes those that were seen."""
    requirement = next(one for one in GENERIC if one.id == name)
    subject = played.subject(_Counted())
    plans = [plan for plan in requirement.plans(subject) if subject.allows(plan)]
    assert plans
    assert any(len(requests) > 1 for plan in plans for requests in plan.requests)
