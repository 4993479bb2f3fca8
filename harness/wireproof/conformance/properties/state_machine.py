"""Any history of many connections: what each is owed is what a model of each says.

The machine runs while the plan is drawn, not while it is executed: it knows which connection is
open, how much of its requests is sent, and draws only steps that make sense then. What the server
owes is told by one oracle a connection, as in every plan.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from wireproof.conformance.drawing import requests_of
from wireproof.conformance.plans.made import interleaved
from wireproof.conformance.plans.plan import Action, Await, Close, Open, Plan, Reset, Send
from wireproof.conformance.requirements import level_of, requirement
from wireproof.conformance.subject import Subject
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_MOST_CONNECTIONS = 6
_MOST_STEPS = 40


@dataclass(slots=True)
class _Modelled:
    """What the model knows of one connection."""

    number: int
    borders: frozenset[int]
    """Where in the bytes of its requests one ends, and 0."""
    answers_early: bool
    """Whether replies may be awaited behind a part of a request."""
    sent: int = 0
    is_open: bool = False
    is_over: bool = False

    @property
    def total(self) -> int:
        """Bytes of its requests."""
        return max(self.borders)

    def steps(self, subject: Subject, draw: "DrawFn") -> list[Action]:
        """Draw what happens next on this connection, and keep account of it."""
        from hypothesis import strategies as st

        if not self.is_open:
            self.is_open = True
            return [Open(self.number)]
        match draw(st.sampled_from(["part", "part", "all", "await", "end", "reset"])):
            case "part" if self.total - self.sent > 1:
                self.sent = draw(st.integers(self.sent + 1, self.total - 1))
                return [Send(self.number, self.sent)]
            case "await" if self.answers_early or self.sent in self.borders:
                return [Await(self.number)]
            case "end":
                return self.finish(subject)
            case "reset":
                self.is_over = True
                return [Reset(self.number)]
        return self.rest()

    def rest(self) -> list[Action]:
        """Return the step that sends what is left."""
        if self.sent == self.total:
            return []
        self.sent = self.total
        return [Send(self.number, self.total)]

    def finish(self, subject: Subject) -> list[Action]:
        """Return the steps that end this connection in good order."""
        if not self.is_open or self.is_over:
            return []
        self.is_over = True
        ending = [step(self.number) for step in subject.ending]
        return [*self.rest(), Await(self.number), *ending]


def histories(subject: Subject) -> "SearchStrategy[Plan]":
    """Draw a history of up to six connections."""
    from hypothesis import strategies as st

    one = st.lists(requests_of(subject.protocol), min_size=1, max_size=3)
    if subject.protocol.one_request:
        one = st.lists(requests_of(subject.protocol), min_size=1, max_size=1)

    # Where a batch may be answered at its end, nothing is awaited within it.
    answers_early = level_of("COAL-HALF", Level.MUST, subject.protocol) is Level.MUST

    @st.composite
    def plan(draw: "DrawFn") -> Plan:
        requests = draw(st.lists(one, min_size=1, max_size=_MOST_CONNECTIONS))
        model = [
            _Modelled(k, frozenset(accumulate(map(len, each), initial=0)), answers_early)
            for k, each in enumerate(requests)
        ]
        turns = draw(st.lists(st.integers(0, len(model) - 1), max_size=_MOST_STEPS))
        actions = [
            step
            for turn in turns
            if not model[turn].is_over
            for step in model[turn].steps(subject, draw)
        ]
        actions += [step for modelled in model for step in modelled.finish(subject)]
        return Plan(tuple(tuple(each) for each in requests), tuple(actions))

    return plan()


@requirement(
    "STATE-MACHINE",
    Level.MUST,
    "Whatever happens on some connections, each gets the replies that it is owed.",
    source="RFC 9293 section 3.3.1: each connection has state of its own",
    reason="Faults of tables of connections show only after some have come and gone.",
    drawn=histories,
    unsupported=lambda subject: (
        "" if subject.protocol.pipelining else "the protocol has one request at a time"
    ),
)
def machine(subject: Subject) -> Iterator[Plan]:
    """Open three, end the middle one in each way there is, and use the others."""
    smallest = subject.smallest
    whole = len(smallest)
    for way in (Close, Reset):
        middle = (Open(0), Send(0, whole), Await(0), way(0))
        other = subject.single([smallest])
        yield interleaved(
            [other, Plan(((smallest,),), middle), other], [0, 1, 2, 1, 1, 1, 0, 2, 0, 2]
        )
