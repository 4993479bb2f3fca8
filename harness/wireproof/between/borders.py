"""Where the messages of a protocol end, within what one side says before the other one speaks."""

from collections.abc import Sequence

from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.request_reply import RequestReply

Borders = Sequence[Sequence[int]]
"""For each message of a stream, in its order, the offsets at which one of the protocol's ends."""


def borders_of(data: bytes, sizes: Sequence[int], protocol: RequestReply) -> list[list[int]]:
    """Return where the protocol's framing parts a stream.

    Args:
        data: the stream, or its first bytes.
        sizes: bytes of each message, a message being what comes before the other side speaks.
        protocol: reads replies; requests too, where they are framed alike.

    Returns:
        None of them for what the framing does not read: behind that nothing is known.

    """
    found: list[list[int]] = [[] for _ in sizes]
    begins = [sum(sizes[:number]) for number in range(len(sizes))]
    session = protocol.session()
    end = 0
    while end < len(data):
        try:
            length = session.reply_length(bytearray(data[end:]))
        except (MalformedReplyError, TypeError):  # no such framing, or one that needs the request
            break
        if not length or end + length > len(data):
            break
        end += length
        for number, begin in enumerate(begins):
            if 0 < end - begin < sizes[number]:
                found[number].append(end - begin)
    return found
