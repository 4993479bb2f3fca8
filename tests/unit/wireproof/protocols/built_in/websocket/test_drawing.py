"""What a WebSocket client is drawn to send."""

import pytest
from hypothesis import find, given
from wsproto.frame_protocol import FrameProtocol, ParseFailed

from wireproof.protocols.built_in.websocket import Message, WebSocket
from wireproof.protocols.built_in.websocket.drawing import echo_rules, fragments, malformed
from wireproof.protocols.built_in.websocket.frames import KEY, Opcode, frame, read_head


def frames(request: bytes) -> list[tuple[Opcode, bool, bytes]]:
    """Return opcode, finality and payload of each frame."""
    found = []
    for part in WebSocket().parts(request):
        head = read_head(part)
        assert head is not None
        assert head.key
        found.append((head.opcode, head.is_final, head.payload(part)))
    return found


def test_fragments_are_parts_of_one_message():
    """The first has the opcode, the last the end; cuts that meet make one without a byte."""
    made = fragments(Message(Message.TEXT, b"abc"), (1, 1, 3))
    assert frames(b"".join(made)) == [
        (Opcode.TEXT, False, b"a"),
        (Opcode.CONTINUATION, False, b""),
        (Opcode.CONTINUATION, False, b"bc"),
        (Opcode.CONTINUATION, True, b""),
    ]


@pytest.mark.parametrize(
    ("kind", "opcode"), [("ping", Opcode.PING), ("pong", Opcode.PONG), ("fragments", Opcode.PING)]
)
def test_control_frames_are_drawn(kind: str, opcode: Opcode):
    """Beside messages, and between their fragments."""

    def has_it(request: bytes) -> bool:
        seen = [each for each, _, _ in frames(request)]
        return opcode in (seen[1:-1] if kind == "fragments" else seen)

    assert find(WebSocket().kinds()[kind], has_it)


@pytest.mark.parametrize("size", [0, 125, 126, 1000])
def test_short_forms_of_length_are_drawn(size: int):
    """On both sides of the border."""
    sizes = WebSocket().messages().map(lambda message: len(message.payload))
    assert find(sizes, lambda each: each == size) == size


@pytest.mark.parametrize("size", [65535, 65536])
def test_the_longest_form_of_length_is_drawn(size: int):
    """On both sides of the border."""
    whole = WebSocket().kinds()["long"]
    assert find(whole.map(lambda request: len(frames(request)[0][2])), lambda each: each == size)


def test_frames_that_are_none_are_drawn():
    """One that is not masked, and a reserved opcode."""
    assert find(malformed(), lambda each: not each[1] & 0x80)
    assert find(malformed(), lambda each: each[0] & 0x0F == 3)


@given(malformed())
def test_another_hand_refuses_what_is_none(sent: bytes):
    """The frames of wsproto take none of it: masks, opcodes, lengths, codes, UTF-8."""
    server = FrameProtocol(client=False, extensions=[])
    server.receive_bytes(sent)
    with pytest.raises(ParseFailed):
        list(server.received_frames())


@pytest.mark.parametrize(
    "sent",
    [
        frame(Opcode.CLOSE, b"\x03\xed", key=KEY),
        frame(Opcode.CLOSE, b"\x03\xe8\xc3\x28", key=KEY),
        frame(Opcode.TEXT, b"\xed\xa0\x80", key=KEY),
        b"".join(fragments(Message(Opcode.TEXT, b"a\xc3\xa9\xe2\x28\xa1"), (2, 4))),
    ],
)
def test_codes_and_texts_that_are_none_are_drawn(sent: bytes):
    """1005, a reason and a text without UTF-8, and a text whose fragments have none together."""
    assert find(malformed(), lambda each: each == sent) == sent


def test_texts_are_parted_inside_their_characters():
    """The first rule has a fragment for each octet."""
    parted = frames(echo_rules()[0].conversations[0][0])
    assert {len(payload) for _, _, payload in parted} == {1}
    assert sum(final for _, final, _ in parted) == 1
