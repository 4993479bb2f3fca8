"""SOCKS 5: each step of the opening, and a line that passes through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.slow_judges import accepts, cut, spoilt
from wireproof.errors import UsageError
from wireproof.protocols import MalformedReplyError
from wireproof.protocols.built_in.socks5 import Socks5
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code

HELLO, CONNECT = Socks5().opening()
AGREED = b"\x05\x00"
CONNECTED = b"\x05\x00\x00\x01\x7f\0\0\1\x10\x20"


@pytest.mark.parametrize(
    ("destination", "address"),
    [
        ("192.0.2.1:80", b"\x01\xc0\x00\x02\x01\x00\x50"),
        ("[2001:db8::1]:7", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x00\x07"),
        ("echo.test:65535", b"\x03\x09echo.test\xff\xff"),
    ],
)
def test_each_kind_of_address_is_asked_for(destination: str, address: bytes):
    """An address of either version, and a name with its length."""
    protocol = find_protocol("socks5", {"destination": destination})
    assert protocol.opening() == [b"\x05\x01\x00", b"\x05\x01\x00" + address]


@pytest.mark.parametrize("destination", ["", "a", "a:", ":7", "a:b", "a:65536"])
def test_a_destination_without_a_port_is_refused(destination: str):
    """In one line, with what to write instead."""
    with pytest.raises(UsageError, match="HOST:PORT"):
        find_protocol("socks5", {"destination": destination}).opening()


def test_a_user_logs_in():
    """With the one method offered, and then by RFC 1929."""
    protocol = find_protocol("socks5", {"user": "me", "password": "abc"})
    hello, login, connect = protocol.opening()
    assert (hello, login) == (b"\x05\x01\x02", b"\x01\x02me\x03abc")
    asked = [hello, login, connect, b"hi\n"]
    right = b"\x05\x02\x01\x00" + CONNECTED + b"hi\n"
    assert check_code(protocol)
    assert accepts(protocol.oracle(), asked, [right])
    for wrong in (b"\x05\x00" + right[2:], right[:3] + b"\x01" + right[4:]):
        assert not accepts(protocol.oracle(), asked, [wrong])


REPLIES = [
    (CONNECTED, True),
    (b"\x05\x00\x00\x04" + bytes(18), True),
    (b"\x05\x00\x00\x03\x02ab\x00\x01", True),
    (b"\x05\x00\x00\x01" + bytes(5), False),
    (b"\x05\x05\x00\x01" + bytes(6), False),
    (b"\x04\x00\x00\x01" + bytes(6), False),
    (b"\x05\x00\x01\x01" + bytes(6), False),
    (b"\x05\x00\x00\x02" + bytes(6), False),
]


@pytest.mark.parametrize(("reply", "is_right"), REPLIES)
def test_a_reply_to_connect_has_an_address(reply: bytes, is_right: bool):
    """Of any type; the line behind it begins where the address ends."""
    asked = [HELLO, CONNECT, b"hi\n"]
    assert accepts(Socks5().oracle(), asked, [AGREED + reply + b"hi\n"]) == is_right


WRONG = {
    "no method": b"\x05\xff" + CONNECTED + b"hi\n",
    "another method": b"\x05\x02" + CONNECTED + b"hi\n",
    "a refusal": AGREED + b"\x05\x05\x00\x01" + bytes(6),
    "a line that is spoilt": AGREED + CONNECTED + b"ho\n",
    "a line twice": AGREED + CONNECTED + b"hi\nhi\n",
    "a line that is lost": AGREED + CONNECTED,
    "an address too many": AGREED + CONNECTED * 2 + b"hi\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reply_of_each_kind_is_caught(name: str):
    """The method, the connection and the line."""
    assert not accepts(Socks5().oracle(), [HELLO, CONNECT, b"hi\n"], [WRONG[name]])


def test_why_there_is_no_connection_is_told():
    """In the words of the standard."""
    protocol = Socks5()
    assert protocol.in_words(b"\x05\x05\x00\x01" + bytes(6)) == "connection refused"
    assert protocol.in_words(b"\x05\xff") == "no method of log-in that was offered"
    assert not protocol.in_words(CONNECTED)
    with pytest.raises(MalformedReplyError, match="unknown type 9"):
        protocol.reply_length(bytearray(b"\x05\x00\x00\x09\x00"), CONNECT)


def is_right(stream: bytes, lines: list[bytes]) -> bool:
    """Say whether a stream is what a proxy answers, read from its end to its start."""
    if not stream.endswith(b"".join(lines)):
        return False
    stream = stream[: len(stream) - len(b"".join(lines))]
    if stream[:5] != b"\x05\x00\x05\x00\x00":
        return False
    rest = stream[5:]
    return (
        (rest[:1] == b"\x01" and len(rest) == 7)
        or (rest[:1] == b"\x04" and len(rest) == 19)
        or (rest[:1] == b"\x03" and len(rest) == 4 + rest[1])
    )


@given(data=st.data())
def test_agrees_with_another_hand(data: st.DataObject):
    """The oracle accepts method, connection and lines, and nothing else, however they are cut."""
    lines = data.draw(st.lists(Socks5().requests(), max_size=3))
    address = data.draw(
        st.one_of(
            st.binary(min_size=6, max_size=6).map(b"\x01".__add__),
            st.binary(min_size=18, max_size=18).map(b"\x04".__add__),
            st.binary(max_size=9).map(lambda name: b"\x03%c%b\x00\x07" % (len(name), name)),
        )
    )
    stream = spoilt(data, AGREED + b"\x05\x00\x00" + address + b"".join(lines))
    pieces = cut(data, stream)
    assert accepts(Socks5().oracle(), [HELLO, CONNECT, *lines], pieces) == is_right(stream, lines)
