"""What differential tests share: right replies written out, spoilt, cut, and every way tried."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from wireproof.protocols import WrongReplyError
from wireproof.protocols.oracle import Oracle


@dataclass(frozen=True)
class Several:
    """A reply of which there are several right ones.

    Attributes:
        is_right: says whether bytes are one of them, whole.
        examples: some of them.

    """

    is_right: Callable[[bytes], bool]
    examples: Sequence[bytes]


Piece = bytes | Several
Way = Sequence[Piece]
"""All replies on a connection, in an order in which they may come."""


def fits(way: Way, stream: bytes) -> bool:
    """Say whether some division of the stream has a right reply for each piece."""
    if not way:
        return not stream
    first, rest = way[0], way[1:]
    if isinstance(first, bytes):
        return stream.startswith(first) and fits(rest, stream[len(first) :])
    return any(
        first.is_right(stream[:end]) and fits(rest, stream[end:])
        for end in range(1, len(stream) + 1)
    )


def drawn_replies(data: st.DataObject, ways: Sequence[Way]) -> list[bytes]:
    """Draw right replies."""
    return [
        piece if isinstance(piece, bytes) else data.draw(st.sampled_from(piece.examples))
        for piece in data.draw(st.sampled_from(ways))
    ]


def variants(ways: Sequence[Way], wrong: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Yield streams in which one reply in turn is each of its examples, and each wrong one."""
    for way in ways:
        plain = [piece if isinstance(piece, bytes) else piece.examples[0] for piece in way]
        for at, piece in enumerate(way):
            examples = [piece] if isinstance(piece, bytes) else piece.examples
            for one in (*examples, *wrong):
                yield b"".join([*plain[:at], one, *plain[at + 1 :]])


def spoilt(data: st.DataObject, stream: bytes) -> bytes:
    """Draw a damage, or none, and do it."""
    at = data.draw(st.integers(0, len(stream)))
    match data.draw(st.sampled_from(["none", "drop", "double", "swap", "cut", "alter"])):
        case "drop":
            return stream[:at] + stream[at + 1 :]
        case "double":
            return stream[:at] + stream[max(0, at - 6) :]
        case "swap":
            return stream[at:] + stream[:at]
        case "cut":
            return stream[:at]
        case "alter":
            bit = data.draw(st.sampled_from([0x01, 0x20, 0x80]))
            return (
                stream[:at] + bytes(byte ^ bit for byte in stream[at : at + 1]) + stream[at + 1 :]
            )
    return stream


def cut(data: st.DataObject, stream: bytes) -> list[bytes]:
    """Draw pieces of the stream, empty ones among them."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=6)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def accepts(oracle: Oracle, requests: Sequence[bytes], pieces: Sequence[bytes]) -> bool:
    """Say whether the oracle takes these bytes, and then the end of the stream."""
    for request in requests:
        oracle.announce(request)
        oracle.sent(len(request))
    try:
        for piece in pieces:
            oracle.receive_data(piece)
        oracle.receive_eof()
    except WrongReplyError:
        return False
    return True
