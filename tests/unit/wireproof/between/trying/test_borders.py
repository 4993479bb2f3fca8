"""Where messages end within what one side says: by a protocol, or as traffic shows."""

import struct

from wireproof.between.runs.schedules import Direction
from wireproof.between.trying.borders import borders_of, framers_by, framers_from
from wireproof.conversation import Conversation, Turn
from wireproof.protocols.built_in.json_rpc import JsonRpc
from wireproof.protocols.built_in.line_echo import LineEcho


def test_what_the_framing_does_not_read_has_no_borders():
    """A stream of another protocol, or the beginning of a message, is no reason to fail."""
    by_header, by_line = (framers_by(one())[Direction.REPLY] for one in (JsonRpc, LineEcho))
    assert borders_of(b"no number\r\n\r\n", [13], by_header) == [[]]
    assert borders_of(b"one\ntwo", [4, 3], by_line) == [[], []]


def sized(*texts: bytes) -> bytes:
    """Messages that begin with their length in two bytes."""
    return b"".join(struct.pack(">H", len(text)) + text for text in texts)


def test_traffic_shows_where_messages_end():
    """Lines one way and lengths the other; several at a time are parted by what one has."""
    turns = (
        Turn(b"a\n", sized(b"one")),
        Turn(b"bcd\n", sized(b"three")),
        Turn(b"e\nfg\n", sized(b"one", b"", b"three")),
        Turn(b"hij\nk\nl\n", sized(b"x" * 300, b"two")),
    )
    framers = framers_from([Conversation("made", turns)])
    ends = {
        direction: borders_of(data, [len(data)], framers[direction].length)
        for direction, data in (
            (Direction.REQUEST, b"ab\ncd\n"),
            (Direction.REPLY, sized(b"abcd", b"ef", b"")),
        )
    }
    assert ends == {Direction.REQUEST: [[3]], Direction.REPLY: [[6, 10]]}


def test_traffic_without_a_framing_shows_none():
    """Nothing is guessed from one message, nor from those that have nothing in common."""
    assert framers_from([Conversation("made", (Turn(b"a\n", b"b\n"),))]) == {}
    odd = tuple(Turn(one, one) for one in (b"q", b"abc", b"12345", b"-.-.-.-.,"))
    assert framers_from([Conversation("made", odd)]) == {}
