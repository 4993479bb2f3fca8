import pytest

from tests.support import played
from wireproof.conformance.execution.failure import Phase
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Open,
    Plan,
    Push,
    Send,
    SendLast,
)
from wireproof.conformance.search.features import (
    Feature,
    had,
    joined,
    segments_as_requests,
    stand_ins,
    with_another,
    without,
)

CUT = single([b"ab\n"], [1], hold_s=0.5)
TWO = single([b"a\n", b"b\n"])
APART = single([b"a\n", b"b\n"], lock_step=True)
ENDED = Plan(((b"a\n",),), (Open(0), SendLast(0, 2), AwaitEnd(0)))


@pytest.mark.parametrize(
    ("feature", "plan", "rest"),
    [
        (Feature.CUTS, CUT, single([b"ab\n"])),
        (Feature.PAUSES, CUT, single([b"ab\n"], [1])),
        (Feature.PIPELINING, TWO, APART),
        (Feature.CUTS, single([b"a\n", b"b\n"], [2]), None),
        (Feature.EARLIER, APART, single([b"b\n"])),
        (Feature.OTHERS, interleaved([TWO, APART], []), TWO),
        (
            Feature.LATE_READING,
            Plan(((b"a\n",),), (Open(0), Push(0, 2, 0.1), Await(0), Close(0))),
            single([b"a\n"]),
        ),
        (Feature.ENDING, ENDED, single([b"a\n"])),
        (Feature.ENDING, single([b"a\n"], ending=(HalfClose, AwaitEnd)), single([b"a\n"])),
        (Feature.OTHERS, TWO, None),
        (Feature.PIPELINING, APART, None),
    ],
)
def test_a_conversation_without_a_feature(feature: Feature, plan: Plan, rest: Plan | None) -> None:
    """The rest stays as it was; None where there is no such feature."""
    assert without(feature, plan, 0) == rest


def test_an_end_counts_only_where_it_came_to_that() -> None:
    """What failed before the client's end of stream was not made to fail by it."""
    assert had(Feature.ENDING, ENDED, played.failure(phase=Phase.ENDING))
    assert not had(Feature.ENDING, ENDED, played.failure(phase=Phase.TALKING))


def test_requests_are_made_one() -> None:
    """Those that are sent together, where any bytes are a request; else one of the same size."""
    subject = played.subject()
    assert joined(TWO, subject) == Plan(((b"a\nb\n",),), TWO.actions)
    assert joined(APART, subject) is None
    line = joined(TWO, played.lines())
    assert line is not None
    assert (len(line.requests[0]), line.bytes_sent) == (1, 4)


def test_another_request_keeps_the_cuts() -> None:
    """One that is too short to be cut there tells nothing of the cut."""
    cut = single([b"abcd"], [2])
    assert with_another(cut, b"wxyz") == single([b"wxyz"], [2])
    assert with_another(cut, b"w") is None
    assert with_another(cut, b"abcd") is None


def test_stand_ins_are_other_requests() -> None:
    """Of other sizes, with plain values, and of other kinds; never the request itself."""
    requests = list(stand_ins(played.subject(), b"ab"))
    assert b"ab" not in requests
    assert len(requests) == len(set(requests))
    assert {1, 2, 3, 4} <= set(map(len, requests))
    assert b"aa" in requests


def test_a_send_goes_with_its_feature_only() -> None:
    """Sends that end whole requests are no cuts."""
    plan = Plan(((b"ab", b"cd"),), (Open(0), Send(0, 2), Send(0, 3), Send(0, 4), Await(0)))
    assert without(Feature.CUTS, plan, 0) == Plan(
        plan.requests, (Open(0), Send(0, 2), Send(0, 4), Await(0))
    )


def test_segments_are_requests_where_any_bytes_are() -> None:
    """The largest alone, the last, each in its turn; what ends the conversation stays."""
    ending = (HalfClose, AwaitEnd)
    plan = single([b"a", b"bcd"], [2], ending=ending)
    assert list(segments_as_requests(plan, played.subject())) == [
        single([b"ab"], ending=ending),
        single([b"cd"], ending=ending),
        single([b"ab", b"cd"], ending=ending, lock_step=True),
    ]


def test_segments_are_requests_of_their_size_where_a_protocol_frames() -> None:
    """A segment of a line is no line, but there is one of its size."""
    lines = played.lines()
    small, large = lines.sized(1), lines.sized(4)
    assert small
    assert large
    assert list(segments_as_requests(single([b"abcd\n"], [1]), lines)) == [
        single([large]),
        single([small, large], lock_step=True),
    ]
    assert not list(segments_as_requests(single([b"abcd\n"]), lines))
