"""Runs that nothing was done to, and what they say where each of them fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from wireproof.between.runs.judging import Problem
from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import Direction
from wireproof.between.trying.borders import Borders, Framers, borders_of
from wireproof.between.trying.leaving import Left, left, unread_in
from wireproof.between.trying.plans import Sizes


@dataclass(slots=True)
class Baseline:
    """Runs that nothing was done to.

    Attributes:
        runs: how they went.
        problems: what was wrong with those that failed.
        direct: runs without the relay, where all others failed alike.
        direct_problems: what was wrong with those of them that failed.
        late: runs with later replies, where a reply seemed to be left unread.
        withheld: runs in which the first byte of that reply came alone.

    """

    runs: list[Played] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    direct: list[Played] = field(default_factory=list)
    direct_problems: list[Problem] = field(default_factory=list)
    late: list[Played] = field(default_factory=list)
    withheld: list[Played] = field(default_factory=list)

    @property
    def fails_alike(self) -> bool:
        """Whether each run ended, and each in the same wrong way."""
        kinds = {one.kind for one in self.problems}
        is_always = bool(self.runs) and len(self.problems) == len(self.runs)
        return is_always and len(kinds) == 1 and self.runs[-1].exit_code is not None

    @property
    def fails_directly(self) -> bool:
        """Whether each run without the relay failed in that way, too."""
        kinds = {one.kind for one in (*self.problems, *self.direct_problems)}
        is_always = bool(self.direct) and len(self.direct_problems) == len(self.direct)
        return is_always and len(kinds) == 1

    @property
    def unread(self) -> str:
        """What shows that the client, each time, did not read a reply to its end; empty for none.

        A client that closes before it has read all that has come resets the connection (RFC 2525
        2.17, tcp(7)), and then neither its server nor what lies between owes it anything. One that
        does not wait for a reply at all closes before it, once that comes later. One that has read
        all, and resets all the same, waits behind the first byte of a reply: see `leaving`.
        """
        shown = [unread_in(one) for one in (*self.runs, *self.late)]
        is_so = all(shown) and all(left(one) is Left.EARLY for one in self.withheld)
        return shown[-1] if shown and is_so else ""

    @property
    def sizes(self) -> Sizes:
        """Bytes of each message in each direction: the largest of any run."""
        return {
            direction: _largest([one.sizes(direction) for one in self.runs])
            for direction in Direction
        }

    def borders(self, framers: Framers) -> dict[Direction, Borders]:
        """Return where messages end in the last run's first connection; else, where one wrote."""
        if not self.runs or not self.runs[-1].streams:
            return {}
        return {
            direction: borders_of(bytes(stream.data), stream.sizes_bytes, framers[direction])
            if direction in framers
            else stream.writes
            for direction, stream in self.runs[-1].streams[0].items()
        }


def _largest(rows: Sequence[Sequence[int]]) -> list[int]:
    longest = max(map(len, rows), default=0)
    return [max(row[at] for row in rows if at < len(row)) for at in range(longest)]
