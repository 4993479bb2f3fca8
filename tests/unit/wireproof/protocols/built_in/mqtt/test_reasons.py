"""Refusals of MQTT, in words."""

import pytest

from wireproof.protocols.built_in.mqtt.reasons import code_of, in_words

TOLD = [
    (b"\x20\x03\0\x87\0", "CONNACK with code 135, not authorized"),
    (b"\xe0\x02\x8e\0", "DISCONNECT with code 142, session taken over"),
    (b"\xe0\0", "DISCONNECT"),
    (b"\x40\x03\0\1\x97", "PUBACK with code 151, quota exceeded"),
    (b"\x90\x05\0\1\0\0\x8f", "SUBACK with code 143, topic filter invalid"),
    (b"\xb0\x04\0\1\0\xaa", "UNSUBACK with code 170, which has no name"),
    (b"\x40\x03\0\1\x10", "PUBACK"),
    (b"\x90\x05\0\1\x0a\0\x8f", "SUBACK"),
    (b"\xf0\0", "AUTH"),
    (b"\0\0", "a packet of no known kind"),
]


@pytest.mark.parametrize(("reply", "words"), TOLD)
def test_version_5_gives_reasons(reply: bytes, words: str):
    """Every acknowledgement may refuse, with a code from 128 on, and so may a DISCONNECT."""
    assert in_words(reply, is_5=True) == words
    assert (code_of(reply, is_5=True) is not None) == (" with " in words)


def test_3_1_1_refuses_with_two_packets():
    """A CONNACK and a SUBACK; a PUBACK has no reason, and there is no DISCONNECT of a server's."""
    assert code_of(b"\x20\x02\0\5", is_5=False) == 5
    assert code_of(b"\x90\x04\0\1\0\x80", is_5=False) == 0x80
    for none in (b"\x40\x03\0\1\x97", b"\xe0\1\x8e", b"\x20\1\0", b"\x20", b"\x90\x80\x80\x80\x80"):
        assert code_of(none, is_5=False) is None
