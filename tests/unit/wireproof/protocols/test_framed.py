"""Ready-made framings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols import (
    Delimited,
    FixedSize,
    HeaderWithLength,
    LengthPrefixed,
    MalformedReplyError,
    Matcher,
    VarintLengthPrefixed,
    WrongReplyError,
)
from wireproof.protocols.loading.self_check import check_code


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


@pytest.mark.parametrize(
    ("little", "adjust", "header", "length"),
    [
        (False, 0, b"t\0\x02.", 6),
        (True, 0, b"t\x02\0.", 6),
        (False, -4, b"t\0\x06.", 6),
        (False, 3, b"t\0\x02.", 9),
        (False, -4, b"t\0\x04.", 4),
        (False, 0, b"t\0\0.", 4),
        (False, 0, b"t\x01\x02.", 262),
    ],
)
def test_a_header_has_its_order_of_bytes_and_what_it_counts(
    little: bool, adjust: int, header: bytes, length: int
):
    """The field is read in its order of bytes, and what it does not count is added."""

    class Own(Header):
        little_endian = little
        length_adjust = adjust

    assert Own().reply_length(bytearray(header)) == length
    assert Own().reply_length(bytearray(header[:3])) is None


def test_a_frame_has_its_header():
    """A length field that makes the frame shorter than its header is malformed, and told."""

    class Own(Header):
        length_adjust = -4

    with pytest.raises(MalformedReplyError, match=r"^the length field makes a frame of 3 bytes$"):
        Own().reply_length(bytearray(b"t\0\x03."))


def test_a_prefix_counts_itself():
    """A length of exactly its own size is an empty frame; one less is malformed, and told."""
    protocol = prefixed(2, little=True, inclusive=True)
    assert protocol.reply_length(bytearray(b"\2\0")) == 2
    assert protocol.reply_length(bytearray(b"\2")) is None
    with pytest.raises(
        MalformedReplyError, match=r"^the length field says 1, less than its own size$"
    ):
        protocol.reply_length(bytearray(b"\1\0"))


def test_a_delimiter_ends_a_message():
    """The first one does, whatever it is; the newline where nothing else is said."""

    class Own(Delimited):
        def requests(self) -> st.SearchStrategy[bytes]:
            return st.just(b"a\n")

        def expected(self, request: bytes) -> Matcher:
            return request

    protocol = Own()
    assert protocol.reply_length(bytearray(b"ab\ncd\n")) == 3
    assert protocol.reply_length(bytearray(b"ab")) is None
    Own.delimiter = b"--"
    assert protocol.reply_length(bytearray(b"a\n--b--")) == 4


def test_each_connection_has_a_state_of_its_own():
    """What a protocol keeps is copied for a connection; unless it says more, it says little."""

    class Own(FixedSize):
        def __init__(self) -> None:
            self.seen: list[bytes] = []

        def requests(self) -> st.SearchStrategy[bytes]:
            return st.just(b"a")

        def expected(self, request: bytes) -> Matcher:
            return request

    protocol = Own()
    session = protocol.session()
    assert isinstance(session, Own)
    session.seen.append(b"a")
    assert not protocol.seen
    assert protocol.reply_length(bytearray()) == 1
    assert protocol.greeting() is None
    assert list(protocol.parts(b"ab")) == [b"ab"]
    assert protocol.answerable_at(b"ab") == 2
    assert protocol.mask(b"ab") == b"ab"
    assert not protocol.unsolicited(b"a")
    assert not protocol.closes(b"a")


class Varint(VarintLengthPrefixed):
    """A type, then a length of at most two bytes."""

    name = "varint"
    header_bytes = 1
    most_length_bytes = 2

    def requests(self):
        """Return a frame."""
        return st.binary(max_size=300).map(lambda data: self.frame(data, b"q"))

    def expected(self, request: bytes):
        """Return it reversed, judged once it is whole."""
        right = self.frame(self.payload(request)[::-1], b"r")
        return lambda reply: reply == right


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 16383])
def test_frames_with_a_length_of_seven_bits_a_byte(size: int):
    """A frame has its header, its length and its payload, and ends where it ends."""
    payload = bytes(at % 251 for at in range(size))
    frame = Varint().frame(payload, b"t")
    assert len(frame) == 1 + (1 if size < 128 else 2) + size
    assert Varint().payload(frame) == payload
    assert Varint().reply_length(bytearray(frame + b"more")) == len(frame)
    for there in range(2 if size < 128 else 3):
        assert Varint().reply_length(bytearray(frame[:there])) is None
    check_code(Varint())


def test_a_length_of_too_many_bytes_is_malformed():
    """What has more length bytes than the protocol allows is no frame."""
    with pytest.raises(MalformedReplyError, match="a length of more than 2 bytes"):
        Varint().reply_length(bytearray(b"t\x80\x80\x01"))
    assert Varint().payload(b"t") == b""


def test_frames_behind_a_header():
    """The length goes into the header, in its order and by its count; zeros fill the header."""

    class Typed(Header):
        header_bytes = 6
        length_at = 2
        length_bytes = 3
        little_endian = True
        length_adjust = -6

    assert Typed().frame(b"hello", b"ab") == b"ab\x0b\0\0\0hello"
    assert Typed().frame(b"hello") == b"\0\0\x0b\0\0\0hello"
    assert Typed().payload(Typed().frame(b"hello", b"ab??cd")) == b"hello"
    assert Typed().reply_length(bytearray(Typed().frame(b"hello"))) == 11
    with pytest.raises(ValueError, match="a header of 7 bytes, more than 6"):
        Typed().frame(b"", b"1234567")
    with pytest.raises(OverflowError):
        Typed().frame(bytes(2**24))


def test_frames_that_end():
    """A delimiter goes behind the payload, and comes off again."""

    class Ended(Delimited):
        delimiter = b"\r\n"

        def requests(self) -> st.SearchStrategy[bytes]:
            return st.just(self.frame(b"a"))

        def expected(self, request: bytes) -> bytes:
            return self.frame(self.payload(request).upper())

    assert check_code(Ended()) == [b"a\r\n"]
    assert Ended().expected(b"ab\r\n") == b"AB\r\n"
