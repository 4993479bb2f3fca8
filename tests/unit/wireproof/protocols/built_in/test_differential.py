"""Built-in oracles against judges so slow and simple that they are plainly right.

A slow judge sees a whole conversation at once, and tries every way in which it could be right.
"""

from collections.abc import Callable, Sequence
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.slow_judges import (
    Piece,
    Several,
    Way,
    accepts,
    cut,
    drawn_replies,
    fits,
    spoilt,
    variants,
)
from wireproof.load.workload.predictor import predictor_of
from wireproof.protocols import Protocol
from wireproof.protocols.built_in.chargen import Chargen
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.oracle import WrongReplyError

MESSAGES = [b"\x30\x04\x00\x01aX", b"\x30\x04\x00\x01aY", b"\x32\x06\x00\x01a\x00\x01X"]
CONVERSATIONS: dict[str, list[bytes]] = {
    "echo": [b"a", b"ab", b"b\n"],
    "line-echo": [b"\n", b"a\n", b"ab\n"],
    "redis": [
        b"*1\r\n$4\r\nPING\r\n",
        b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n5\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n",
        b"*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n",
    ],
    "memcached": [
        b"get k\r\n",
        b"set k 7 0 2\r\n\r\n\r\n",
        b"set k 1 0 1 noreply\r\nx\r\n",
        b"delete k\r\n",
        b"add k 2 0 0\r\n\r\n",
    ],
    "mqtt": [b"\xc0\x00", b"\x82\x06\x00\x01\x00\x01a\x00", *MESSAGES],
}


def _echoed(requests: Sequence[bytes]) -> Sequence[Way]:
    return [list(requests)]


def _is_redis_error(reply: bytes) -> bool:
    """Say whether this is one line of error about an integer; the text is the server's own."""
    line, end = reply[:-2], reply[-2:]
    says_why = b"integer" in line or b"overflow" in line
    return end == b"\r\n" and line[:5] == b"-ERR " and says_why and not set(b"\r\n") & set(line)


def _redis(requests: Sequence[bytes]) -> Sequence[Way]:
    value: bytes | None = None
    replies: list[Piece] = []
    for request in requests:
        if b"PING" in request:
            replies.append(b"+PONG\r\n")
        elif b"GET" in request:
            replies.append(b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value))
        elif b"SET" in request:
            value = b"5" if b"$1\r\n5\r\n" in request else b"\r\n"
            replies.append(b"+OK\r\n")
        elif value == b"\r\n":
            texts = [b"-ERR value is not an integer\r\n", b"-ERR  overflow\r\n"]
            replies.append(Several(_is_redis_error, texts))
        else:
            value = b"%d" % (int(value or 0) + 1)
            replies.append(b":" + value + b"\r\n")
    return [replies]


def _memcached(requests: Sequence[bytes]) -> Sequence[Way]:
    value: tuple[int, bytes] | None = None
    ways: list[list[bytes]] = [[]]
    for request in requests:
        right = [b"STORED\r\n"]
        if request.startswith(b"get"):
            head = (
                b"VALUE k %d %d\r\n%b\r\n" % (value[0], len(value[1]), value[1]) if value else b""
            )
            right = [head + b"END\r\n"]
        elif request.startswith(b"delete"):
            right = [b"DELETED\r\n"] if value else [b"DELETED\r\n", b"NOT_FOUND\r\n"]
            value = None
        elif request.startswith(b"add"):
            right = [b"NOT_STORED\r\n"] if value else right
            value = value or (2, b"")
        elif b"noreply" in request:
            value, right = (1, b"x"), [b""]
        else:
            value = (7, b"\r\n")
        ways = [[*way, one] for way in ways for one in right]
    return ways


def _mqtt(requests: Sequence[bytes]) -> Sequence[Way]:
    """All orders of all that is owed, with and without each delivery; no two lanes have an order.

    Acknowledgements of one kind are the same bytes here, so that any order keeps theirs. Nothing is
    delivered of what was published before the first subscription.
    """
    ways: list[list[bytes]] = [[]]
    has_subscribed = False
    for request in requests:
        if request == b"\xc0\x00":
            ways = [[*way, b"\xd0\x00"] for way in ways]
        elif request[0] == 0x82:
            has_subscribed = True
            ways = [[*way, b"\x90\x03\x00\x01\x00"] for way in ways]
        else:
            payload = request[-1:]
            owed = [b"\x40\x02\x00\x01"] if request[0] == 0x32 else []
            delivery = b"\x30\x04\x00\x01a" + payload
            may_come = [[], [delivery]] if has_subscribed else [[]]
            ways = [[*way, *owed, *more] for way in ways for more in may_come]
    return [list(order) for way in ways for order in permutations(way)]


