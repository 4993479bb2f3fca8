"""Puts what replies gave, such as a token, into the requests that repeat it, on one connection.

A request is announced as it was recorded. Where it repeats a value there is a blank, which is
filled as soon as the reply is there that gives the value, in the same number of bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wireproof.learning.carrying import Excerpt
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learnt.cast import Cast

_GREETING = -1


@dataclass(frozen=True, slots=True)
class _Blank:
    """A place in the stream of requests.

    Attributes:
        at: its offset.
        size_bytes: its size.
        source: the number of the reply that gives what stands there.
        excerpt: where in that reply.
        pattern: what the reply looks like.

    """

    at: int
    size_bytes: int
    source: int
    excerpt: Excerpt
    pattern: Pattern


class Carrier:
    """Follows one connection.

    Attributes:
        blank_at: where in the stream of requests the first blank is that nothing fills yet; None
            where there is none.

    """

    def __init__(self, cast: Cast) -> None:
        """Begin a connection."""
        self._cast = cast
        self._announced = 0
        self._replied = _GREETING if cast.greeting is not None else 0
        self._kept: dict[int, bytes] = {}
        self._blanks: list[_Blank] = []

    def announce(self, begin: int, script_number: int, position: int) -> None:
        """Take note of the blanks in the connection's next request.

        Args:
            begin: where in the stream it begins.
            script_number: of the script that it was found in.
            position: its place among the requests there.

        """
        script = self._cast.scripts[script_number]
        greetings = len(script.lines) - len(script.spoken)
        for carry in script.spoken[position].carries:
            giver = carry.line - greetings
            behind = position - giver
            source = giver if giver < self._cast.opening else self._announced - behind
            self._blanks.append(
                _Blank(
                    begin + carry.offset_bytes,
                    carry.size_bytes,
                    source,
                    carry.excerpt,
                    script.lines[carry.line].pattern,
                )
            )
        self._announced += 1

    def replied(self, reply: bytes) -> None:
        """Take the next whole reply, the greeting among them."""
        self._kept[self._replied] = reply
        self._replied += 1
        old = self._replied - self._cast.longest - 1
        if old >= self._cast.opening:
            self._kept.pop(old, None)

    def given(self) -> Sequence[tuple[int, bytes]]:
        """Return what is known by now of the blanks, each with its place; they are none any more.

        Where the reply has no such value, what was recorded stays there.
        """
        known = [one for one in self._blanks if one.source < self._replied]
        if not known:
            return ()
        self._blanks = [one for one in self._blanks if one.source >= self._replied]
        found = []
        for blank in known:
            reply = self._kept.get(blank.source)
            value = None if reply is None else blank.excerpt.taken_from(reply, blank.pattern)
            if value is not None and len(value) == blank.size_bytes:
                found.append((blank.at, value))
        return found

    @property
    def blank_at(self) -> int | None:
        """See the class."""
        return next((one.at for one in self._blanks if one.source >= self._replied), None)
