from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.support.plans import plans
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    AwaitReleased,
    Close,
    HalfClose,
    OnServer,
    Open,
    OpenTogether,
    Plan,
    Push,
    Reset,
    Send,
)
from wireproof.conformance.plans.reduce import reduce


def _smaller(request: bytes) -> list[bytes]:
    """All that is shorter and made of the same first octet."""
    return [request[:1] * size for size in range(1, min(len(request), 6))]


def _never() -> bool:
    return False


def _minimum(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    return reduce(plan, fails, _smaller, _never)


def _within_bounds(plan: Plan) -> None:
    """Assert what every executor relies on."""
    opened: set[int] = set()
    sent = dict.fromkeys(range(len(plan.requests)), 0)
    for action in plan.actions:
        number = action.connection
        if isinstance(action, OnServer):
            continue
        assert 0 <= number < len(plan.requests)
        if isinstance(action, Open):
            opened.add(number)
        elif isinstance(action, OpenTogether):
            opened |= set(range(number + 1))
        assert number in opened
        if isinstance(action, Send | Push):
            assert sent[number] < action.until <= sum(map(len, plan.requests[number]))
            sent[number] = action.until


@given(plans(), st.integers(0, 2**30))
def test_never_larger_and_always_failing(plan: Plan, salt: int) -> None:
    """Whatever fails, the minimum fails too, is no larger, and stays executable."""
    tried = []

    def fails(candidate: Plan) -> bool:
        _within_bounds(candidate)
        tried.append(candidate)
        return hash((salt, candidate.requests, candidate.cuts, len(candidate.actions))) % 3 != 0

    reached = _minimum(plan, fails)
    assert reached.size <= plan.size
    assert reached == plan or fails(reached)
    assert all(candidate.size < plan.size for candidate in tried[:1])


def test_nothing_smaller_fails() -> None:
    """A plan that fails by itself alone stays as it is."""
    plan = single([b"abc", b"de"], [1, 4])
    assert _minimum(plan, lambda _: False) == plan


def test_one_cut_of_many() -> None:
    """Of many cuts only the one that matters stays, and of the bytes only those around it."""

    def fails(plan: Plan) -> bool:
        """A cut between CR and LF."""
        stream = b"".join(plan.requests[0])
        return any(
            isinstance(a, Send) and stream[a.until - 1 : a.until + 1] == b"\r\n"
            for a in plan.actions
        )

    plan = single([b"hello\r\n", b"world\r\n"], range(1, 14))
    reached = reduce(plan, fails, lambda r: [b"x\r\n"] if len(r) > 3 else [], _never)
    assert reached.requests == ((b"x\r\n",),)
    assert [a.until for a in reached.actions if isinstance(a, Send)] == [2, 3]
    assert reached.cuts == 1


def test_connections_go() -> None:
    """Of eight conversations only those two stay that it takes."""
    plan = interleaved([single([bytes([65 + k])] * 2) for k in range(8)], [*range(8)] * 5)
    wanted = {b"C", b"F"}

    def fails(candidate: Plan) -> bool:
        return wanted <= {request for each in candidate.requests for request in each}

    assert _minimum(plan, fails).requests == ((b"C",), (b"F",))


def test_waits_go_first() -> None:
    """What need not be held is not held: shrinking the rest is quicker then."""
    plan = single([b"ab"], [1], hold_s=2.0)
    order: list[Plan] = []

    def fails(candidate: Plan) -> bool:
        order.append(candidate)
        return candidate.cuts == 1

    reached = _minimum(plan, fails)
    assert all(a.hold_s == 0 for a in reached.actions if isinstance(a, Send))
    assert order[0] == single([b"ab"], [1])


def test_a_strict_ending_stays() -> None:
    """Without the end of stream a surplus byte may come too late to be seen."""
    plan = single([b"a"], ending=(HalfClose, AwaitEnd))
    reached = _minimum(plan, lambda candidate: bool(candidate.requests[0]))
    assert reached.actions[-2:] == (HalfClose(0), AwaitEnd(0))


def test_what_a_push_left_is_still_sent() -> None:
    """After a push the wait stays: it sends the rest, without which any server seems to fail."""
    plan = Plan(((b"a" * 100,),), (Open(0), Push(0, 100, 0.5), Await(0), HalfClose(0), AwaitEnd(0)))
    seen: list[Plan] = []

    def fails(candidate: Plan) -> bool:
        seen.append(candidate)
        return any(isinstance(a, Push) for a in candidate.actions)

    reached = _minimum(plan, fails)
    assert seen
    for candidate in [*seen, reached]:
        for step, following in zip(candidate.actions, candidate.actions[1:], strict=False):
            assert not isinstance(step, Push) or isinstance(following, Await)


def test_replies_stay_awaited() -> None:
    """No plan is made that closes with replies unread: that would be a reset of our own."""
    plan = single([b"ab", b"cd"], lock_step=True)

    def fails(candidate: Plan) -> bool:
        waits = [n for n, a in enumerate(candidate.actions) if isinstance(a, Await)]
        sends = [n for n, a in enumerate(candidate.actions) if isinstance(a, Send)]
        assert not sends or (waits and waits[-1] > sends[-1])
        return True

    assert _minimum(plan, fails).size < plan.size


def test_opened_together() -> None:
    """Of a group that opens at once connections can go, down to two or one."""
    actions: list[Action] = [OpenTogether(4)]
    actions += [step for n in range(5) for step in (Send(n, 1), Await(n), Close(n))]
    plan = Plan(((b"a",),) * 5, tuple(actions))
    reached = _minimum(plan, lambda candidate: len(candidate.requests) >= 2)
    assert len(reached.requests) == 2
    assert OpenTogether(1) in reached.actions


def test_a_connection_beside_a_group_can_go() -> None:
    """A connection opened by itself, after a group, takes nobody of the group with it."""
    plan = Plan(
        ((b"a",), (b"b",), (b"c",)),
        (
            OpenTogether(1),
            Open(2),
            *(step for n in range(3) for step in (Send(n, 1), Await(n), Close(n))),
        ),
    )

    def fails(candidate: Plan) -> bool:
        _within_bounds(candidate)
        return len(candidate.requests) >= 2

    assert len(_minimum(plan, fails).requests) == 2


def test_waiting_for_the_server_stays() -> None:
    """The wait for sockets belongs to the server as a whole: it outlives connection 0."""
    plan = Plan(
        ((b"a",), (b"b",)),
        (Open(0), Close(0), Open(1), Send(1, 1), Reset(1), AwaitReleased(0)),
    )

    def fails(candidate: Plan) -> bool:
        return AwaitReleased(0) in candidate.actions and any(
            isinstance(a, Reset) for a in candidate.actions
        )

    reached = _minimum(plan, fails)
    assert len(reached.requests) == 1
    assert reached.actions == (Open(0), Reset(0), AwaitReleased(0))


def test_the_failing_connection_alone() -> None:
    """Of many connections, that on which the failure was seen is tried alone first."""
    plan = interleaved([single([b"abcd"], [1]) for _ in range(30)], [])
    tried: list[int] = []

    def fails(candidate: Plan) -> bool:
        _within_bounds(candidate)
        tried.append(len(candidate.requests))
        return True

    reduce(plan, fails, _smaller, _never, failed_on=17)
    assert tried[0] == 1


def test_two_of_many_connections() -> None:
    """What needs the first connection beside the failing one is down to two at once."""
    plan = interleaved([single([b"abcd"]) for _ in range(30)], [])
    sizes: list[int] = []

    def fails(candidate: Plan) -> bool:
        sizes.append(len(candidate.requests))
        return len(candidate.requests) >= 2

    assert len(reduce(plan, fails, _smaller, _never, failed_on=17).requests) == 2
    assert sizes[:2] == [1, 2]


def test_a_crowd_of_silent_connections() -> None:
    """Where the number of connections does it, only the failing one asks, and few steps show it."""
    plan = interleaved([single([b"abcd"]) for _ in range(50)], [])
    seen: list[tuple[int, int]] = []

    def fails(candidate: Plan) -> bool:
        _within_bounds(candidate)
        seen.append(candidate.size[:2])
        return len(candidate.requests) >= 41 and any(candidate.requests)

    reduce(plan, fails, _smaller, _never, failed_on=49)
    assert seen.index((41, 1)) < 150


def test_a_hold_that_another_connection_waited() -> None:
    """Connections that are held at once wait in one of them; what is left alone waits itself."""
    plans = [single([b"abcd"], [2], hold_s=0.5 if n == 19 else 0.0) for n in range(20)]
    plan = interleaved(plans, [n for _ in range(2) for n in range(20)])

    tried: list[Plan] = []

    def fails(candidate: Plan) -> bool:
        tried.append(candidate)
        return False

    reduce(plan, fails, _smaller, _never, failed_on=3)
    assert tried[0] == single([b"abcd"], [2], hold_s=0.5)


def test_many_requests_in_few_steps() -> None:
    """Half of what may go, a quarter and so on: not one request at a time."""
    plan = single([b"a"] * 2000)
    runs = [0]

    def fails(candidate: Plan) -> bool:
        runs[0] += 1
        return sum(map(len, candidate.requests[0])) > 100

    assert _minimum(plan, fails).bytes_sent == 101
    assert runs[0] < 400


def test_lock_step_is_no_cut() -> None:
    """Requests that need not follow each other at once wait for their replies."""
    plan = single([b"a"] * 8, range(1, 8))
    assert plan.cuts == 7
    reached = _minimum(plan, lambda candidate: candidate.bytes_sent >= 4)
    assert (reached.bytes_sent, reached.cuts) == (4, 0)


def test_out_of_time() -> None:
    """When time is up the best so far is returned, and nothing more is executed."""
    plan = single([b"abcdef"], range(1, 6))
    budget = [2]

    def fails(_: Plan) -> bool:
        budget[0] -= 1
        return True

    reached = reduce(plan, fails, _smaller, lambda: budget[0] <= 0)
    assert budget == [0]
    assert reached.size < plan.size


def test_many_requests_go_by_halves() -> None:
    """Thousands of requests shrink in few executions."""
    plan = single([b"x"] * 4096)
    tries = 0

    def fails(candidate: Plan) -> bool:
        nonlocal tries
        tries += 1
        return bool(candidate.requests[0])

    def nothing(_: bytes) -> Sequence[bytes]:
        return ()

    assert reduce(plan, fails, nothing, _never).requests == ((b"x",),)
    assert tries < 40


def test_a_cut_moves_into_the_request_that_is_left() -> None:
    """A cut between two requests would vanish with either; a cut inside one shows the same."""
    plan = single([b"a\n", b"\n", b"a\n"], [3])

    def fails(candidate: Plan) -> bool:
        """Inside a request, or behind the empty line."""
        if candidate.cuts != 1:
            return False
        cut = next(a.until for a in candidate.actions if isinstance(a, Send))
        stream = b"".join(candidate.requests[0])
        return stream[cut - 1] != 10 or stream[cut - 2 : cut] == b"\n\n"

    reached = reduce(plan, fails, lambda _: [], _never)
    assert reached.requests == ((b"a\n",),)
    assert [a.until for a in reached.actions if isinstance(a, Send)] == [1, 2]


def test_segments_become_requests() -> None:
    """What fails by the number of its reads is no matter of cuts: each may be a request."""
    plan = single([b"a" * 110], range(1, 110))
    reached = _minimum(plan, lambda candidate: candidate.segments > 100)
    assert (reached.bytes_sent, reached.cuts) == (101, 0)


def test_a_partner_anywhere() -> None:
    """Of many connections the one beside the failing one is found, wherever it is."""
    plan = interleaved([single([bytes([65 + k])]) for k in range(20)], [])
    runs = [0]

    def fails(candidate: Plan) -> bool:
        runs[0] += 1
        return {(b"C",), (b"J",)} <= set(candidate.requests)

    reached = reduce(plan, fails, _smaller, _never, failed_on=9)
    assert reached.requests == ((b"C",), (b"J",))
    assert runs[0] < 80
