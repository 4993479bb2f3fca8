"""How Hypothesis is made to draw long texts and bytes: a provider of its own kind.

See "Alternative backends" in Hypothesis's documentation: a provider draws the primitives of which
strategies are made.
"""

from typing import Any, Final

from hypothesis.internal.conjecture.providers import HypothesisProvider

_LONGEST: Final = 65536
_SHARES: Final = (1, 1, 2, 4, 8)


class LongProvider(HypothesisProvider):
    """Draws as Hypothesis does, but texts and bytes near their largest size, if that is set."""

    def draw_bytes(self, min_size: int = 0, max_size: int = 2**30, **more: Any) -> bytes:
        """Return bytes of the largest size, or of a half, a quarter or an eighth of it."""
        return super().draw_bytes(self._least(min_size, max_size), max_size, **more)

    def draw_string(
        self, intervals: Any, *, min_size: int = 0, max_size: int = 2**30, **more: Any
    ) -> str:
        """Return a text as long."""
        least = self._least(min_size, max_size) if len(intervals) else min_size
        return super().draw_string(intervals, min_size=least, max_size=max_size, **more)

    def _least(self, min_size: int, max_size: int) -> int:
        if max_size > _LONGEST:
            return min_size
        return max(min_size, max_size // _SHARES[self.draw_integer(0, len(_SHARES) - 1)])
