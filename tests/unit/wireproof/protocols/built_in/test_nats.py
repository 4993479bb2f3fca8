"""NATS: subscriptions, deliveries and their order, against a broker of a few lines."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from tests.support.slow_judges import accepts, cut, spoilt
from wireproof.protocols import MalformedReplyError
from wireproof.protocols.built_in.nats import Nats, publish, publish_with_headers
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.replies import replies_of

INFO = b'INFO {"server_id":"x"}\r\n'
OPENING = b"".join(Nats().opening())
S = b"wp00000000"


def broker(stream: bytes) -> list[bytes]:
    """Return what a broker answers, message by message: patterns are regular expressions here."""
    found: list[bytes] = []
    subscribed: dict[bytes, list[object]] = {}
    while stream:
        line, _, stream = stream.partition(b"\r\n")
        verb, _, rest = line.partition(b" ")
        words = rest.split(b" ")
        if verb == b"PING":
            found.append(b"PONG\r\n")
        elif verb == b"SUB":
            pattern = re.escape(words[0]).replace(rb"\*", rb"[^.]+").replace(b">", b".+")
            subscribed[words[1]] = [pattern, float("inf")]
        elif verb == b"UNSUB":
            subscribed[words[0]][1] = int(words[1]) if len(words) == 2 else 0
        elif verb in {b"PUB", b"HPUB"}:
            size = int(words[-1])
            payload, stream = stream[:size], stream[size + 2 :]
            for sid, entry in subscribed.items():
                pattern, left = entry
                assert isinstance(pattern, bytes)
                assert isinstance(left, float | int)
                if left > 0 and re.fullmatch(pattern, words[0]):
                    entry[1] = left - 1
                    head = [words[0], sid, *words[1:]]
                    kind = b"MSG" if verb == b"PUB" else b"HMSG"
                    found.append(kind + b" " + b" ".join(head) + b"\r\n" + payload + b"\r\n")
    return found


def lanes(messages: Sequence[bytes]) -> dict[bytes, list[bytes]]:
    """Return messages by what orders them: each subscription, and the pongs."""
    found: dict[bytes, list[bytes]] = {}
    for message in messages:
        lane = message.split(b" ", 3)[2] if b"MSG " in message[:5] else b""
        found.setdefault(lane, []).append(message)
    return found


def split(stream: bytes) -> list[bytes] | None:
    """Return the messages of a stream of replies, pings and news left out; None if it is none."""
    found = []
    while stream:
        line, end, rest = stream.partition(b"\r\n")
        counted = re.fullmatch(rb"H?MSG [^ ]+ [^ ]+(?: [^ ]+)?(?: [0-9]+)? ([0-9]+)", line)
        size = int(counted[1]) + 2 if counted else 0
        if not end or len(rest) < size or (line[:4] in {b"MSG ", b"HMSG"} and not counted):
            return None
        if line != b"PING" and not line.startswith(b"INFO "):
            found.append(line + end + rest[:size])
        stream = rest[size:]
    return found


@given(data=st.data())
def test_agrees_with_a_broker_of_another_hand(data: st.DataObject):
    """Deliveries of a subscription keep their order, others mix; nothing may be missing."""
    requests = data.draw(st.lists(Nats().requests(), min_size=1, max_size=3))
    right = broker(b"".join([OPENING, *requests]))
    left = lanes(right)
    mixed = b""
    while left:
        lane = data.draw(st.sampled_from(sorted(left)))
        mixed += left[lane].pop(0) + data.draw(st.sampled_from([b"", b"PING\r\n", INFO]))
        left = {name: messages for name, messages in left.items() if messages}
    stream = spoilt(data, mixed)
    got = split(stream)
    is_right = got is not None and lanes(got) == lanes(right)
    oracle = Nats().oracle()
    assert accepts(oracle, [*Nats().opening(), *requests], [INFO, *cut(data, stream)]) == is_right


WRONG = {
    "no delivery": b"",
    "delivered twice": b"MSG %b 1 2\r\nhi\r\n" % S * 2,
    "another subject": b"MSG a 1 2\r\nhi\r\n",
    "another subscription": b"MSG %b 2 2\r\nhi\r\n" % S,
    "another payload": b"MSG %b 1 2\r\nho\r\n" % S,
    "a size that is wrong": b"MSG %b 1 1\r\nhi\r\n" % S,
    "a line that is none": b"MSG %b 1 x\r\nhi\r\n" % S,
    "an acknowledgement that is off": b"+OK\r\nMSG %b 1 2\r\nhi\r\n" % S,
    "an error": b"-ERR 'Unknown Protocol Operation'\r\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reply_of_each_kind_is_caught(name: str):
    """One delivery, with subject, subscription, size and payload."""
    requests = [*Nats().opening(), publish(b"hi")]
    opened = [INFO, b"PONG\r\nPONG\r\n"]
    right = b"MSG %b 1 2\r\nhi\r\n" % S
    assert accepts(Nats().oracle(), requests, [*opened, right])
    assert not accepts(Nats().oracle(), requests, [*opened, WRONG[name]])


@pytest.mark.parametrize("greeting", [b"INFO\r\n", b"INFO {\r\n", b"INFO 1\r\n", b"HELLO {}\r\n"])
def test_a_greeting_is_info_and_an_object(greeting: bytes):
    """Whatever it says of itself."""
    assert accepts(Nats().oracle(), [], [INFO])
    assert not accepts(Nats().oracle(), [], [greeting])


def test_a_log_in_goes_with_connect():
    """User, password and token where they are set; headers can be left out."""
    settings = {"user": "me", "password": "pw", "token": "t", "headers": "no"}
    protocol = find_protocol("nats", settings)
    connect = protocol.opening()[0]
    assert b'"user": "me", "pass": "pw", "auth_token": "t"' in connect
    assert b'"headers": false' in connect
    assert "headers" not in protocol.kinds()


def test_errors_that_end_the_connection():
    """Most do; one of permissions or of a subject doesn't."""
    protocol = Nats()
    assert protocol.closes(b"-ERR 'Stale Connection'\r\n")
    assert not protocol.closes(b"-ERR 'Permissions Violation for Publish to a'\r\n")
    assert protocol.in_words(b"-ERR 'Stale Connection'\r\n") == "ERR 'Stale Connection'"
    assert not protocol.in_words(b"PONG\r\n")