SLOW: dict[str, Callable[[Sequence[bytes]], Sequence[Way]]] = {
    "echo": _echoed,
    "line-echo": _echoed,
    "redis": _redis,
    "memcached": _memcached,
    "mqtt": _mqtt,
}


@pytest.mark.parametrize("name", SLOW)
def test_every_reply_to_two_requests_is_accepted(name: str) -> None:
    """Each right reply that is written out is right to the oracle, too."""
    for requests in product(CONVERSATIONS[name], repeat=2):
        for stream in variants(SLOW[name](requests)):
            assert accepts(find_protocol(name).oracle(), requests, [stream]), stream


@pytest.mark.parametrize("name", SLOW)
@given(data=st.data())
def test_agrees_with_every_right_reply_written_out(name: str, data: st.DataObject) -> None:
    """The oracle accepts a reply exactly if it is one of all right ones, however it is cut."""
    longest = 3 if name == "mqtt" else 5
    some = st.lists(st.sampled_from(CONVERSATIONS[name]), min_size=1, max_size=longest)
    requests = data.draw(some)
    right = SLOW[name](requests)
    source = SLOW[name](data.draw(some)) if data.draw(st.booleans()) else right
    reply = spoilt(data, b"".join(drawn_replies(data, source)))
    expected = any(fits(way, reply) for way in right)
    assert accepts(find_protocol(name).oracle(), requests, cut(data, reply)) == expected


@given(st.integers(0, 94), st.integers(0, 400), st.integers(-1, 399), st.integers(1, 80))
def test_chargen_agrees_with_the_pattern_written_character_by_character(
    first: int, size: int, spoilt: int, step: int
) -> None:
    """A stream is right exactly if it is the RFC's lines from some character on."""

    def pattern(start: int) -> bytes:
        lines = b""
        while len(lines) < size:
            lines += bytes(0x20 + (start + at) % 95 for at in range(72)) + b"\r\n"
            start += 1
        return lines[:size]

    stream = bytearray(pattern(first))
    if 0 <= spoilt < len(stream):
        stream[spoilt] ^= 1
    expected = any(stream == pattern(start) for start in range(95))
    oracle = Chargen().oracle()
    try:
        for at in range(0, size, step):
            oracle.receive_data(bytes(stream[at : at + step]))
    except WrongReplyError:
        assert not expected
    else:
        assert expected


@pytest.mark.parametrize("name", ["echo", "line-echo"])
@given(
    sent=st.lists(st.sampled_from([b"a", b"b", b"ab"]), max_size=5),
    received=st.lists(st.sampled_from([b"a", b"b", b"ab", b""]), max_size=5),
)
def test_datagrams_agree_with_every_assignment_tried(
    name: str, sent: list[bytes], received: list[bytes]
) -> None:
    """Replies are right exactly if some of what was sent, in some order, is what came back."""
    protocol = find_protocol(name)
    assert isinstance(protocol, Datagrams)
    judge = protocol.datagram_oracle()
    for datagram in sent:
        judge.sent(datagram)
    expected = tuple(received) in set(permutations(sent, len(received)))
    try:
        for datagram in received:
            judge.receive(datagram)
    except WrongReplyError:
        assert not expected
    else:
        assert expected
        assert judge.owed == len(sent) - len(received)


@pytest.mark.parametrize("name", ["echo", "line-echo", "timestamp-echo"])
@given(data=st.data())
def test_what_is_predicted_is_what_the_oracle_accepts(name: str, data: st.DataObject) -> None:
    """On a settled connection the oracle takes a predicted reply, and all requests as answered."""
    protocol: Protocol = find_protocol(name)
    requests = data.draw(st.lists(protocol.requests(), min_size=1, max_size=4))
    predictor = predictor_of(protocol, requests)
    assert predictor is not None
    predictor.learn(b"x", b"[Mon Nov 23 14:41:16 2026] x")
    reply = predictor.reply(requests)
    if reply is None:  # longer than a chunk: only the oracle knows
        assert name == "timestamp-echo"
        return
    oracle = protocol.oracle()
    for request in requests:
        oracle.announce(request)
        oracle.sent(len(request))
    assert oracle.receive_data(reply) == len(requests)
    assert oracle.settled
