"""Which line of which script a request is: by itself, and by those that went before it."""

import re
from collections import defaultdict

from wireproof.learning.patterns.pattern import Pattern
from wireproof.learnt.grown import Grown
from wireproof.learnt.scripts import Line, Scripts

_VARIED = b"\0"
_MOST_KEPT = 64
"""Longer requests whose replies are foretold once."""

_Places = list[tuple[int, int, Line]]


class Cast:
    """Finds requests in scripts.

    Attributes:
        greeting: what the server says before the first request, or None.
        scripts: all of them.
        opening: so many requests open every connection.
        longest: how many requests the longest script has.
        carries: whether a request repeats what a reply gave.
        unasked: what the server says without being asked.
        vary: what of requests differs from connection to connection; None where nothing does.
        grown: requests that may be longer than they were seen.

    """

    def __init__(self, scripts: Scripts) -> None:
        """Know all lines of `scripts`."""
        self.greeting = scripts.scripts[0].greeting
        self.scripts = scripts.scripts
        self.opening = scripts.opening
        self.longest = max(len(script.requests) for script in scripts.scripts)
        self.carries = scripts.carries
        self.unasked = scripts.unasked
        self.vary = re.compile(scripts.vary.encode()) if scripts.vary else None
        self.grown = scripts.grown
        self._at: dict[bytes, _Places] = defaultdict(list)
        self._longer: dict[bytes, _Places] = {}
        self._last: set[int] = set()
        for number, script in enumerate(scripts.scripts):
            for position, line in enumerate(script.spoken):
                self._at[self.key(line.request)].append((number, position, line))
            if script.closes:
                self._last.add(script.lines[-1].pattern.reply)

    def key(self, request: bytes) -> bytes:
        """Return a request without what differs from connection to connection."""
        if self.vary is None:
            return request
        return self.vary.sub(lambda found: _VARIED * len(found[0]), request)

    def identities(self, request: bytes) -> list[bytes]:
        """Return what of a request differs from connection to connection."""
        return [found[0] for found in self.vary.finditer(request)] if self.vary else []

    def places(self, request: bytes) -> _Places:
        """Return where a request stands, as it is or shorter: script, position, line.

        Raises:
            ValueError: in no script.

        """
        key = self.key(request)
        found = self._at.get(key) or self._longer.get(key)
        if found is not None:
            return found
        for one in self.grown:
            if found := self._places_of(key, one):
                if len(self._longer) >= _MOST_KEPT:
                    self._longer.clear()
                self._longer[key] = found
                return found
        raise ValueError(f"{request!r:.80} is in no script")

    def _places_of(self, key: bytes, one: Grown) -> _Places:
        """Return where a request stands shorter, each with the reply to the longer one."""
        by_bytes = one.request.growth_to(len(key))
        if not by_bytes:
            return []
        longer = one.request.grown(by_bytes)
        if self.key(longer) != key:
            return []
        return [
            (script, position, Line(longer, one.pattern(line.pattern, by_bytes), line.carries))
            for script, position, line in self._at[self.key(one.request.data)]
        ]

    def closes_at(self, reply: int) -> bool:
        """Say whether the server ends the stream behind the reply of this number."""
        return reply in self._last


class Cue:
    """Follows one connection through the scripts.

    Attributes:
        at: the script in which the last request was found, and its position there.

    """

    def __init__(self, cast: Cast) -> None:
        """Begin a connection."""
        self._cast = cast
        # By script and position: how many requests before it fit, and the connection's beginning.
        self._behind = {(script, -1): 1 for script in range(len(cast.scripts))}
        self.at = 0, 0
        self._renamed: dict[bytes, bytes] = {}

    def pattern_for(self, request: bytes) -> Pattern:
        """Return the pattern of the reply to the connection's next request."""
        places = self._cast.places(request)
        behind = {
            (script, position): self._behind.get((script, position - 1), 0) + 1
            for script, position, _ in places
        }
        script, position, line = max(
            places, key=lambda place: (behind[place[0], place[1]], -place[0], -place[1])
        )
        self.at = script, position
        self._behind = behind
        before, now = self._cast.identities(line.request), self._cast.identities(request)
        self._renamed |= {old: new for old, new in zip(before, now, strict=True) if old != new}
        pattern = line.pattern
        for old, new in self._renamed.items():
            pattern = pattern.replaced(old, new)
        return pattern

    def is_last(self, pattern: Pattern) -> bool:
        """Say whether the server ends the stream behind the reply of this pattern."""
        return self._cast.closes_at(pattern.reply)
