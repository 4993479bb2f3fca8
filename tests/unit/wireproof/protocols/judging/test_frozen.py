"""Forms of objects: equal where they hold the same, and never where that is unknown."""

import itertools
import random
import re
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from wireproof.protocols.judging.frozen import MOST_PARTS, frozen


class Slotted:
    """Holds a value in a slot."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


@dataclass
class Store:
    """A model."""

    values: dict[bytes, bytearray | deque[bytes]] = field(default_factory=dict)
    pattern: re.Pattern[bytes] = re.compile(b"a")


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"a": [1, (2, b"x")], "b": {3, 4}},
        lambda: deque([b"a", bytearray(b"b")]),
        lambda: Store({b"k": bytearray(b"v"), b"l": deque([b"1"])}),
        lambda: Slotted([1]),
        lambda: OrderedDict(a=1, b=2),
        lambda: random.Random(1),
        lambda: [None, True, 1.5, 2j, range(3), int, re.compile(b"x"), len],
    ],
)
def test_the_same_made_twice_is_equal(make: Callable[[], object]):
    """What holds the same has the same form, whoever made it."""
    assert frozen(make()) is not None
    assert frozen(make()) == frozen(make())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1], [2]),
        ([1], (1,)),
        ([1], [True]),
        ([1], [1.0]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Slotted(1), Slotted(2)),
        (Store(), Store({b"k": bytearray(b"")})),
        (bytearray(b"a"), b"a"),
        (deque([b"1", b"2"]), deque([b"2", b"1"])),
        (random.Random(1), random.Random(2)),
        (lambda: 1, lambda: 1),
    ],
)
def test_what_differs_is_not_equal(one: object, other: object):
    """A value, a type or an order that differs shows; a dictionary keeps its order."""
    assert frozen(one) != frozen(other)


def test_what_can_not_be_copied_is_unknown():
    """A lock, a generator: nobody knows what they hold."""
    for unknown in (threading.Lock(), (each for each in ()), Slotted([threading.Lock()])):
        assert frozen(unknown) is None


def test_what_is_too_large_is_unknown():
    """To compare it would cost more than it saves."""
    assert frozen([[] for _ in range(MOST_PARTS - 1)]) is not None
    assert frozen([[] for _ in range(MOST_PARTS + 1)]) is None


def test_a_circle_has_a_form():
    """An object that holds itself is followed once."""

    def circle(value: int) -> list[object]:
        found: list[object] = [value]
        found.append(found)
        return found

    assert frozen(circle(1)) == frozen(circle(1)) != frozen(circle(2))


def test_what_counts_by_itself_shows():
    """A counter that has gone on is another."""
    one, other = itertools.count(), itertools.count()
    assert frozen(one) == frozen(other)
    next(one)
    assert frozen(one) != frozen(other)
