"""The model of memcached."""

import pytest

from harness.protocols import WrongReplyError
from harness.protocols.memcached import Memcached, storage


def judge(*exchanges: tuple[bytes, bytes]) -> None:
    """Show each command and its reply to one oracle."""
    oracle = Memcached().oracle()
    for request, reply in exchanges:
        oracle.announce(request)
        oracle.sent(len(request))
        if reply:
            oracle.receive_data(reply)
        assert oracle.settled


def test_storage_and_retrieval():
    """Values come back with their flags; append keeps the flags that were there."""
    judge(
        (storage(b"append", b"k", b"x"), b"NOT_STORED\r\n"),
        (storage(b"set", b"k", b"a\r\n", 7), b"STORED\r\n"),
        (storage(b"add", b"k", b"x"), b"NOT_STORED\r\n"),
        (storage(b"append", b"k", b"b", 9, b" noreply"), b""),
        (b"get k other\r\n", b"VALUE k 7 4\r\na\r\nb\r\nEND\r\n"),
        (b"delete k\r\n", b"DELETED\r\n"),
        (b"get k\r\n", b"END\r\n"),
    )


def test_counters():
    """A counter counts from what was set."""
    judge(
        (b"incr n 1\r\n", b"NOT_FOUND\r\n"),
        (storage(b"set", b"n", b"9"), b"STORED\r\n"),
        (b"incr n 1\r\n", b"10\r\n"),
    )


def test_a_reply_to_noreply_is_wrong():
    """A command with noreply must not be answered."""
    with pytest.raises(WrongReplyError):
        judge((storage(b"set", b"k", b"", 0, b" noreply"), b"STORED\r\n"))


@pytest.mark.parametrize("length", [b"9" * 5000, b"9" * 20])
def test_a_length_beyond_all_bounds_is_the_servers_fault(length: bytes):
    """However long a length is, it is a wrong reply, and never an error of this class."""
    oracle = Memcached().oracle()
    oracle.announce(b"version\r\n")
    oracle.sent(9)
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"VALUE k 0 " + length + b"\r\n")
