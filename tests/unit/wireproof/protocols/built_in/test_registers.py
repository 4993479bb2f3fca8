"""What a register may hold, as a search through all its writes would find it."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols.built_in import registers
from wireproof.protocols.built_in.registers import Register


class Searched:
    """A register whose writes are looked through each time: plainly right.

    A write is over once another is answered that was sent after its own answer.
    """

    def __init__(self) -> None:
        self.now = 0
        self.writes: list[tuple[int, int, int | None]] = []  # value, sent, answered
        self.reads: dict[int, set[int]] = {}

    def write(self, value: int) -> None:
        """Send a write."""
        self.now += 1
        self.writes.append((value, self.now, None))
        for possible in self.reads.values():
            possible.add(value)

    def answer(self, value: int) -> None:
        """Answer the first write of a value that is under way."""
        self.now += 1
        at = next(
            at for at, (each, _, ended) in enumerate(self.writes) if each == value and ended is None
        )
        _, sent, _ = self.writes[at]
        self.writes[at] = (value, sent, self.now)

    def possible(self) -> set[int] | None:
        """Return what a read that is sent now may return; None for anything."""
        answered = [(sent, ended) for _, sent, ended in self.writes if ended is not None]
        if not answered:
            return None
        last = max(sent for sent, _ in answered)
        return {value for value, _, ended in self.writes if ended is None or ended > last}


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["write", "answer", "read"]), st.integers(0, 3)),
        st.tuples(st.just("end"), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(steps=steps, least=st.integers(0, 2))
def test_known_as_by_a_search(steps: list[tuple[str, int]], least: int) -> None:
    """Whatever is under way, and however soon what is over is forgotten, nothing else is known."""
    with patch.object(registers, "_LEAST_PRUNED", least):
        quick, slow = Register(), Searched()
        begun: dict[int, list[int]] = {}
        reads: list[tuple[int | None, set[int] | None]] = []
        for number, (what, value) in enumerate(steps):
            if what == "write":
                begun.setdefault(value, []).append(quick.begin(value))
                slow.write(value)
            elif what == "answer" and begun.get(value):
                quick.end(value, begun[value].pop(0))
                slow.answer(value)
            elif what == "read":
                possible = slow.possible()
                if possible is not None:
                    slow.reads[number] = possible
                reads.append((quick.begin_read(), possible))
            elif what == "end" and reads:
                when, _ = reads.pop(value % len(reads))
                quick.end_read(when)
            for when, possible in reads:
                right = [each for each in range(4) if possible is None or each in possible]
                assert [each for each in range(4) if quick.may_hold(each, when)] == right
                shown = ", ".join(map(str, right)) if possible is not None else "any"
                assert quick.shown(when) == shown


def test_what_is_over_is_forgotten() -> None:
    """Of sixty thousand values that were written in turn, few are remembered."""
    register = Register()
    for value in range(60_000):
        register.end(value, register.begin(value))
        when = register.begin_read()
        assert register.may_hold(value, when)
        assert not register.may_hold(value - 1, when)
        register.end_read(when)
        assert len(register._values) < 200


def test_nothing_is_forgotten_while_a_read_may_return_it() -> None:
    """A read that is under way may return what was over only after it was sent."""
    register = Register()
    register.end(60_001, register.begin(60_001))
    when = register.begin_read()
    for value in range(1000):
        register.end(value, register.begin(value))
    assert register.may_hold(60_001, when)
    assert not register.may_hold(60_001, register.begin_read())
