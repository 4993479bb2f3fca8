"""A message of AMQP ends behind its last body frame, and is not read twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols import MalformedReplyError
from wireproof.protocols.built_in.amqp.cursor import ContentCursor
from wireproof.protocols.built_in.amqp.frames import Method, content, frame, method

DELIVER, ACK = method(Method.BASIC_DELIVER, b"x"), method(Method.BASIC_ACK, b"y")


@given(st.sampled_from([0, 1, 5000]), st.sampled_from([1, 7, 5000]))
def test_the_end_is_known_once_it_is_there(size: int, step: int):
    """Of a method at its frame's end, of a message at the end of its body, and then of the next."""
    cursor = ContentCursor()
    for whole in (DELIVER + content(bytes(size)), ACK, frame(8, 0, b"")):
        for there in range(0, len(whole), step):
            assert cursor.end(whole[:there]) is None
        assert cursor.end(whole + b"more") == len(whole)


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (content(b""), "type 2 where a method is due"),
        (DELIVER + ACK, "type 1 where a header is due"),
        (DELIVER + content(b"", channel=2), "another channel"),
        (DELIVER + content(b"abc")[:-11] + frame(3, 1, b"abcd"), "1 bytes longer than said"),
    ],
)
def test_what_is_no_message_is_malformed(stream: bytes, problem: str):
    """A frame that is not due, of another channel, or of more than the header says."""
    with pytest.raises(MalformedReplyError, match=problem):
        ContentCursor().end(stream)
