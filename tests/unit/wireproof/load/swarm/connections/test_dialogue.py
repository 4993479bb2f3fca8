"""What a connection of a load says holds what the server has said, as soon as that is known."""

from wireproof.load.swarm.connections.dialogue import Dialogue
from wireproof.load.workload.batch import Batch
from wireproof.protocols.loading.registry import find_protocol

ASKED, MESSAGE = b"\x82\x06\x00\x02\x00\x01t\x01", b"\x32\x06\x00\x01t\x00\x02x"
ACK, SUBACK, PUBACK = b"\x40\x02\x00\x01", b"\x90\x03\x00\x02\x01", b"\x40\x02\x00\x02"


def said(dialogue: Dialogue) -> bytes:
    """Return what leaves now."""
    left = bytearray()

    def send(piece: memoryview) -> int:
        left.extend(piece)
        return len(piece)

    while dialogue.push(send):
        pass
    return bytes(left)


def test_an_acknowledgement_has_the_servers_identifier():
    """Within a request, behind what it waits for; also once another batch was caught up with."""
    dialogue = Dialogue(find_protocol("mqtt"))
    dialogue.begin(1)
    batch = Batch((ASKED + MESSAGE + ACK,))
    batch.accepted = SUBACK + PUBACK + b"\x32\x06\x00\x01t\x00\x07x"
    dialogue.catch_up([batch])
    dialogue.say([ASKED + MESSAGE + ACK])
    assert said(dialogue) == ASKED
    dialogue.hear(SUBACK)
    assert said(dialogue) == MESSAGE
    dialogue.hear(PUBACK)
    assert said(dialogue) == b""
    dialogue.hear(b"\x32\x06\x00\x01t\xab\xcdx")
    assert said(dialogue) == b"\x40\x02\xab\xcd"
    assert dialogue.is_over
