"""Two connections under one name: the protocol says which of them is served."""

from collections.abc import Callable, Iterator

from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitRefusal,
    AwaitTakenOver,
    Close,
    Open,
    Plan,
    Send,
)
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.protocols.exchange import SecondLogin
from wireproof.results import Level


def _needs_names(subject: Subject) -> str:
    protocol = subject.protocol
    if protocol.same_identity() is None or not protocol.opening():
        return "the opening names nobody"
    if not subject.concurrent:
        return "no second connection is served beside the first"
    return "" if subject.allows(_asking(subject, 1, [])) else "a connection has one request"


@requirement(
    "ISO-IDENTITY",
    Level.MUST,
    "When two connections use one name, the protocol decides which is served.",
    source="the protocol, on a second log-in; MQTT 3.1.1 section 3.1.4, MQTT-3.1.4-2",
    reason="The table of names keeps the old connection, or loses the new one as the old one ends.",
    unsupported=_needs_names,
)
def same_name(subject: Subject) -> Iterator[Plan]:
    """Log in a second time and a third under the name of a connection that is open."""
    second = subject.protocol.same_identity()
    assert second is not None
    yield from _PLANS[second](subject)


def _taken_over(subject: Subject) -> Iterator[Plan]:
    """Yield one take-over, one of a connection inside a request, and one of the second's."""
    plain = len(subject.plain_request)
    for asked in sorted({plain, plain // 2, 0}, reverse=True):
        first: list[Action] = [Open(0)]
        if asked:
            first.append(Send(0, asked))
        if asked == plain:
            first.append(Await(0))
        yield _asking(subject, 2, [*first, *_takes_over(plain, 1)], Close(1))
        if asked == plain:
            second = (*_takes_over(plain, 1), *_takes_over(plain, 2))
            yield _asking(subject, 3, [*first, *second], Close(2))


def _takes_over(plain: int, number: int) -> list[Action]:
    """Return the steps of a connection that is served once the one before it has been ended."""
    return [
        Open(number, named_like=0),
        Send(number, plain),
        Await(number),
        AwaitTakenOver(number - 1),
        Send(number, 2 * plain),
        Await(number),
    ]


def _refused(subject: Subject) -> Iterator[Plan]:
    """Yield a second log-in that is refused, and a third; the first is served on."""
    plain = len(subject.plain_request)
    actions: list[Action] = [Open(0), Send(0, plain), Await(0)]
    for number in (1, 2):
        again = (Open(number, by_hand=True, named_like=0), AwaitRefusal(number), Close(number))
        actions += again
    yield _asking(subject, 3, [*actions, Send(0, 2 * plain), Await(0)], Close(0))


def _shared(subject: Subject) -> Iterator[Plan]:
    """Yield two that are served in turns, and the second once the first is over."""
    plain = len(subject.plain_request)
    actions: list[Action] = [Open(0), Open(1, named_like=0)]
    for until in (plain, 2 * plain):
        for number in (0, 1):
            actions += [Send(number, until), Await(number)]
    yield _asking(subject, 2, [*actions, Close(0), Send(1, 3 * plain), Await(1)], Close(1))


_PLANS: dict[SecondLogin, Callable[[Subject], Iterator[Plan]]] = {
    SecondLogin.TAKES_OVER: _taken_over,
    SecondLogin.REFUSED: _refused,
    SecondLogin.SHARED: _shared,
}


def _asking(subject: Subject, connections: int, actions: list[Action], *ends: Action) -> Plan:
    """Return the plan of connections that have some plain requests each."""
    requests = (subject.plain_request,) * 3
    return Plan((requests,) * connections, (*actions, *ends))
