"""Whether a reply stands at the beginning of some bytes: whole, or as far as they go."""

from contextlib import suppress

from wireproof.learning.patterns.matching import Matcher
from wireproof.learning.patterns.mismatch import MismatchError
from wireproof.learning.patterns.pattern import Pattern


def size_of_whole(pattern: Pattern, data: bytes) -> int:
    """Return how many bytes a whole reply at the beginning of `data` has, or 0 for none.

    It is looked at by its form alone.
    """
    found: list[int] = []

    def whole(pattern: Pattern) -> None:
        found.append(len(pattern.reply_of(matcher.values)))

    matcher = Matcher(on_complete=whole)
    _fed(matcher, pattern, data)
    return found[0] if found else 0


def may_begin(pattern: Pattern, data: bytes) -> bool:
    """Say whether `data` may be the beginning of such a reply."""
    return _fed(Matcher(), pattern, data)


def _fed(matcher: Matcher, pattern: Pattern, data: bytes) -> bool:
    with suppress(MismatchError):
        matcher.owe(pattern)
        matcher.receive_data(data)
        return True
    return False
