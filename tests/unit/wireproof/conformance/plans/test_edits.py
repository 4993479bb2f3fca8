from typing import cast

import pytest

from wireproof.conformance.plans.edits import (
    apart,
    cuts_of,
    in_lock_step,
    removable,
    with_requests,
    with_segments_as_requests,
    without_actions,
    without_connections,
)
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitReleased,
    Close,
    HalfClose,
    Open,
    OpenTogether,
    Plan,
    Push,
    Send,
    SendDatagram,
    SendLast,
)


def _sends(plan: Plan) -> list[int]:
    return [action.until for action in plan.actions if isinstance(action, Send)]


def test_cuts_are_the_sends_that_others_follow() -> None:
    """On each connection the last send is none."""
    plan = interleaved([single([b"abc"], [1, 2]), single([b"de"])], [0, 1, 0, 1, 0])
    cuts = [cast(Send, plan.actions[number]) for number in cuts_of(plan)]
    assert [(cut.connection, cut.until) for cut in cuts] == [(0, 1), (0, 2)]


def test_what_must_stay() -> None:
    """Openings, the last send and the last wait stay; a cut and a closing may go."""
    plan = single([b"ab"], [1])
    assert removable(plan) == [1, 4]


@pytest.mark.timeout(30)
def test_long_plans_are_edited_in_linear_steps() -> None:
    """Of a hundred thousand requests: a quadratic step would take minutes, and end this test."""
    requests = [b"x"] * 100_000
    plan = apart(single(requests, range(64, len(requests), 64)))
    assert not plan.pipelines
    assert len(plan.actions) == len(single(requests, lock_step=True).actions)
    numbers = removable(plan)
    left = without_actions(plan, numbers[1::2])
    assert len(left.actions) == len(plan.actions) - len(numbers) // 2


def test_without_actions() -> None:
    """The others keep their order."""
    plan = single([b"ab"], [1])
    assert without_actions(plan, [1]) == single([b"ab"])


def test_in_lock_step() -> None:
    """A wait comes in behind each request, and none inside of one."""
    plan = single([b"ab", b"c"], [1, 2])
    assert in_lock_step(plan) == single([b"ab", b"c"], [1], lock_step=True)


def test_segments_as_requests() -> None:
    """Each segment gives way to a request of its length."""
    of_size = {1: b"x", 2: b"yy"}
    plan = single([b"abc"], [1])
    assert with_segments_as_requests(plan, of_size) == single([b"x", b"yy"], lock_step=True)
    assert with_segments_as_requests(single([b"abcd"], [1]), of_size) is None


def test_what_is_pushed_has_no_segments() -> None:
    """Where the rest is not sent in segments there are no requests to be made of them."""
    plan = Plan(((b"ab",),), (Open(0), Send(0, 1), Push(0, 2, 0.1), Await(0), Close(0)))
    assert with_segments_as_requests(plan, {1: b"x"}) is None


def test_without_connections() -> None:
    """The later ones are renumbered; the wait for the server's sockets stays."""
    plans = [single([bytes([97 + number])]) for number in range(4)]
    plan = interleaved(plans, [])
    left = without_connections(Plan(plan.requests, (*plan.actions, AwaitReleased(0))), [0, 2])
    assert left.requests == ((b"b",), (b"d",))
    assert left.actions == (*interleaved([plans[1], plans[3]], []).actions, AwaitReleased(0))


def test_a_group_keeps_one() -> None:
    """One connection is left of those that open together."""
    actions: list[Action] = [OpenTogether(2), *(Close(number) for number in range(3))]
    left = without_connections(Plan(((), (), ()), tuple(actions)), range(3))
    assert left == Plan(((),), (OpenTogether(0), Close(0)))


@pytest.mark.parametrize(
    ("changes", "requests", "cuts"),
    [
        ({}, (b"abcd", b"ef", b"ghi"), [1, 3, 5, 9]),
        ({0: b""}, (b"ef", b"ghi"), [1, 5]),
        ({1: b""}, (b"abcd", b"ghi"), [1, 3, 4, 7]),
        ({0: b"xy"}, (b"xy", b"ef", b"ghi"), [1, 3, 7]),
        ({0: b"uvwxyz"}, (b"uvwxyz", b"ef", b"ghi"), [1, 5, 7, 11]),
        ({0: b"", 2: b"z"}, (b"ef", b"z"), [1, 3]),
        ({0: b"", 1: b"", 2: b""}, (), []),
    ],
)
def test_offsets_move_with_the_requests(
    changes: dict[int, bytes], requests: tuple[bytes, ...], cuts: list[int]
) -> None:
    """A cut stays in its request, one before the last byte stays there, one at an end too."""
    plan = single([b"abcd", b"ef", b"ghi"], [1, 3, 5])
    left = with_requests(plan, 0, changes)
    assert left.requests == (requests,)
    assert _sends(left) == cuts


def test_without_the_last_bytes_the_end_is_still_sent() -> None:
    """What was to be sent along with the end of the stream is gone: the end is not."""
    plan = Plan(((b"a",),), (Open(0), SendLast(0, 1)))
    assert with_requests(plan, 0, {0: b""}).actions == (Open(0), HalfClose(0))


def test_a_datagram_goes_with_its_request() -> None:
    """The later ones are renumbered."""
    sends = tuple(SendDatagram(0, position) for position in range(3))
    plan = Plan(((b"a", b"b", b"c"),), (Open(0), *sends))
    left = with_requests(plan, 0, {1: b""})
    assert left == Plan(((b"a", b"c"),), (Open(0), SendDatagram(0, 0), SendDatagram(0, 1)))
