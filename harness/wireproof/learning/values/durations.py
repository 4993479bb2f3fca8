"""How long something took, as servers tell it: `0.001 + 0.000 secs`, `12 ms`.

Uncut plays are quick, so such a number may be the same in all of them; behind a request that comes
in parts it isn't, and that is right.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_TOLD: Final = re.compile(
    rb"(?<![0-9A-Za-z_.,:-])"
    rb"(?:[0-9]+\.[0-9]+(?: ?\+ ?[0-9]+\.[0-9]+)*(?= ?(?:secs?|seconds?|s)(?![0-9A-Za-z]))"
    rb"|[0-9]+(?:\.[0-9]+)?(?= ?(?:[mun]s|msecs?|milliseconds?|microseconds?)(?![0-9A-Za-z])))"
)


def find_durations(text: bytes) -> list[tuple[int, int]]:
    """Return where durations begin and end, without their unit, in their order."""
    return [found.span() for found in _TOLD.finditer(text)]


def parted(texts: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Yield what stands before the first duration of each text, that, what follows, and so on.

    Nothing where they have none, or not equally many.
    """
    found = [find_durations(text) for text in texts]
    if len(set(map(len, found))) != 1:
        return
    begins = [0] * len(texts)
    for durations in zip(*found, strict=True):
        places = list(zip(texts, begins, durations, strict=True))
        yield tuple(text[at:begin] for text, at, (begin, _) in places)
        yield tuple(text[begin:end] for text, _, (begin, end) in places)
        begins = [end for _, end in durations]
    if any(begins):
        yield tuple(text[at:] for text, at in zip(texts, begins, strict=True))
