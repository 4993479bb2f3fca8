"""Datagrams: one reply each, to whoever asked, from where he asked, and nothing unasked."""

from collections.abc import Iterator, Sequence

from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitQuiet,
    Close,
    Open,
    Plan,
    SendDatagram,
)
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.protocols.datagram import Datagrams
from wireproof.results import Level

_UDP = "RFC 768; RFC 1122 section 4.1.3"
_QUIET_S = 0.1
_SMALL_BYTES = 508
"""What every host takes in one piece: 576 bytes (RFC 791) less the longest headers."""

_FEW, _MANY, _ROUNDS = 4, 32, 16
"""Often, since what a server throws away with a datagram must come in the moment that it takes."""


def _sized(subject: Subject, size_bytes: int) -> bytes | None:
    protocol = subject.protocol
    return protocol.sized_datagram(size_bytes) if isinstance(protocol, Datagrams) else None


def in_turn(*datagrams: bytes, quiet_s: float = 0.0) -> Plan:
    """Return a plan of one socket that awaits the reply to each datagram before the next."""
    steps: list[Action] = [Open(0)]
    for position in range(len(datagrams)):
        steps += [SendDatagram(0, position), Await(0)]
    return Plan((datagrams,), (*steps, *([AwaitQuiet(0, quiet_s)] if quiet_s else []), Close(0)))


def _from_sockets(datagram: bytes, count: int, steps: Sequence[Action]) -> Plan:
    numbers = range(count)
    opened, closed = (Open(number) for number in numbers), (Close(number) for number in numbers)
    return Plan(((datagram,),) * count, (*opened, *steps, *closed))


@requirement(
    "DGRAM-ONE",
    Level.MUST,
    "A datagram gets at most one reply, and the right one.",
    source=_UDP,
    reason="A reply that is sent twice looks like the reply to something else.",
    transport="datagram",
)
def one_reply(subject: Subject) -> Iterator[Plan]:
    """Send small datagrams in turn, and see that nothing more comes."""
    yield in_turn(subject.smallest, quiet_s=_QUIET_S)
    small = [one for one in subject.requests if len(one) <= _SMALL_BYTES]
    yield in_turn(*small, quiet_s=_QUIET_S)
    for datagram in small:
        yield in_turn(datagram, subject.smallest)


@requirement(
    "DGRAM-SENDER",
    Level.MUST,
    "A reply goes to the sender of its datagram, from the address that was asked.",
    source=_UDP,
    reason="One variable for the address of the client serves whoever came last.",
    transport="datagram",
)
def to_the_sender(subject: Subject) -> Iterator[Plan]:
    """Ask from several sockets in turn, then together, from so many that some have to wait."""
    asked = [(SendDatagram(number, 0), Await(number)) for number in range(_MANY)]
    turns = [step for both in asked[:_FEW] for step in both]
    yield _from_sockets(subject.smallest, _FEW, turns)
    sends, awaits = zip(*asked, strict=True)
    yield _from_sockets(subject.smallest, _MANY, [*sends, *awaits] * _ROUNDS)


@requirement(
    "DGRAM-SIZES",
    Level.MUST,
    "Datagrams of every small size get their replies.",
    source=f"{_UDP}; RFC 791 section 3.1: every host takes 576 bytes",
    reason="A buffer keeps the end of a longer datagram that came before.",
    transport="datagram",
)
def small_sizes(subject: Subject) -> Iterator[Plan]:
    """Send sizes up to 508 bytes, up and down, so that each follows a longer one once."""
    sizes = [1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 507, 508]
    datagrams = [one for size in sizes if (one := _sized(subject, size))]
    datagrams = datagrams or [one for one in subject.long_requests if len(one) <= _SMALL_BYTES]
    if datagrams:
        yield in_turn(datagrams[-1], datagrams[0])
        yield in_turn(*datagrams, *reversed(datagrams))


@requirement(
    "DGRAM-LARGE",
    Level.SHOULD,
    "Large datagrams get their replies, up to the largest that UDP has.",
    source=f"{_UDP}; RFC 1122 section 4.1.1",
    reason="A read of 512 bytes cuts off what is longer, and nothing tells.",
    transport="datagram",
)
def large_sizes(subject: Subject) -> Iterator[Plan]:
    """Send sizes beside powers of two, one frame of Ethernet, and the largest of all."""
    sizes = [511, 512, 513, 1023, 1024, 1025, 1472, 1473, 2048, 4097, 8192, 16385, 65507]
    for size in sizes:
        if (datagram := _sized(subject, size)) is not None:
            yield in_turn(datagram, subject.smallest)
    for datagram in subject.long_requests:
        if len(datagram) > _SMALL_BYTES:
            yield in_turn(datagram, subject.smallest)
    if (datagram := _sized(subject, 2048)) is not None:
        yield in_turn(datagram, quiet_s=_QUIET_S)


@requirement(
    "DGRAM-EMPTY",
    Level.SHOULD,
    "An empty datagram is a datagram.",
    source="RFC 768: a length of 8 is the least; recv(2): zero-length datagrams are permitted",
    reason="Zero bytes are taken for the end of a stream that is none.",
    transport="datagram",
    unsupported=lambda subject: (
        "" if _sized(subject, 0) is not None else "the protocol has no empty datagram"
    ),
)
def empty(subject: Subject) -> Iterator[Plan]:
    """Send an empty datagram, then another one."""
    yield in_turn(b"")
    yield in_turn(b"", subject.smallest)


@requirement(
    "DGRAM-NONE",
    Level.MUST,
    "What must not be answered is not answered.",
    source=f"{_UDP}; RFC 1122 section 3.2.2 on storms; the protocol's own rule",
    reason="Two servers that answer each other's replies never stop.",
    transport="datagram",
    unsupported=lambda subject: (
        ""
        if isinstance(subject.protocol, Datagrams) and subject.protocol.unanswered_datagrams()
        else "the protocol answers every datagram"
    ),
)
def no_answer(subject: Subject) -> Iterator[Plan]:
    """Send what looks like a reply, and hear nothing."""
    if isinstance(subject.protocol, Datagrams):
        for datagram in subject.protocol.unanswered_datagrams():
            yield in_turn(datagram, quiet_s=2 * _QUIET_S)
            yield in_turn(datagram, subject.smallest, quiet_s=_QUIET_S)
