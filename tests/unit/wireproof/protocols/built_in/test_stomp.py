"""STOMP: frames, what a broker sends back, and what it must not."""

import re

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from tests.support.slow_judges import accepts, cut, spoilt
from wireproof.protocols import MalformedReplyError
from wireproof.protocols.base import as_sent
from wireproof.protocols.built_in.stomp import Stomp, escaped, frame, send
from wireproof.protocols.loading.registry import find_protocol

OPENING = as_sent(Stomp(), Stomp().opening(), 0)
CONNECTED = b"CONNECTED\nversion:1.2\n\n\0"
Frame = tuple[bytes, dict[bytes, bytes], bytes]


def read(stream: bytes) -> list[Frame] | None:
    """Return the frames of a stream, octet by octet; None where it is none."""
    found: list[Frame] = []
    while stream := stream.lstrip(b"\n"):
        head, empty, rest = stream.partition(b"\n\n")
        if not empty or b"\0" in head:
            return None
        command, *lines = head.split(b"\n")
        headers: dict[bytes, bytes] = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            plain = b""
            while value:
                letter, value = value[:1], value[1:]
                if letter == b"\\":
                    letter, value = value[:1], value[1:]
                    if letter not in {b"n", b"c", b"r", b"\\"}:
                        return None
                    letter = {b"n": b"\n", b"c": b":", b"r": b"\r"}.get(letter, letter)
                plain += letter
            if not colon:
                return None
            headers.setdefault(name, plain)
        size = headers.get(b"content-length", b"%d" % rest.find(b"\0"))
        if not re.fullmatch(rb"[0-9]+", size) or rest[int(size) : int(size) + 1] != b"\0":
            return None
        found.append((command, headers, rest[: int(size)]))
        stream = rest[int(size) + 1 :]
    return found


def broker(requests: list[bytes]) -> list[Frame]:
    """Return what a broker owes to requests of one connection, messages and receipts."""
    owed: list[Frame] = []
    held: list[Frame] = []
    frames = read(b"".join(requests))
    assert frames is not None
    for command, headers, body in frames:
        if command == b"SEND":
            kept = {name: headers[name] for name in headers if name in {b"ref", b"note"}}
            kept |= {b"destination": headers[b"destination"], b"subscription": b"1"}
            (held if b"transaction" in headers else owed).append((b"MESSAGE", kept, body))
        if command in {b"COMMIT", b"ABORT"}:
            owed += held if command == b"COMMIT" else []
            held = []
        if b"receipt" in headers:
            owed.append((b"RECEIPT", {b"receipt-id": headers[b"receipt"]}, b""))
    return owed


def written(message: Frame, more: bytes) -> bytes:
    """Return a frame as a server may write it: with other headers, and line ends behind it."""
    command, headers, body = message
    lines = b"".join(b"%b:%b\n" % (name, escaped(value)) for name, value in headers.items())
    return b"%b\n%b%bcontent-length:%d\n\n%b\0%b" % (command, more, lines, len(body), body, b"\n")


def meets(owed: list[Frame], got: list[Frame] | None) -> bool:
    """Say whether each frame that came is another one of those owed, in any order."""
    if got is None or len(got) != len(owed):
        return False
    left = list(owed)
    for command, headers, body in got:
        fitting = next(
            (
                each
                for each in left
                if each[0] == command and each[2] == body and each[1].items() <= headers.items()
            ),
            None,
        )
        if fitting is None:
            return False
        left.remove(fitting)
    return True


@given(data=st.data())
def test_agrees_with_a_broker_of_another_hand(data: st.DataObject):
    """The oracle accepts what is owed in any order, with more headers, and nothing else."""
    drawn = data.draw(st.lists(Stomp().requests(), min_size=1, max_size=3))
    requests = as_sent(Stomp(), [*Stomp().opening(), *drawn], 0)
    owed = broker(requests)
    order = data.draw(st.permutations(owed))
    more = data.draw(st.sampled_from([b"", b"message-id:7\n", b"x:y\nx:z\n"]))
    stream = spoilt(data, b"".join(written(each, more) for each in order))
    got = accepts(Stomp().oracle(), requests, [CONNECTED, *cut(data, stream)])
    assert got == meets(owed, read(stream))


