"""Which schedules are tried, in which order: certain ones first, then drawn ones.

Pure: from the sizes of the messages that an uncut run showed, a depth and a seed.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, zip_longest
from typing import Final, Literal

from wireproof.between.runs.schedules import HOLD_S, Cut, Direction, Schedule
from wireproof.between.trying.borders import Borders
from wireproof.between.trying.requirements import (
    APART,
    BOTH_OCTET,
    BROKEN,
    DRAWN,
    GATHERED,
    HELD,
    LATE,
    PAIR,
    REPLY_CUT,
    REPLY_OCTET,
    REQUEST_CUT,
    REQUEST_OCTET,
)

Sizes = Mapping[Direction, Sequence[int]]
"""Of each message of each direction, in bytes; the largest that was seen on any connection."""
CUTS_OF = {Direction.REPLY: REPLY_CUT, Direction.REQUEST: REQUEST_CUT}
_OCTETS_OF = {Direction.REPLY: REPLY_OCTET, Direction.REQUEST: REQUEST_OCTET}
_BOTH: Final = (Direction.REPLY, Direction.REQUEST)
_ENDS: Final[tuple[Literal["end", "reset"], ...]] = ("end", "reset")
_DENSE_BYTES: Final = 4
"""So near to both ends of a message every place is tried before those between."""
_LEAST_DRAWN_CUTS: Final = 2
_MOST_DRAWN_CUTS: Final = 12
MOST_PLACES: Final = 100_000
"""Of a direction, among which cuts are chosen."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much to try.

    Attributes:
        cuts: single cuts of each direction, at the most.
        pairs: of each direction.
        held: cuts of both directions.
        drawn: sets of cuts.
        broken: places of each direction where the stream is ended, and where it is reset.
        budget_s: for all of it, shrinking not counted.

    """

    cuts: int
    pairs: int
    held: int
    drawn: int
    broken: int
    budget_s: float


DEPTHS: Final = {
    "quick": Depth(cuts=45, pairs=6, held=4, drawn=12, broken=2, budget_s=20),
    "default": Depth(cuts=250, pairs=40, held=10, drawn=60, broken=6, budget_s=120),
    "deep": Depth(cuts=5000, pairs=1000, held=40, drawn=1000, broken=40, budget_s=1800),
}
FIRST_TRIALS: Final = 14
"""Whole streams and the first of each other kind; these are tried however short the time is."""
LEAST_SCHEDULES: Final = 105
"""Where the streams are so short that there is less to try, drawn sets make it as many."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A schedule, and for which requirement it is tried."""

    requirement: str
    schedule: Schedule


def trials(
    sizes: Sizes, depth: Depth, seed: int, borders: Mapping[Direction, Borders] | None = None
) -> Iterator[Trial]:
    """Yield what is tried, the most telling first; each schedule once.

    Cuts are dense at both ends of every message, and of those inside it that `borders` tell.
    """
    done: set[Schedule] = set()
    for trial in _all(sizes, depth, random.Random(seed), borders or {}):  # noqa: S311 - drawn again by its seed
        if trial.schedule not in done:
            done.add(trial.schedule)
            yield trial


