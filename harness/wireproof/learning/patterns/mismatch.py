"""Where and why a reply isn't what was learnt."""

from typing import Final

import msgspec

from wireproof.learning.memory import Circumstances
from wireproof.learning.patterns.pattern import DATE, Element, Literal
from wireproof.words import printable

SHOWN_BYTES: Final = 60
"""How much of what was expected, and of what came, is shown."""


class Mismatch(msgspec.Struct, frozen=True):
    """Where and why a reply isn't what was learnt.

    Attributes:
        reply: which of the conversation, from 0; -1 for bytes behind the last one owed.
        element: which of its pattern; -1 for such bytes.
        kind: of the span, one word; `literal` where nothing else was ever seen.
        offset_bytes: in the reply.
        stream_offset_bytes: in everything that was received.
        problem: what is wrong, in words.
        expected: what would have been right, harmless to print.
        actual: what came, harmless to print.

    """

    reply: int
    element: int
    kind: str
    offset_bytes: int
    stream_offset_bytes: int
    problem: str
    expected: str
    actual: str

    def __str__(self) -> str:
        where = f"byte {self.stream_offset_bytes}"
        if self.reply >= 0:
            where = f"reply {self.reply + 1}, byte {self.offset_bytes}"
        return f"{where}: {self.problem}: expected {self.expected}, got {self.actual}"


class MismatchError(Exception):
    """A reply isn't what was learnt.

    Attributes:
        mismatch: where and why.

    """

    def __init__(self, mismatch: Mismatch) -> None:
        """Keep where and why."""
        super().__init__(str(mismatch))
        self.mismatch = mismatch


def accepted_by(element: Element) -> str:
    """Return what an element accepts, harmless to print."""
    if isinstance(element, Literal):
        return printable(element.data, SHOWN_BYTES)
    if element.alphabet == DATE:
        return element.kind.expected(Circumstances())
    sizes = f"{element.least_bytes}"
    if not element.is_fixed:
        sizes += f" to {element.most_bytes}"
    return f"{sizes} bytes of {element.alphabet}"
