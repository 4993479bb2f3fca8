"""The kinds of places at which replies differ, and what each allows there.

    judged exactly    counter, length, same, settled
    judged by kind    clock, rising, unique
    not judged        random, duration

A kind says in words what is wrong with a value; it knows nothing of where it stands.
"""

from typing import ClassVar

import msgspec

from wireproof.learning.memory import Circumstances, Judged, Place
from wireproof.learning.values.clocks import Clock
from wireproof.learning.values.numerals import Numeral


class Counter(msgspec.Struct, frozen=True, tag="counter"):
    """A number that grows by one step with every play.

    Attributes:
        numeral: how it is written.
        step: by how much; negative where it counts down.

    """

    judged: ClassVar[Judged] = "exactly"
    numeral: Numeral
    step: int

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return what is wrong with `value`, or nothing."""
        if self.numeral.read(value) is None:
            return "is not the number that counts here"
        if when.last is None:
            return ""
        if not when.ordered:
            return "came before" if when.came_before(value) else ""
        return "" if value in self._following(when) else "is not the next of this counter"

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        if when.last is None or not when.ordered:
            return "a number that never came before"
        shown = [self.numeral.shown(one) for one in self._following(when)] or ["nothing"]
        several = f" to {shown[-1]}" if len(shown) > 1 else ""
        return f"{shown[0]}{several}, the next of a counter in steps of {self.step}"

    def _following(self, when: Circumstances) -> list[bytes]:
        assert when.seen is not None
        last = self.numeral.read(when.seen.last or b"")
        assert last is not None
        following = (last + self.step * steps for steps in range(1, when.seen.skipped + 2))
        return [self.numeral.write(one) for one in following if one >= 0 or self.numeral.is_binary]


class Rising(msgspec.Struct, frozen=True, tag="rising"):
    """A number that grows, by how much isn't known.

    Attributes:
        numeral: how it is written.
        strictly: whether it never stays the same.

    """

    judged: ClassVar[Judged] = "by kind"
    numeral: Numeral
    strictly: bool = True

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return what is wrong with `value`, or nothing."""
        number = self.numeral.read(value)
        if number is None:
            return "is not the number that grows here"
        if not when.ordered:
            return "came before" if self.strictly and when.came_before(value) else ""
        last = self._last(when)
        if last is None or number > last or (number == last and not self.strictly):
            return ""
        return "goes back" if number < last else "does not grow"

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        last = self._last(when)
        if last is None:
            return "a number that grows"
        return f"a number above {last if self.strictly else last - 1}"

    def _last(self, when: Circumstances) -> int | None:
        return None if when.last is None else self.numeral.read(when.last)


class Unique(msgspec.Struct, frozen=True, tag="unique"):
    """A value that never comes twice."""

    judged: ClassVar[Judged] = "by kind"

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return what is wrong with `value`, or nothing."""
        return "came before" if when.came_before(value) else ""

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        del when
        return "a value that never came before"


class Random(msgspec.Struct, frozen=True, tag="random"):
    """A value of which nothing is known but its letters and its size."""

    judged: ClassVar[Judged] = "not"

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return nothing: any value will do."""
        del value, when
        return ""

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        del when
        return "any value"


class Duration(msgspec.Struct, frozen=True, tag="duration"):
    """How long something took."""

    judged: ClassVar[Judged] = "not"

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return nothing: it may take any time."""
        del value, when
        return ""

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        del when
        return "any time"


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """What the first play changed for good.

    Attributes:
        first: what the first play was answered.
        since: what all others were answered.

    """

    judged: ClassVar[Judged] = "exactly"
    first: bytes
    since: bytes

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return what is wrong with `value`, or nothing."""
        if value == self.since or (value == self.first and when.last is None):
            return ""
        return "is what only the first play was answered" if value == self.first else "differs"

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        del when
        return repr(self.since)


class Same(msgspec.Struct, frozen=True, tag="same"):
    """What stood at an earlier place of the same play.

    Attributes:
        reply: which reply, from 0.
        element: which element of its pattern, from 0.

    """

    judged: ClassVar[Judged] = "exactly"
    reply: int
    element: int

    @property
    def place(self) -> Place:
        """Where it stood."""
        return self.reply, self.element

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return nothing: whoever knows the other value compares."""
        del value, when
        return ""

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        del when
        return f"what reply {self.reply + 1} said before"


class Length(msgspec.Struct, frozen=True, tag="length"):
    """A number that says how long a part of the reply is.

    Attributes:
        numeral: how it is written.
        first: the first element of that part.
        last: its last element.
        adjust: what is added to the part's size in bytes.

    """

    judged: ClassVar[Judged] = "exactly"
    numeral: Numeral
    first: int
    last: int
    adjust: int

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return what is wrong with how it is written; whoever knows the part compares."""
        del when
        return "is not a number" if self.numeral.read(value) is None else ""

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        del when
        return "the length of what follows"


Kind = Clock | Counter | Rising | Unique | Random | Duration | Settled | Same | Length


def name_of(kind: Kind) -> str:
    """Return the kind's name, one word."""
    return str(type(kind).__struct_config__.tag)
