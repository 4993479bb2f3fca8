"""Raw streams: byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ProtocolCodeError
from harness.protocols import RawStream, WrongReplyError
from harness.protocols.echo import Echo


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
    oracle.announce(b"a")
    with pytest.raises(ProtocolCodeError, match=r"test_raw_stream\.py:\d+"):
        oracle.sent(1)
