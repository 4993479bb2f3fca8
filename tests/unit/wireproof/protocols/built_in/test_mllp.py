"""MLLP acknowledgements."""

import re

import pytest

from wireproof.protocols import WrongReplyError
from wireproof.protocols.built_in.mllp import Mllp, message
from wireproof.protocols.loading.self_check import check_code

HEAD = rb"MSH|^~\&|WIREPROOF|TEST|SERVER|TEST|20261123144116||ADT^A01|"
SEGMENTS = b"|P|2.5\rEVN|A01|20261123144116\rNTE|1||"


def ack(control_id: bytes, code: bytes = b"AA") -> bytes:
    """Return an acknowledgement."""
    return b"\x0bMSH|^~\\&|S|||||ACK|9|P|2.5\rMSA|" + code + b"|" + control_id + b"\r\x1c\r"


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        (ack(b"42"), True),
        (ack(b"42", b"CA"), True),
        (ack(b"42", b"AX"), False),
        (ack(b"42", b"A"), False),
        (ack(b"42").replace(b"|", b"#"), True),
        (ack(b"43"), False),
        (b"\x0bMSH|^~\\&|\r\x1c\r", False),
        (b"MSA|AA|42\x1c\r", False),
    ],
)
def test_an_acknowledgement_names_its_message(reply: bytes, right: bool):
    """The framing, the code and the control id must be right."""
    oracle = Mllp().oracle()
    request = message(b"42", b"note")
    oracle.announce(request)
    oracle.sent(len(request))
    if right:
        assert oracle.receive_data(reply) == 1
    else:
        with pytest.raises(WrongReplyError):
            oracle.receive_data(reply)


def test_messages_are_drawn_with_ids_and_notes():
    """A message has three segments, in its frame; ids and notes differ, the rest does not."""
    assert message(b"42", b"note") == b"\x0b" + HEAD + b"42" + SEGMENTS + b"note\r\x1c\r"
    ids: set[int] = set()
    notes: set[bytes] = set()
    for request in check_code(Mllp(), 100):
        pattern = re.escape(HEAD) + b"([0-9]+)" + re.escape(SEGMENTS) + b"([A-Za-z0-9 ]*)"
        found = re.fullmatch(b"\x0b" + pattern + b"\r\x1c\r", request)
        assert found, request
        ids.add(int(found[1]))
        notes.add(found[2])
    assert 1 <= min(ids) < 1000 < max(ids)
    assert b"" in notes
    for some in (b"[0-9]", b"[a-z]", b"[A-Z]"):
        assert any(re.search(some, note) for note in notes)


def test_a_sized_request_has_a_long_note():
    """A request of a given size is a message with letters, digits and blanks for a note."""
    note = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ABC"
    right = message(b"1", note)
    assert Mllp().sized_request(len(right)) == right


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"MSH|^~\\&|\rMSA|AA|42\r\x1c\r", "malformed reply [(]no 0x0b and MSH at the start[)]"),
        (b"\x0bMSA|AA|42\r\x1c\r", "malformed reply [(]no 0x0b and MSH at the start[)]"),
        (b"\x0bMSH|^~\\&|\rMSA|AA\r\x1c\r", "malformed reply [(]no MSA segment[)]"),
        (b"\x0bMSH|^~\\&|\rMSX|AA|42\r\x1c\r", "malformed reply [(]no MSA segment[)]"),
        (b"\x0bMSH|^~\\&|\rMSA|AA|4\r\x1c\r", "expected an ACK of message 42, got"),
    ],
)
def test_what_is_wrong_is_said(reply: bytes, says: str):
    """What is missing is named, or whose acknowledgement was expected."""
    oracle = Mllp().oracle()
    request = message(b"42", b"MSA|AA|43")
    oracle.announce(request)
    oracle.sent(len(request))
    with pytest.raises(WrongReplyError, match=says):
        oracle.receive_data(reply)


@pytest.mark.parametrize(
    "reply",
    [
        b"\x0bMSH|^~\\&|\rMSA|AA|42\x1c\r",
        b"\x0bMSH|^~\\&|\nMSA|AA|42\n\x1c\r",
        b"\x0bMSH|^~\\&|\r\nMSA|AA|42|text|\rERR|\r\x1c\r",
        b"\x0bMSH|^~\\&|\rMSA|AA|42\rMSA|AA|43\r\x1c\r",
        b"\x0bMSH|^~\\&|a MSA|AA|43\rMSA|AA|42\r\x1c\r",
    ],
)
def test_segments_end_with_cr_or_lf(reply: bytes):
    """Either ends a segment, the last one may lack it, and the first MSA counts."""
    oracle = Mllp().oracle()
    request = message(b"42", b"note")
    oracle.announce(request)
    oracle.sent(len(request))
    assert oracle.receive_data(reply) == 1
