"""Sizes: of length fields, of buffers that are met exactly, of values that are stored."""

from collections.abc import Iterator

from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import KIB, Subject
from wireproof.results import Level

_FRAMING = "the protocol's framing"
_STREAM = "RFC 9293 section 3.8.2: TCP may cut the stream anywhere"
_HEAD_BYTES = 16
_TAIL_BYTES = 4
_CLASSES = (100, 200, 1000, 17_000, 66_000)
"""Whole requests whose length takes another number of bytes each: 7, 8 or 14 bits, 15, 17."""
_BORDERS = (127, 128, 255, 256, 16_383, 16_384, 65_535, 65_536)
"""Payloads on both sides of what a length of one, two or three bytes can say, 7 or 8 bits each."""
_BUFFERS = (KIB, 4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB)
_MULTIPLES = (1, 2, 3, 4)
_TOGETHER = 8
_LEAST_BYTES = 128
"""A buffer is filled by eight requests, or by more of this size."""
_LARGEST_VALUE_BYTES = 256 * KIB


@requirement(
    "SEG-LENGTHS",
    Level.MUST,
    "A cut inside the header or the end of a request of any size class is harmless.",
    source=_STREAM,
    reason="A length of two or more bytes is read with one recv(), and short requests don't show "
    "it.",
    unsupported=lambda subject: (
        "" if any(_classes(subject)) else "the protocol has no requests of any size"
    ),
)
def length_fields(subject: Subject) -> Iterator[Plan]:
    """Cut one request of each size class in its first 16 bytes and in its last 4."""
    for request in _classes(subject):
        size = len(request)
        head, tail = range(1, min(size, _HEAD_BYTES + 1)), range(max(1, size - _TAIL_BYTES), size)
        for cut in sorted({*head, *tail}):
            yield subject.single([request, subject.smallest], [cut])
        yield subject.single([request, subject.smallest], head)


@requirement(
    "SIZE-BUFFER",
    Level.MUST,
    "Requests that fill a buffer exactly, alone or together, get the right replies.",
    source=_STREAM,
    reason="A read that returns just what was asked for tells some servers that more must follow.",
    unsupported=lambda subject: (
        "" if any(_exact(subject)) else "no requests of the protocol add up to such sizes"
    ),
)
def buffers(subject: Subject) -> Iterator[Plan]:
    """Send exactly a buffer's size: as one request, the first or a later one, and as many."""
    yield from _exact(subject)


@requirement(
    "SIZE-VALUES",
    Level.MUST,
    "A value of any size is read back as it was written.",
    source=_FRAMING,
    reason="Values are cut or spoiled at the border of a type or block, or show what was there "
    "before.",
    unsupported=lambda subject: (
        "" if any(_stored(subject, (1, 10, 100))) else "the protocol has no such values"
    ),
)
def values(subject: Subject) -> Iterator[Plan]:
    """Write and read values around powers of two, and short ones over long ones and back."""
    sizes = {10, 100, 1000}
    size = 1
    while size <= min(_LARGEST_VALUE_BYTES, subject.depth.largest_bytes):
        sizes |= {max(1, size - 1), size, size + 1}
        size *= 2
    for conversation in _stored(subject, sorted(sizes)):
        yield subject.single(conversation, lock_step=True)
    for changing in ((1000, 10, 300), (5000, 1, 70_000, 128)):
        several = list(_stored(subject, changing))
        if len(several) > 1:
            together = [request for conversation in several for request in conversation]
            yield subject.single(together, lock_step=True)


def _stored(subject: Subject, sizes: tuple[int, ...] | list[int]) -> Iterator[list[bytes]]:
    """Yield the conversations that store a value of each size, as far as there are some."""
    for size in sizes:
        if conversation := subject.protocol.sized_conversation(size):
            yield list(conversation)


def _classes(subject: Subject) -> Iterator[bytes]:
    """Yield a request of each size class, each size once."""
    carry = subject.protocol.payload_request
    most = subject.protocol.max_request_bytes
    ends = (*_CLASSES[1:], most + 1)
    quick = subject.depth.examples < 100
    found = [subject.of_about(size, end - 1) for size, end in zip(_CLASSES, ends, strict=True)]
    found += [carry(b"b" * size) for size in (() if quick else _BORDERS)]
    yield from {
        len(request): request for request in found if request and len(request) <= most
    }.values()


def _exact(subject: Subject) -> Iterator[Plan]:
    smallest = subject.smallest
    for buffer in _BUFFERS:
        for times in _MULTIPLES:
            if times * buffer > subject.depth.largest_bytes:
                break
            if request := subject.sized(times * buffer):
                yield subject.single([request, smallest], lock_step=True)
                yield subject.single([smallest, request, smallest], lock_step=True)
        if subject.protocol.pipelining:
            for total in (buffer - 1, buffer, buffer + 1):
                if requests := _adding_up_to(subject, total):
                    yield subject.single(requests)
                    last = len(smallest) + total
                    yield subject.single([*requests, smallest], [last - len(smallest)])


def _adding_up_to(subject: Subject, total: int) -> list[bytes] | None:
    """Return short requests that have so many bytes together, or None."""
    size = max(_LEAST_BYTES, total // _TOGETHER)
    if each := subject.sized(size):
        count, rest = divmod(total, size)
        last = subject.sized(size + rest)
        return [each] * (count - 1) + [last] if last and count else None
    # Two lengths, some of each: with lengths that share no divisor that is enough.
    short = {len(request): request for request in subject.requests if len(request) <= KIB}
    for length, request in short.items():
        for other, another in short.items():
            for count in range(min(other, total // length + 1)):
                others, rest = divmod(total - count * length, other)
                if rest == 0:
                    return [request] * count + [another] * others
    return None