def answer(text: bytes) -> bytes:
    """Return the frames of a reply, with the reference of the third request."""
    to = b"destination:/topic/wp00000000\nsubscription:1\n"
    return text.replace(b"TO", to).replace(b"REF", b"ref:r00000002")


RIGHT = answer(b"MESSAGE\nTOREF\n\nhi\0RECEIPT\nreceipt-id:r00000002\n\n\0")
WRONG = {
    "no message": answer(b"RECEIPT\nreceipt-id:r00000002\n\n\0"),
    "no receipt": answer(b"MESSAGE\nTOREF\n\nhi\0"),
    "another body": RIGHT.replace(b"hi", b"ho"),
    "another destination": RIGHT.replace(b"/topic/wp", b"/topic/wq"),
    "another subscription": RIGHT.replace(b"subscription:1", b"subscription:2"),
    "another receipt": RIGHT.replace(b"id:r00000002", b"id:r00000001"),
    "a message twice": answer(b"MESSAGE\nTOREF\n\nhi\0") + RIGHT,
    "a count that is wrong": answer(b"MESSAGE\nTOREF\ncontent-length:1\n\nhi\0"),
    "an error": b"ERROR\nmessage:no\n\n\0",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reply_of_each_kind_is_caught(name: str):
    """One message and one receipt, each with its reference."""
    request = Stomp().numbered(send(b"hi"), 2)
    opened = [*OPENING, request]
    begun = CONNECTED + b"RECEIPT\nreceipt-id:r00000001\n\n\0"
    assert accepts(Stomp().oracle(), opened, [begun, RIGHT])
    oracle = Stomp().oracle()
    if name == "an error":  # which ends the connection, and is told where it is not owed
        opened = [*OPENING]
    assert not accepts(oracle, opened, [begun, WRONG[name]])


def test_an_aborted_transaction_sends_nothing():
    """Its messages are not owed, and wrong if they come."""
    abort = find(Stomp().kinds()["abort"], lambda each: b"SEND" in each and b"\n\nx" not in each)
    requests = as_sent(Stomp(), [*Stomp().opening(), abort], 0)
    receipts = b"".join(b"RECEIPT\nreceipt-id:r0000000%d\n\n\0" % at for at in (1, 2))
    assert accepts(Stomp().oracle(), requests, [CONNECTED, receipts])
    message = answer(b"MESSAGE\nTOREF\n\n\0")
    assert not accepts(Stomp().oracle(), requests, [CONNECTED, receipts, message])


@pytest.mark.parametrize(
    ("value", "shown"),
    [(b"a:b", b"a\\cb"), (b"\\n", b"\\\\n"), (b"\n\r", b"\\n\\r"), (b" x ", b" x ")],
)
def test_values_are_escaped(value: bytes, shown: bytes):
    """Four octets have escapes; blanks at the ends stay."""
    assert frame(b"X", (b"a", value)) == b"X\na:" + shown + b"\n\n\0"


def test_a_log_in_goes_with_connect():
    """With version and host as they are set."""
    settings = {"user": "me", "password": "pw", "version": "1.1", "host": "h"}
    connect = find_protocol("stomp", settings).opening()[0]
    expected = b"CONNECT\naccept-version:1.1\nhost:h\nlogin:me\npasscode:pw\n\n\0"
    assert connect == expected


def test_an_error_is_told_with_its_message():
    """It refuses, and ends the connection."""
    error = b"ERROR\nmessage:no such thing\n\nmore\0"
    protocol = Stomp()
    assert protocol.refused(error)
    assert protocol.closes(error)
    assert protocol.in_words(error) == "ERROR: no such thing"


@pytest.mark.parametrize(
    "data", [b"RECEIPT\0", b"X\ncontent-length:a\n\n", b"X\ncontent-length:1\n\nab\0"]
)
def test_what_is_no_frame_is_malformed(data: bytes):
    """NUL in the headers, a count that is none, and one that is wrong."""
    with pytest.raises(MalformedReplyError):
        Stomp().reply_length(bytearray(data))
