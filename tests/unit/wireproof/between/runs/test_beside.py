"""How many commands run at once, found from runs that are scripted."""

from collections.abc import Callable

import pytest

from wireproof.between.runs.beside import MOST_BESIDE, Beside, find_beside
from wireproof.between.runs.course import Stream
from wireproof.between.runs.judging import Judge
from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import UNCUT, Direction


def played(said: bytes = b"ok", *, exit_code: int = 0, reply: bytes = b"HI\n") -> Played:
    """A run of a second."""
    streams = {
        Direction.REQUEST: Stream([3], bytearray(b"hi\n")),
        Direction.REPLY: Stream([len(reply)], bytearray(reply)),
    }
    return Played(
        schedule=UNCUT,
        exit_code=exit_code,
        output=said,
        errors=b"",
        seconds=1.0,
        quiet_s=0.0,
        streams=(streams,),
        last=(Direction.REPLY,),
        applied=frozenset(),
        deliveries={},
        refusals=(),
        events=(),
        begun_at_s=0.0,
    )


class Machine:
    """Runs commands: a second, and as long as it is told for each of them.

    Attributes:
        asked: how many, each time.

    """

    def __init__(self, made: Callable[[int], list[Played]], turn_s: float = 0.0) -> None:
        self.asked: list[int] = []
        self._made, self._turn_s, self._now_s = made, turn_s, 0.0

    def run(self, number: int) -> list[Played]:
        """Run so many at once."""
        self.asked.append(number)
        self._now_s += 1.0 + number * self._turn_s
        return self._made(number)

    def found(self, alone: Played, most_s: float = 60.0) -> Beside:
        """How many may run at once."""
        judge = Judge(same_output=False)
        return find_beside([alone] * 3, judge, self.run, most_s, lambda: self._now_s)


def test_as_many_as_gain_run_at_once() -> None:
    """However many there are, they take a second."""
    found = Machine(lambda n: [played()] * n).found(played())
    assert (found.jobs, found.why_alone) == (MOST_BESIDE, "")


def test_no_more_are_tried_when_time_is_up() -> None:
    """A number that was not tried is not used."""
    machine = Machine(lambda n: [played()] * n)
    assert machine.found(played(), most_s=2.0).jobs == 4
    assert machine.asked == [2, 4]


def test_without_a_gain_one_runs_alone() -> None:
    """A machine that is full gets no more done."""
    found = Machine(lambda n: [played()] * n, turn_s=1.0).found(played())
    assert found.jobs == 1
    assert found.why_alone == "2 at once take as long as one after the other"


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (lambda: played(exit_code=1), "their exit status"),
        (lambda: played(b"other"), "what they print"),
        (lambda: played(reply=b"HELLO\n"), "how much they say"),
        (lambda: played(reply=b"HO\n"), "what they say"),
    ],
)
def test_what_differs_side_by_side_alone_runs_alone(odd: Callable[[], Played], why: str) -> None:
    """One of four at once differs; two did not: none run at once."""
    machine = Machine(lambda n: [played()] * (n - (n == 4)) + [odd()] * (n == 4))
    found = machine.found(played())
    assert (found.jobs, found.why_alone) == (1, f"4 at once differ in {why}")


def test_a_clock_in_the_replies_is_no_difference() -> None:
    """What differs alone as well, a moment later, says nothing of running side by side."""
    now = iter(range(10, 99))
    machine = Machine(lambda n: [played(reply=b"at %d\n" % next(now)) for _ in range(n)])
    assert machine.found(played(reply=b"at 09\n")).jobs == MOST_BESIDE
