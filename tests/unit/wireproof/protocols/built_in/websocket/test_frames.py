"""Frames as RFC 6455 shows them, and at the borders of their lengths."""

import pytest

from wireproof.protocols import MalformedReplyError
from wireproof.protocols.built_in.websocket.frames import KEY, Opcode, frame, masked, read_head

EXAMPLES = [
    (frame(Opcode.TEXT, b"Hello"), "810548656c6c6f"),
    (frame(Opcode.TEXT, b"Hello", key=KEY), "818537fa213d7f9f4d5158"),
    (frame(Opcode.TEXT, b"Hello"[:3], final=False), "010348656c"),
    (frame(Opcode.CONTINUATION, b"lo"), "80026c6f"),
    (frame(Opcode.PING, b"Hello"), "890548656c6c6f"),
    (frame(Opcode.PONG, b"Hello", key=KEY), "8a8537fa213d7f9f4d5158"),
    (frame(Opcode.BINARY, bytes(256))[:4], "827e0100"),
    (frame(Opcode.BINARY, bytes(65536))[:10], "827f0000000000010000"),
]


@pytest.mark.parametrize(("made", "shown"), EXAMPLES)
def test_frames_are_as_section_5_7_shows_them(made: bytes, shown: str):
    """Each example of the standard, octet by octet."""
    assert made.hex() == shown


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
@pytest.mark.parametrize("key", [b"", KEY])
def test_a_head_is_read_when_it_is_there(size: int, key: bytes):
    """Its end is unknown up to the last byte of the head, and known from there on."""
    payload = bytes(range(256)) * (size // 256 + 1)
    whole = frame(Opcode.BINARY, payload[:size], key=key)
    start = len(whole) - size
    for there in range(start):
        assert read_head(whole[:there]) is None
    head = read_head(whole[:start])
    assert head is not None
    assert (head.opcode, head.is_final, head.end) == (Opcode.BINARY, True, len(whole))
    assert head.payload(whole) == payload[:size]


@pytest.mark.parametrize(
    "data", [b"\x91\x00", b"\xa1\x00", b"\xc1\x00", b"\x83", b"\x8b", b"\x09\x00"]
)
def test_what_no_frame_begins_with(data: bytes):
    """Reserved bits, reserved opcodes, and a ping in fragments."""
    with pytest.raises(MalformedReplyError):
        read_head(data)


def test_a_long_control_frame_is_malformed():
    """125 bytes are the most."""
    assert read_head(frame(Opcode.PING, bytes(125))) is not None
    with pytest.raises(MalformedReplyError):
        read_head(frame(Opcode.PING, bytes(126)))


def test_masking_twice_is_none():
    """Each octet is combined with its own octet of the key."""
    payload = bytes(range(11))
    assert masked(masked(payload, KEY), KEY) == payload
    assert masked(b"\0\0\0\0\0", KEY) == KEY + KEY[:1]
