"""What a WebSocket client sends: messages in one frame or in fragments, and what is none."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.websocket.frames import FIN, KEY, Message, Opcode, frame
from wireproof.protocols.sizes import octets, payloads
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_LONG = (65535, 65536)
"""On both sides of where a length takes eight bytes more (section 5.2)."""
_MOST_FRAGMENTS = 5
_NORMAL = (1000).to_bytes(2)
_NO_CODES = (0, 999, 1005, 1006, 1015)
"""Which no close frame may have (section 7.4): too low, and those that no endpoint sends."""
_NO_UTF_8 = (b"\xc3\x28", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x82")
"""A byte that continues nothing, half of a pair, too long a form, beyond the last, and cut off."""
_TEXT = Message(Opcode.TEXT, "aé€😀".encode() * 2)  # of one to four bytes each


def whole(message: Message, key: bytes = KEY) -> bytes:
    """Return a message in one frame, masked."""
    return frame(message.opcode, message.payload, key=key)


def fragments(message: Message, cuts: Iterable[int], key: bytes = KEY) -> list[bytes]:
    """Return a message in fragments, masked.

    Args:
        message: what is sent.
        cuts: offsets into it, rising; one that comes twice makes a fragment without a byte.
        key: of each frame.

    """
    borders = [0, *cuts, len(message.payload)]
    opcodes = [message.opcode, *[Opcode.CONTINUATION] * (len(borders) - 2)]
    return [
        frame(opcode, message.payload[start:end], final=number == len(opcodes), key=key)
        for number, (opcode, (start, end)) in enumerate(
            zip(opcodes, pairwise(borders), strict=True), 1
        )
    ]


def ordinary_messages() -> SearchStrategy[Message]:
    """Return a strategy for texts and octets, with lengths in one byte and in three."""
    from hypothesis import strategies as st

    texts = st.one_of(st.text(max_size=100), st.sampled_from((125, 126, 127)).map("x".__mul__))
    binaries = payloads(300)
    return st.one_of(
        texts.map(lambda text: Message(Opcode.TEXT, text.encode())),
        binaries.map(lambda payload: Message(Opcode.BINARY, payload)),
    )


def kinds(messages: SearchStrategy[Message]) -> dict[str, SearchStrategy[bytes]]:
    """Return messages whole, in fragments and with control frames, and the closing."""
    from hypothesis import strategies as st

    keys = st.one_of(st.just(KEY), st.binary(min_size=4, max_size=4))
    data = st.binary(max_size=20) | st.just(octets(125))

    def closing(code: int, reason: str, key: bytes) -> bytes:
        return frame(Opcode.CLOSE, code.to_bytes(2) + reason.encode(), key=key)

    @st.composite
    def in_fragments(draw: DrawFn) -> bytes:
        message, key = draw(messages), draw(keys)
        places = st.integers(0, len(message.payload))
        cuts = sorted(draw(st.lists(places, min_size=1, max_size=_MOST_FRAGMENTS)))
        first, *others = fragments(message, cuts, key)
        sent = first
        for other in others:
            control = draw(st.sampled_from([None, None, Opcode.PING, Opcode.PONG]))
            sent += b"" if control is None else frame(control, draw(data), key=key)
            sent += other
        return sent

    return {
        "message": st.builds(whole, messages, keys),
        "fragments": in_fragments(),
        "ping": st.builds(
            lambda message, payload: whole(message) + frame(Opcode.PING, payload, key=KEY),
            messages,
            data,
        ),
        "pong": st.builds(
            lambda message, payload: frame(Opcode.PONG, payload, key=KEY) + whole(message),
            messages,
            data,
        ),
        "close": st.builds(
            closing, st.sampled_from([1000, 1001, 3000, 4999]), st.text(max_size=20), keys
        ),
    }


def long_messages() -> SearchStrategy[bytes]:
    """Return messages of octets on both sides of the longest form of length."""
    from hypothesis import strategies as st

    return st.sampled_from(_LONG).map(lambda size: whole(Message(Opcode.BINARY, octets(size))))


def malformed() -> SearchStrategy[bytes]:
    """Return frames after which a server must give the connection up."""
    from hypothesis import strategies as st

    return st.sampled_from(
        [
            frame(Opcode.TEXT, b"not masked"),  # section 5.1
            *(frame(opcode, b"", key=KEY) for opcode in (3, 7, 11, 15)),
            *(frame(bit | Opcode.TEXT, b"", key=KEY) for bit in (0x10, 0x20, 0x40)),
            frame(Opcode.PING, b"", final=False, key=KEY),
            frame(Opcode.PING, octets(126), key=KEY),
            frame(Opcode.CONTINUATION, b"of nothing", key=KEY),
            frame(Opcode.TEXT, b"a", final=False, key=KEY) + frame(Opcode.TEXT, b"b", key=KEY),
            *(frame(Opcode.TEXT, text, key=KEY) for text in _NO_UTF_8),  # section 8.1
            b"".join(fragments(Message(Opcode.TEXT, b"a\xc3\xa9\xe2\x28\xa1"), (2, 4))),
            frame(Opcode.CLOSE, b"\x03", key=KEY),  # half a code, section 5.5.1
            frame(Opcode.CLOSE, _NORMAL + b"\xc3\x28", key=KEY),
            *(frame(Opcode.CLOSE, code.to_bytes(2), key=KEY) for code in _NO_CODES),
            bytes((FIN | Opcode.BINARY, 0xFF)) + (2**63).to_bytes(8) + KEY,
        ]
    )


def echo_rules() -> list[Rule]:
    """Return what RFC 6455 says of fragments, control frames and the closing."""
    in_bytes = b"".join(fragments(_TEXT, range(1, len(_TEXT.payload))))
    first, last = fragments(_TEXT, (8,))
    with_empty = b"".join(fragments(_TEXT, (0, 0, 8, 8, len(_TEXT.payload))))
    closings = (b"", _NORMAL, _NORMAL + b"bye", (4999).to_bytes(2) + b"x" * 123)
    following = whole(_TEXT)
    said: list[tuple[str, str, str, tuple[tuple[bytes, ...], ...]]] = [
        (
            "A text whose fragments split its characters arrives as it was sent.",
            "5.6",
            "Text that is decoded fragment by fragment is refused, or garbled.",
            ((in_bytes, following),),
        ),
        (
            "A ping between the fragments of a message is answered, and does not split it.",
            "5.4",
            "One buffer for all frames mixes the ping into the message.",
            ((first + frame(Opcode.PING, b"ping", key=KEY) + last, following),),
        ),
        (
            "Empty fragments are part of their message.",
            "5.2",
            "Code that takes a payload of no bytes for the end loses the rest.",
            ((with_empty, following),),
        ),
        (
            "A ping without data is answered by a pong without data.",
            "5.5.3",
            "Many clients keep their connection alive this way.",
            ((following + frame(Opcode.PING, b"", key=KEY),),),
        ),
        (
            "A close frame is answered by a close frame, and then the server closes.",
            "5.5.1",
            "A client that waits for it keeps its socket open.",
            tuple((frame(Opcode.CLOSE, body, key=KEY),) for body in closings),
        ),
    ]
    return [
        Rule(f"WEBSOCKET-{number:03}", Level.MUST, title, f"RFC 6455 section {at}", why, talks)
        for number, (title, at, why, talks) in enumerate(said, 1)
    ]
