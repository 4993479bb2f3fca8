"""Where messages end within what one side says before the other one speaks.

A protocol tells, or traffic that was recorded does; without either, where the side wrote.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from wireproof.between.runs.schedules import Direction
from wireproof.conversation import Conversation
from wireproof.learning.framing import FixedSize, Framing, framings_of, split
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.request_reply import RequestReply

Borders = Sequence[Sequence[int]]
"""For each message of a stream, in its order, the offsets at which one of the protocol's ends."""
Lengths = Callable[[bytes, int], int | None]
"""Returns the size of the message that begins at an offset of a stream; None where none is read."""
Framers = Mapping[Direction, Lengths]
"""What reads the streams, as far as it is known."""
_FEWEST: Final = 2


def borders_of(data: bytes, sizes: Sequence[int], length: Lengths) -> list[list[int]]:
    """Return where a framing parts a stream.

    Args:
        data: the stream, or its first bytes.
        sizes: bytes of each message, a message being what comes before the other side speaks.
        length: reads it.

    Returns:
        None of them for what the framing does not read: behind that nothing is known.

    """
    found: list[list[int]] = [[] for _ in sizes]
    begins = [sum(sizes[:number]) for number in range(len(sizes))]
    end = 0
    while end < len(data):
        size = length(data, end)
        if not size or size < 0 or end + size > len(data):
            break
        end += size
        for number, begin in enumerate(begins):
            if 0 < end - begin < sizes[number]:
                found[number].append(end - begin)
    return found


def framers_by(protocol: RequestReply) -> Framers:
    """Return a protocol's reading of replies, and of requests where they are framed alike."""

    def lengths() -> Lengths:
        session = protocol.session()

        def length(data: bytes, begin: int) -> int | None:
            try:
                return session.reply_length(bytearray(data[begin:]))
            except (MalformedReplyError, TypeError):  # no such framing, or it needs the request
                return None

        return length

    return {direction: lengths() for direction in Direction}


def framers_from(conversations: Sequence[Conversation]) -> dict[Direction, Framing]:
    """Return what recorded traffic shows of how each side's messages end; nothing where it doesn't.

    A side may have said several messages at a time. So what the shorter ones have in common is
    taken, as far as it parts all of them.
    """
    said = {
        Direction.REQUEST: [turn.request for one in conversations for turn in one.turns],
        Direction.REPLY: [turn.reply for one in conversations for turn in one.turns],
    }
    found = {
        direction: _framing(sorted(set(all_of), key=len)) for direction, all_of in said.items()
    }
    return {direction: one for direction, one in found.items() if one is not None}


def _framing(said: Sequence[bytes]) -> Framing | None:
    """Return what parts all that was said into the most messages."""
    messages = sorted({one for one in said if one}, key=len)
    best: tuple[int, Framing | None] = 0, None
    number = len(messages)
    while number >= _FEWEST:
        for framing in framings_of(messages[:number]):
            is_by_chance = isinstance(framing, FixedSize) and number < len(messages)
            parts = [] if is_by_chance else [split(one, framing) for one in messages]
            if parts and all(parts):
                best = max(best, (sum(len(one or ()) for one in parts), framing), key=itemgetter(0))
        number = number * 3 // 4
    return best[1]
