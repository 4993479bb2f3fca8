"""Raw streams: byte for byte."""

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from wireproof.errors import ProtocolCodeError
from wireproof.protocols import RawStream, WrongReplyError
from wireproof.protocols.built_in.echo import Echo


@given(st.lists(st.binary(min_size=1), min_size=1), st.data())
def test_an_echo_is_right_however_it_is_cut(requests: list[bytes], data: st.DataObject):
    """Every request is answered by its last byte, and nothing is owed in the end."""
    oracle = Echo().oracle()
    stream = b"".join(requests)
    for request in requests:
        oracle.announce(request)
    oracle.sent(len(stream))
    answered = position = 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        answered += oracle.receive_data(stream[position : position + size])
        position += size
    assert answered == len(requests)
    assert oracle.settled
    with pytest.raises(WrongReplyError, match="never sent"):
        oracle.receive_data(b"x")


class Upper(RawStream):
    """Each byte comes back in capitals."""

    def convert(self, data: bytes) -> bytes:
        """Return capitals."""
        return data.upper()


def test_a_converted_stream():
    """What comes back is compared with what the bytes become."""
    oracle = Upper().oracle()
    oracle.announce(b"abc")
    oracle.sent(2)
    oracle.receive_data(b"AB")
    oracle.sent(1)
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"c")


def test_a_conversion_that_changes_the_length_is_the_users_fault():
    """One byte must become one byte."""

    class Bad(Upper):
        def convert(self, data: bytes) -> bytes:
            return data * 2

    oracle = Bad().oracle()
    oracle.announce(b"abc")
    with pytest.raises(ProtocolCodeError, match=r"test_raw_stream\.py:\d+") as caught:
        oracle.sent(3)
    assert "Bad.convert returned 6 bytes for 3" in str(caught.value)
    assert "\nreturn one byte for each; fix it at " in str(caught.value)


@pytest.mark.parametrize(
    ("received", "problem", "expected", "actual", "offset_bytes"),
    [
        (b"aXc", "wrong byte in the stream", "b'bcd'", "b'Xc'", 3),
        (b"X", "wrong byte in the stream", "b'abcd'", "b'X'", 2),
        (b"abcde", "bytes that were never sent", "nothing more", "b'e'", 6),
    ],
)
def test_a_refusal_begins_at_the_first_wrong_byte(
    received: bytes, problem: str, expected: str, actual: str, offset_bytes: int
):
    """A wrong byte is told with its offset in all that was received, and both sides from there."""
    oracle = Echo().oracle()
    oracle.announce(b"..abcd")
    oracle.sent(6)
    assert oracle.receive_data(b".") + oracle.receive_data(b".") == 0
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(received)
    wrong = caught.value
    assert (wrong.problem, wrong.expected, wrong.actual) == (problem, expected, actual)
    assert wrong.offset_bytes == offset_bytes


def test_an_end_of_stream_names_what_is_missing():
    """The end of the stream is wrong as long as a byte is owed, and says which ones are."""
    oracle = Echo().oracle()
    oracle.announce(b"abcd")
    oracle.sent(3)
    oracle.receive_data(b"a")
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_eof()
    wrong = caught.value
    assert wrong.problem == "end of stream with 2 bytes not answered"
    assert (wrong.expected, wrong.actual, wrong.offset_bytes) == ("b'bc'", "nothing", 1)
    oracle.receive_data(b"bc")
    oracle.receive_eof()


def test_owed_are_requests_that_are_sent_whole():
    """A request is owed from its last byte sent to its last byte received."""
    oracle = Echo().oracle()
    for request in (b"ab", b"c"):
        oracle.announce(request)
    counts = [(oracle.owed, oracle.settled)]
    for sent, received in ((1, b""), (1, b""), (0, b"a"), (1, b""), (0, b"b"), (0, b"c")):
        oracle.sent(sent)
        oracle.receive_data(received)
        counts.append((oracle.owed, oracle.settled))
    assert counts == [
        (0, True),
        (0, False),
        (1, False),
        (1, False),
        (2, False),
        (1, False),
        (0, True),
    ]


def test_requests_of_a_stream():
    """Requests may be as short as a byte; one of a size is all octets over and over."""
    assert find(Echo().requests(), lambda request: len(request) == 1)
    for size in (0, 1, 255, 256, 257, 100_000):
        request = Echo().sized_request(size)
        assert len(request) == size
        assert all(octet == at % 256 for at, octet in enumerate(request))
