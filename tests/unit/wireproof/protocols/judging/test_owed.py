"""The replies owed are found as a search through all of them would find them."""

import re
from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols.judging.owed import Owed, OwedReplies, Request
from wireproof.protocols.replies import Matcher, matches


class Searched:
    """What is owed, as a list that is searched from its beginning each time: plainly right."""

    def __init__(self, *, ordered: bool) -> None:
        self.all: list[Owed] = []
        self.ordered = ordered

    def candidates(self) -> Iterator[Owed]:
        """Yield the replies that nothing keeps waiting."""
        closed: set[str] = set()
        for owed in self.all:
            if self.ordered and owed.lane in closed:
                continue
            if not owed.optional:
                closed.add(owed.lane)
            yield owed

    def fitting(self, reply: bytes) -> Owed | None:
        """Return the first that fits."""
        return next((one for one in self.candidates() if matches(one.matcher, reply, None)), None)

    def settle(self, fitting: Owed) -> None:
        """Strike it off, and what it has overtaken."""
        at = self.all.index(fitting)
        overtaken = [one for one in self.all[:at] if self.ordered and one.lane == fitting.lane]
        self.all = [one for one in self.all if one is not fitting and one not in overtaken]


matchers: st.SearchStrategy[Matcher] = st.one_of(
    st.sampled_from([b"1a", b"1b", b"2a"]),
    st.sampled_from([re.compile(rb"[12]a"), re.compile(rb".b")]),
)
owed_replies = st.builds(
    lambda matcher, lane, optional: (matcher, lane, optional),
    matchers,
    st.sampled_from(["", "x", "y"]),
    st.booleans(),
)
replies = st.sampled_from([b"1a", b"1b", b"2a", b"2b", b"3c"])


@given(st.booleans(), st.lists(st.one_of(owed_replies, replies), max_size=30))
def test_found_as_by_a_search(ordered: bool, steps: list[tuple[Matcher, str, bool] | bytes]):
    """Whatever lanes, optional replies and patterns there are, each reply settles the same one."""
    quick, slow = OwedReplies(ordered=ordered, mask=None, id_of=None), Searched(ordered=ordered)
    for step in steps:
        if isinstance(step, tuple):
            matcher, lane, optional = step
            owed = Owed(matcher, b"", None, lane, optional)
            quick.add(owed)
            slow.all.append(owed)
            continue
        found = quick.fitting(step)
        assert found is slow.fitting(step)
        assert list(quick.candidates(step)) == list(slow.candidates())
        if found is not None:
            quick.settle(found)
            slow.settle(found)
        assert quick.required == sum(not one.optional for one in slow.all)
        assert bool(quick.queue) == bool(slow.all)
        assert not quick.queue or quick.queue[0] is slow.all[0]
        if quick.required:
            assert quick.first_required is next(one for one in slow.all if not one.optional)


@given(st.lists(st.tuples(st.sampled_from([b"1", b"2", b"3"]), st.booleans()), max_size=30))
def test_found_by_what_names_them(steps: list[tuple[bytes, bool]]):
    """Where messages name their request, a reply is compared with the requests it names alone."""
    owed_by_id: dict[bytes, deque[Owed]] = {}
    quick = OwedReplies(ordered=False, mask=None, id_of=lambda message: message[:1])
    for name, is_reply in steps:
        same = owed_by_id.setdefault(name, deque())
        if not is_reply:
            owed = Owed(re.compile(name + b"!"), name, None)
            quick.add(owed)
            same.append(owed)
            continue
        assert quick.fitting(name + b"?") is None
        found = quick.fitting(name + b"!")
        assert found is (same[0] if same else None)
        if found:
            assert list(quick.candidates(name + b"?")) == list(same)
            quick.settle(found)
            same.popleft()


def test_what_names_nothing_is_compared_with_all():
    """A message without a name is found by its bytes, or tried."""
    quick = OwedReplies(ordered=False, mask=None, id_of=lambda _: None)
    for matcher in (b"a", re.compile(b"b"), b"c"):
        quick.add(Owed(matcher, b"", None))
    assert [bool(quick.fitting(reply)) for reply in (b"c", b"b", b"a", b"d")] == [1, 1, 1, 0]


def test_bytes_are_found_behind_a_mask():
    """What a mask makes the same is the same."""
    quick = OwedReplies(ordered=False, mask=bytes.lower, id_of=None)
    quick.add(Owed(b"A", b"", None))
    assert quick.fitting(b"a") is quick.queue[0]
    assert quick.fitting(b"B") is None


@pytest.mark.parametrize("named", [False, True])
def test_what_is_settled_is_forgotten(named: bool):
    """Behind an optional reply that never comes, a thousand that do leave nothing in memory."""
    quick = OwedReplies(ordered=not named, mask=None, id_of=bytes.upper if named else None)
    request = Request(1)
    quick.add(Owed(b"lost", b"lost", request, "lost", optional=True))
    for number in range(1000):
        reply = b"%d" % number
        quick.add(Owed(re.compile(reply), reply, request))
        found = quick.fitting(reply)
        assert found
        quick.settle(found)
        assert len(quick.queue) < 200
    assert (quick.required, request.replies_owed) == (0, 1000)
    quick.clear()
    assert not quick.queue
    assert quick.fitting(b"lost") is None
