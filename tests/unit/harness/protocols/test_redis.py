"""The model of Redis: strings, counters and lists."""

import pytest

from harness.protocols import WrongReplyError
from harness.protocols.redis import Redis, command

KEY = b"wp00000000a"


def judge(replies: list[tuple[bytes, bytes]]) -> None:
    """Show each command and its reply to one oracle."""
    oracle = Redis().oracle()
    for request, reply in replies:
        oracle.announce(request)
        oracle.sent(len(request))
        oracle.receive_data(reply)
        assert oracle.settled


def on(name: bytes, *arguments: bytes) -> bytes:
    """Return a command on the key."""
    return command(name, KEY, *arguments)


def test_strings_and_counters():
    """Counters count, and only what is written as an integer is one."""
    judge(
        [
            (on(b"INCR"), b":1\r\n"),
            (on(b"APPEND", b"0"), b":2\r\n"),
            (on(b"INCRBY", b"-3"), b":7\r\n"),
            (on(b"SET", b"007"), b"+OK\r\n"),
            (on(b"INCR"), b"-ERR value is not an integer or out of range\r\n"),
            (on(b"SET", b""), b"+OK\r\n"),
            (on(b"INCR"), b"-ERR value is not an integer or out of range\r\n"),
            (on(b"SET", b"9223372036854775807"), b"+OK\r\n"),
            (on(b"INCR"), b"-ERR increment or decrement would overflow\r\n"),
            (on(b"LLEN"), b"-WRONGTYPE Operation against a key\r\n"),
            (on(b"DEL"), b":1\r\n"),
            (on(b"GET"), b"$-1\r\n"),
        ]
    )


def test_lists():
    """Lists grow at both ends, are sliced by negative indices, and end when they are empty."""
    judge(
        [
            (on(b"RPUSH", b"b"), b":1\r\n"),
            (on(b"LPUSH", b"a", b"z"), b":3\r\n"),
            (on(b"LRANGE", b"-3", b"1"), b"*2\r\n$1\r\nz\r\n$1\r\na\r\n"),
            (on(b"LRANGE", b"2", b"1"), b"*0\r\n"),
            (on(b"LPOP"), b"$1\r\nz\r\n"),
            (on(b"LPOP"), b"$1\r\na\r\n"),
            (on(b"LPOP"), b"$1\r\nb\r\n"),
            (on(b"EXISTS"), b":0\r\n"),
        ]
    )


@pytest.mark.parametrize("wrong", [b":2\r\n", b"$1\r\n1\r\n", b":1\r\n:1\r\n"])
def test_wrong_replies_are_refused(wrong: bytes):
    """Another number, another type and one reply too many are wrong."""
    with pytest.raises(WrongReplyError):
        judge([(on(b"INCR"), wrong)])


@pytest.mark.parametrize(
    "malformed", [b"?\r\n", b"$x\r\n", b"$1_0\r\n", b"$+5\r\n", b"$ 5\r\n", b"$-2\r\n"]
)
def test_what_is_no_resp_is_malformed(malformed: bytes):
    """Where the reply is not known to the byte, what is no RESP is refused as such."""
    with pytest.raises(WrongReplyError, match="malformed"):
        judge([(command(b"DEL", KEY, KEY), malformed)])
