"""MLLP acknowledgements."""

import pytest

from harness.protocols import WrongReplyError
from harness.protocols.mllp import Mllp, message


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
