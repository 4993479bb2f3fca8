"""What a WebSocket client is drawn to send."""

import pytest
from hypothesis import find

from wireproof.protocols.built_in.websocket import Message, WebSocket
from wireproof.protocols.built_in.websocket.drawing import echo_rules, fragments, malformed
from wireproof.protocols.built_in.websocket.frames import Opcode, read_head


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


def test_texts_are_parted_inside_their_characters():
    """The first rule has a fragment for each octet."""
    parted = frames(echo_rules()[0].conversations[0][0])
    assert {len(payload) for _, _, payload in parted} == {1}
    assert sum(final for _, final, _ in parted) == 1
