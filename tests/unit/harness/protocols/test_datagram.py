"""Datagrams: one reply at most, in any order, possibly none."""

import pytest
from hypothesis import strategies as st

from harness.errors import ProtocolCodeError, UsageError
from harness.protocols import DatagramProtocol, WrongReplyError
from harness.protocols.echo import Echo
from harness.protocols.timestamp_echo import TimestampEcho

STAMP = b"[Mon Nov 23 14:41:16 2026] "


def test_replies_in_any_order_once_each():
    """Replies may overtake each other; a second one to the same datagram is wrong."""
    oracle = Echo().datagram_oracle()
    for datagram in (b"a", b"b", b""):
        oracle.sent(datagram)
    oracle.receive(b"b")
    oracle.receive(b"")
    assert oracle.owed == 1
    with pytest.raises(WrongReplyError, match="answers nothing"):
        oracle.receive(b"b")
    assert oracle.forget() == 1


def test_timestamp_echo_answers_with_the_first_buffer():
    """A long datagram comes back cut to the buffer, an empty one as the bare timestamp."""
    oracle = TimestampEcho().datagram_oracle()
    oracle.sent(b"x" * 1500)
    oracle.sent(b"")
    oracle.receive(STAMP)
    with pytest.raises(WrongReplyError):
        oracle.receive(STAMP + b"x" * 1500)
    oracle.receive(STAMP + b"x" * 1024)
    assert oracle.owed == 0


class Shout(DatagramProtocol):
    """A user's own."""

    several = False

    def requests(self):
        """Return a letter."""
        return st.just(b"a")

    def expected(self, datagram: bytes):
        """Return it in capitals; or twice, which no datagram protocol may."""
        return [datagram, datagram] if self.several else datagram.upper()


def test_users_own_datagram_protocol():
    """A class with requests() and expected() is enough, and has no stream."""
    oracle = Shout().datagram_oracle()
    oracle.sent(b"a")
    oracle.receive(b"A")
    with pytest.raises(UsageError, match="UDP alone"):
        Shout().oracle()


def test_several_replies_are_the_users_fault():
    """More than one reply a datagram is refused before anything is sent."""
    shout = Shout()
    shout.several = True
    with pytest.raises(ProtocolCodeError, match=r"test_datagram\.py:\d+"):
        shout.datagram_oracle().sent(b"a")