def test_headers_are_counted_by_themselves():
    """Their size, and that of all."""
    assert publish_with_headers(b"hi", b"v") == (
        b"HPUB %b 20 22\r\nNATS/1.0\r\nKey: v\r\n\r\nhi\r\n" % S
    )


def test_a_subscription_ends_when_nothing_is_owed():
    """The client waits before UNSUB; not before a limit, which it sends at once."""
    wildcard = find(Nats().kinds()["wildcard"], lambda _: True)
    assert Nats().pauses(wildcard) == [wildcard.index(b"UNSUB 9\r\n")]
    assert not Nats().pauses(find(Nats().kinds()["limited"], lambda _: True))


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [(b"*", [b"a"]), (b">", [b"a", b"a.b", b"a.b.c"]), (b"*.b", [b"a.b"]), (b"a.b", [b"a.b"])],
)
def test_wildcards(pattern: bytes, fitting: list[bytes]):
    """`*` stands for one word, `>` for all that are left."""
    protocol = Nats()
    protocol.expected(b"SUB %b 5\r\n" % pattern)
    for subject in (b"a", b"a.b", b"a.b.c"):
        replies = replies_of(protocol.expected(publish(b"", subject)), protocol.expected)
        assert bool(replies) == (subject in fitting)


def test_a_line_of_other_words_is_malformed():
    """Its size can't be known."""
    with pytest.raises(MalformedReplyError):
        Nats().reply_length(bytearray(b"MSG a\r\n"))
