from collections.abc import Sequence

import pytest
from hypothesis import strategies as st

from tests.support import played
from tests.support.servers import Shout
from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import AwaitEnd, Close, Send
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS, Subject, checked, draw_requests, plain_request
from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.protocols.built_in.dns import Dns
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


def test_the_requests_are_reproducible_and_ordered() -> None:
    """The same seed, the same requests, the smallest of all first."""
    requests = draw_requests(Shout(), TARGET, 7)
    assert requests == draw_requests(Shout(), TARGET, 7)
    assert requests[0] == b"\n"
    assert list(requests) == sorted(set(requests), key=lambda request: (len(request), request))


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


@pytest.mark.parametrize("drawn", ["text", b"", None])
def test_a_request_is_bytes(drawn: object) -> None:
    """What the user's strategy draws is looked at, and named if it is no request."""
    with pytest.raises(ProtocolCodeError, match=r"Shout\.requests drew"):
        checked(Shout(), drawn)


def test_a_transport_that_the_protocol_does_not_know() -> None:
    """It is told which ones it is spoken over."""
    with pytest.raises(UsageError, match="shout is not spoken over udp") as error:
        draw_requests(Shout(), parse_target("udp://127.0.0.1:7"), 0)
    assert "tcp" in error.value.instead


def test_a_strategy_is_one() -> None:
    """A list of requests is no strategy; what to return is said."""

    class Listed(Shout):
        def requests(self) -> st.SearchStrategy[bytes]:
            return [b"a\n"]  # type: ignore[return-value]

    with pytest.raises(ProtocolCodeError, match="returned list") as error:
        draw_requests(Listed(), TARGET, 0)
    assert "Hypothesis strategy" in error.value.instead


def test_a_strategy_that_raises_is_the_users() -> None:
    """The user's exception is named."""

    class Raising(Shout):
        def requests(self) -> st.SearchStrategy[bytes]:
            return st.integers().map(lambda number: b"x" * (number // 0))

    with pytest.raises(ProtocolCodeError, match="ZeroDivisionError"):
        draw_requests(Raising(), TARGET, 0)


@pytest.mark.parametrize(("scheme", "framed"), [("tcp", True), ("udp", False)])
def test_the_plain_request_is_one_of_the_transport(scheme: str, framed: bool) -> None:
    """Over UDP the plain datagram is asked for, not the stream's request, which is framed."""
    protocol, target = Dns(), parse_target(f"{scheme}://127.0.0.1:53")
    datagram = protocol.datagram_example()
    right = protocol.frame(datagram) if framed else datagram
    assert plain_request(protocol, target, ()) == right


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
