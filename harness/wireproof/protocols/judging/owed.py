"""The replies owed on one connection, in the order of their requests, and which one a reply is.

Strategy: while replies come in one lane, the first owed is the only candidate, and a queue is all.
Where lanes, optional replies or no order at all let several come next, a reply whose request it
names is found by that identifier, and one that is known to the byte by its bytes; only what has
neither is tried one by one. So the work for a reply does not grow with what is owed.

Invariant: the first of the queue is still owed. What was settled further back stays until it is
the first, or until most of the queue is settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wireproof.protocols.replies import NO_LANE, Matcher, matches
from wireproof.protocols.user_code import call_on_reply, call_user_code

_LEAST_STALE = 64

Key = bytes | tuple[bytes]
"""What a reply is found by: its bytes, or, in a tuple, the identifier of its request."""


@dataclass(slots=True, eq=False)
class Request:
    """What is outstanding of one request.

    Attributes:
        unsent_parts: how many of its messages are not sent whole.
        replies_owed: to those that are; optional ones do not count.

    """

    unsent_parts: int
    replies_owed: int = 0


@dataclass(slots=True, eq=False)
class Owed:
    """A reply that is owed.

    Attributes:
        matcher: what is right.
        message: what it answers; empty for the greeting.
        request: the request that the message is a part of; None for the greeting.
        lane: replies of one lane keep their order.
        optional: whether a right server may leave it out.
        settled: whether it came, or cannot come any more.
        number: counts up.
        key: what it is found by, if by anything.

    """

    matcher: Matcher
    message: bytes
    request: Request | None
    lane: str = ""
    optional: bool = False
    settled: bool = False
    number: int = 0
    key: Key | None = None


class OwedReplies:
    """What is owed on one connection.

    Attributes:
        queue: in the order of the requests; the first is still owed.
        required: how many must come.
        in_one_lane: whether only the first may come next.

    """

    __slots__ = (
        "_added",
        "_apart",
        "_by_key",
        "_id_of",
        "_lanes",
        "_mask",
        "_ordered",
        "_others",
        "_stale",
        "in_one_lane",
        "queue",
        "required",
    )

    def __init__(
        self,
        *,
        ordered: bool,
        mask: Callable[[bytes], bytes] | None,
        id_of: Callable[[bytes], bytes | None] | None,
    ) -> None:
        """Owe nothing.

        Args:
            ordered: whether replies of one lane keep their order.
            mask: applied to both sides before bytes are compared.
            id_of: what a request and its reply have in common, where order tells nothing.

        """
        self.queue: deque[Owed] = deque()
        self.required = 0
        self.in_one_lane = ordered
        self._ordered = ordered
        self._mask = mask
        self._id_of = None if ordered else id_of
        self._added = self._apart = 0
        self._stale = 0
        self._lanes: dict[str, deque[Owed]] = {}
        self._by_key: dict[Key, deque[Owed]] = {}
        self._others: deque[Owed] = deque()

    def add(self, owed: Owed) -> None:
        """Owe one more."""
        self.queue.append(owed)
        if owed.lane == NO_LANE:
            self._apart += 1
            owed.lane = f"{NO_LANE}{self._apart}"
        if not owed.optional:
            self.required += 1
            if owed.request is not None:
                owed.request.replies_owed += 1
        if not self.in_one_lane:
            self._index(owed)
        elif owed.lane or owed.optional:
            self.in_one_lane = False
            for each in self.queue:
                self._index(each)

    def fitting(self, reply: bytes) -> Owed | None:
        """Return the first reply owed that `reply` is, among those that nothing keeps waiting."""
        if self.in_one_lane:
            is_right = self.queue and matches(self.queue[0].matcher, reply, self._mask)
            return self.queue[0] if is_right else None
        found = self._found_by_key(reply)
        others = self._others
        while others and others[0].settled:
            others.popleft()
        closed: set[str] = set()
        for owed in others:
            if found is not None and owed.number > found.number:
                break
            if owed.settled or owed.lane in closed:
                continue
            if self._ordered and not self._may_come(owed):
                closed.add(owed.lane)
            elif matches(owed.matcher, reply, self._mask):
                return owed
        return found

    def candidates(self, reply: bytes) -> Iterator[Owed]:
        """Yield what a reply that fits nothing could have been meant for, the likeliest first."""
        if self.in_one_lane:
            yield from list(self.queue)[:1]
            return
        named = self._by_key.get((self._id_in(reply),)) if self._id_of else None
        if named:
            yield from named
            return
        for owed in self.queue:
            if not owed.settled and (not self._ordered or self._may_come(owed)):
                yield owed

    def settle(self, owed: Owed) -> None:
        """Strike off `owed`, and the optional replies of its lane that it has overtaken."""
        owed.settled = True
        if not owed.optional:
            self.required -= 1
        if self.in_one_lane:
            self.queue.popleft()
            return
        self._unindex(owed)
        if self._ordered:
            lane = self._lanes[owed.lane]
            while (overtaken := lane.popleft()) is not owed:
                overtaken.settled = True
                self._unindex(overtaken)
                self._stale += 1
            if not lane:
                del self._lanes[owed.lane]
        self._stale += 1
        self._drop_settled()

    def clear(self) -> None:
        """Owe nothing any more."""
        self.required = self._stale = 0
        for each in (self.queue, self._others, self._lanes, self._by_key):
            each.clear()

    def optional(self) -> list[tuple[Matcher, str]]:
        """Return what may still come though it need not, each with its lane."""
        return [
            (each.matcher, NO_LANE if each.lane.startswith(NO_LANE) else each.lane)
            for each in self.queue
            if each.optional and not each.settled
        ]

    @property
    def first_required(self) -> Owed:
        """The first that must come; there is one."""
        return next(owed for owed in self.queue if not (owed.optional or owed.settled))

    def _index(self, owed: Owed) -> None:
        self._added += 1
        owed.number = self._added
        owed.key = self._key_of(owed)
        if owed.key is None:
            self._others.append(owed)
        else:
            self._by_key.setdefault(owed.key, deque()).append(owed)
        if self._ordered:
            self._lanes.setdefault(owed.lane, deque()).append(owed)

    def _key_of(self, owed: Owed) -> Key | None:
        if self._id_of is not None:
            named = call_user_code(self._id_of, owed.message)
            if named is not None:
                return (named,)
        return self._masked(owed.matcher) if isinstance(owed.matcher, bytes) else None

    def _unindex(self, owed: Owed) -> None:
        if owed.key is not None:
            same = self._by_key[owed.key]
            same.remove(owed)  # the first of them, as a rule
            if not same:
                del self._by_key[owed.key]

    def _found_by_key(self, reply: bytes) -> Owed | None:
        if self._id_of is not None:
            for owed in self._by_key.get((self._id_in(reply),), ()):
                if matches(owed.matcher, reply, self._mask):
                    return owed
        same = self._by_key.get(self._masked(reply), ())
        return next((owed for owed in same if not self._ordered or self._may_come(owed)), None)

    def _may_come(self, owed: Owed) -> bool:
        """Say whether nothing that must come is before it in its lane."""
        lane = self._lanes[owed.lane]
        return next(each for each in lane if each is owed or not each.optional) is owed

    def _masked(self, message: bytes) -> bytes:
        return message if self._mask is None else call_user_code(self._mask, message)

    def _id_in(self, reply: bytes) -> bytes:
        assert self._id_of is not None
        named = call_on_reply(self._id_of, reply)
        return b"" if named is None else named

    def _drop_settled(self) -> None:
        queue = self.queue
        while queue and queue[0].settled:
            queue.popleft()
            self._stale -= 1
        if self._stale > _LEAST_STALE and 2 * self._stale > len(queue):
            for each in (queue, self._others):
                kept = [owed for owed in each if not owed.settled]
                each.clear()
                each.extend(kept)
            self._stale = 0