def places(sizes: Sequence[int], most: int, borders: Borders = ()) -> list[tuple[int, int]]:
    """Return places inside messages as (message, offset): all, or `most` of them.

    Those next to borders inside a message come first, half of them at the most; then those next to
    both ends of a message, then those between, spread.
    """
    sharp: list[tuple[int, int]] = []
    dense: list[tuple[int, int]] = []
    inner: list[tuple[int, int]] = []
    for message, size in enumerate(sizes, 1):
        inside = borders[message - 1] if message <= len(borders) else ()
        near = {at + step for at in inside for step in (-1, 0, 1) if 0 < at + step < size}
        sharp += [(message, offset) for offset in sorted(near)]
        for offset in _spread(size):
            if offset not in near:
                is_near = min(offset, size - offset) <= _DENSE_BYTES
                (dense if is_near else inner).append((message, offset))
    first = _thinned(sharp, most // 2)
    room_inside = min(len(inner), (most - len(first)) // 2)
    first += _thinned(dense, most - len(first) - room_inside)
    return first + _thinned(inner, most - len(first))


def every_cut(sizes: Sizes, directions: Sequence[Direction], most: int) -> tuple[Cut, ...]:
    """Return a cut between any two bytes of a message, the first `most` of them."""
    found: list[Cut] = []
    for direction in directions:
        for message, size in enumerate(sizes[direction], 1):
            room = max(0, most - len(found))
            begin = 1 if message == 1 else 0
            offsets = range(begin, min(size, begin + room))
            found += [Cut(direction, message, offset) for offset in offsets]
    return tuple(found)


def _all(
    sizes: Sizes, depth: Depth, rng: random.Random, borders: Mapping[Direction, Borders]
) -> Iterator[Trial]:
    """Yield whole streams first, then all other kinds side by side: time may end it anywhere."""
    singles = {
        one: [Cut(one, *place) for place in places(sizes[one], depth.cuts, borders.get(one, ()))]
        for one in _BOTH
    }
    kinds = [
        *([Trial(CUTS_OF[one], Schedule(cuts=(cut,))) for cut in singles[one]] for one in _BOTH),
        *_later(sizes, singles, depth, rng),
    ]
    whole = list(_of_whole_streams())
    most = max(depth.drawn, LEAST_SCHEDULES - len(whole) - sum(map(len, kinds)))
    kinds.append(list(_drawn(sizes, most, rng)))
    placed = [
        (number / len(kind), order, trial)
        for order, kind in enumerate(kinds)
        for number, trial in enumerate(kind)
    ]
    yield from whole
    yield from (trial for _, _, trial in sorted(placed, key=lambda one: one[:2]))


def _drawn(sizes: Sizes, most: int, rng: random.Random) -> Iterator[Trial]:
    everything = every_cut(sizes, _BOTH, MOST_PLACES)
    if len(everything) > _LEAST_DRAWN_CUTS:
        for _ in range(most):
            number = rng.randint(_LEAST_DRAWN_CUTS, min(_MOST_DRAWN_CUTS, len(everything)))
            yield Trial(DRAWN, Schedule(cuts=tuple(sorted(rng.sample(everything, number)))))


def _of_whole_streams() -> Iterator[Trial]:
    for direction in _BOTH:
        yield Trial(_OCTETS_OF[direction], Schedule(octets=(direction,)))
    yield Trial(BOTH_OCTET, Schedule(octets=_BOTH))
    for gathered in ((_BOTH[0],), (_BOTH[1],), _BOTH):
        yield Trial(GATHERED, Schedule(gather=gathered))
    yield Trial(APART, Schedule(end_apart=True))
    yield Trial(LATE, Schedule(is_late=True))


def _later(
    sizes: Sizes, singles: Mapping[Direction, list[Cut]], depth: Depth, rng: random.Random
) -> Iterator[list[Trial]]:
    """Yield the kinds that build on single cuts."""
    held = {direction: cuts[: depth.held // 2] for direction, cuts in singles.items()}
    yield [Trial(HELD, Schedule(cuts=(cut,), hold_s=HOLD_S)) for cut in _by_turns(held)]
    pairs = [_pairs(singles[direction], depth.pairs, rng) for direction in _BOTH]
    yield [Trial(PAIR, Schedule(cuts=pair)) for pair in chain(*pairs)]
    cuts = [Cut(one, *place) for one in _BOTH for place in places(sizes[one], depth.broken)]
    yield [Trial(BROKEN, Schedule(cuts=(cut,), broken=how)) for cut in cuts for how in _ENDS]


def _by_turns(cuts: Mapping[Direction, Sequence[Cut]]) -> Iterator[Cut]:
    for row in zip_longest(*cuts.values()):
        yield from (cut for cut in row if cut is not None)


def _pairs(cuts: Sequence[Cut], most: int, rng: random.Random) -> list[tuple[Cut, Cut]]:
    few = sorted(cuts[:200])
    pairs = list(combinations(few, 2))
    return pairs if len(pairs) <= most else sorted(rng.sample(pairs, most))


def _spread(size: int) -> Iterator[int]:
    """Yield the offsets inside a message, from both ends at once; of a large one some."""
    if size - 1 <= MOST_PLACES:
        yield from range(1, size)
        return
    step = size / MOST_PLACES
    yield from sorted(
        {*range(1, 9), *range(size - 8, size)}
        | {max(1, min(size - 1, int(number * step))) for number in range(MOST_PLACES)}
    )


def _thinned(found: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Return `most` of them, spread over all."""
    if len(found) <= most:
        return list(found)
    return [found[number * len(found) // most] for number in range(most)]
