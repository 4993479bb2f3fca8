"""A framing becomes a base of ours with attributes, or a method: it ends what was seen there."""

import re

import pytest

import wireproof
from wireproof.learning.framing import BinaryLength, DecimalLength, Ending, FixedSize, Framing
from wireproof.learnt.source.framing_source import framing_of, framing_source


@pytest.mark.parametrize(
    ("framing", "message"),
    [
        (Ending(b"\r\n"), b"so it is\r\n"),
        (Ending(b'"\n'), b'{"a": "b"\n'),
        (FixedSize(5), b"12345"),
        (BinaryLength(0, 4, "big", 4), b"\0\0\0\x03abc"),
        (BinaryLength(0, 2, "little", 0), b"\x05\0abc"),
        (BinaryLength(1, 2, "big", 3), b"R\0\x03abc"),
        (BinaryLength(1, 2, "little", 7), b"R\x03\0abccrc!"),
        (DecimalLength(b"Size: ", b"\r\n\r\n", 0), b"Size: 3\r\nA: 1\r\n\r\nabc"),
        (DecimalLength(b"", b"", 1), b"3:abc,"[:-1]),
        (DecimalLength(b'"n": ', b"", 1), b'{"n": 1}\n'),
    ],
)
def test_the_class_ends_a_message_where_the_framing_does(framing: Framing, message: bytes) -> None:
    """And not before it is there."""
    assert framing.length(message) == len(message)
    found = framing_source(framing)
    rest = "def requests(self): ...", "def expected(self, request): ..."
    body = "\n    ".join([*found.attributes, *found.method, *rest])
    names: dict[str, object] = {"re": re, "base": getattr(wireproof, found.base)}
    exec(f"class Kind(base):\n    {body}", names)  # noqa: S102  # source is what is tested
    protocol = names["Kind"]()  # type: ignore[operator]
    assert protocol.reply_length(bytearray(message + b"more")) == len(message)
    for size in range(len(message)):
        length = protocol.reply_length(bytearray(message[:size]))
        assert length is None or length > size


def test_a_length_that_requests_have_too_is_likelier() -> None:
    """Two fields go with the replies' sizes; one with those of the requests."""
    replies = [bytes([0, size, 0, size]) + b"x" * size for size in (1, 2, 5)]
    requests = [bytes([0, 9, 0, size]) + b"y" * size for size in (3, 4)]
    assert framing_of(replies, requests) == BinaryLength(2, 2, "big", 4)


def test_a_line_is_told_by_one_reply() -> None:
    """Where nothing else is known."""
    assert framing_of([b"PONG\r\n"], [b"PING\r\n"]) == Ending(b"\r\n")
    assert framing_of([b"PONG"], [b"PING"]) is None
