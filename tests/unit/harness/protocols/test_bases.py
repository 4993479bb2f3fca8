"""Ready-made framings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols import (
    FixedSize,
    HeaderWithLength,
    LengthPrefixed,
    Matcher,
    WrongReplyError,
)


def prefixed(size: int, little: bool, inclusive: bool) -> LengthPrefixed:
    """Return a protocol that answers each frame with its payload reversed."""

    class Reverse(LengthPrefixed):
        length_bytes = size
        little_endian = little
        length_counts_itself = inclusive

        def requests(self) -> st.SearchStrategy[bytes]:
            return st.binary().map(self.frame)

        def expected(self, request: bytes) -> Matcher:
            right = self.frame(self.payload(request)[::-1])
            return lambda reply: reply == right  # so that reply_length is asked

    return Reverse()


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("little", [False, True])
@pytest.mark.parametrize("inclusive", [False, True])
@given(payload=st.binary(max_size=200))
def test_length_prefixed_frames(size: int, little: bool, inclusive: bool, payload: bytes):
    """Frames of every prefix are cut off exactly, whatever their order of bytes and what counts."""
    protocol = prefixed(size, little, inclusive)
    frame = protocol.frame(payload)
    counted = len(payload) + (size if inclusive else 0)
    assert frame[:size] == counted.to_bytes(size, "little" if little else "big")
    oracle = protocol.oracle()
    for _ in range(2):
        oracle.announce(frame)
    oracle.sent(2 * len(frame))
    back = protocol.frame(payload[::-1])
    assert oracle.receive_data(back + back[:-1]) == 1
    assert oracle.receive_data(back[-1:]) == 1


def test_a_length_that_counts_itself_cannot_be_less():
    """An inclusive length below its own size is a wrong reply, not an endless wait."""
    protocol = prefixed(4, little=False, inclusive=True)
    oracle = protocol.oracle()
    oracle.announce(protocol.frame(b"a"))
    oracle.sent(5)
    with pytest.raises(WrongReplyError, match="less than its own size"):
        oracle.receive_data(b"\0\0\0\x03")


class Header(HeaderWithLength):
    """A type, a length of what follows, a payload."""

    header_bytes = 4
    length_at = 1
    length_bytes = 2

    def requests(self):
        """Return a frame."""
        return st.just(b"t\0\x01.a")

    def expected(self, request: bytes):
        """Return anything that is framed."""
        del request
        return lambda reply: len(reply) >= 4


def test_header_with_length():
    """The frame ends where the header's length field says."""
    assert Header().reply_length(bytearray(b"t\0\x02.")) == 6
    assert Header().reply_length(bytearray(b"t\0\x02")) is None


def test_fixed_size_replies():
    """Each reply has the size that the class names."""

    class Pair(FixedSize):
        reply_bytes = 2

        def requests(self) -> st.SearchStrategy[bytes]:
            return st.just(b"?")

        def expected(self, request: bytes) -> Matcher:
            del request
            return lambda reply: len(reply) == 2

    oracle = Pair().oracle()
    oracle.announce(b"??")
    oracle.sent(2)
    assert oracle.receive_data(b"a") == 0
    assert oracle.receive_data(b"b") == 1
