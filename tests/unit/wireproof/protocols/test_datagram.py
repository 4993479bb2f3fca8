"""Datagrams: one reply at most, in any order, possibly none."""

from typing import Any

import pytest
from hypothesis import find
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.protocols import DatagramProtocol, MalformedReplyError, Matcher, WrongReplyError
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
from wireproof.protocols.datagram import MAX_OUTSTANDING

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
    with pytest.raises(ProtocolCodeError, match=r"test_datagram\.py:\d+") as caught:
        shout.datagram_oracle().sent(b"a")
    assert "Shout.expected returned several replies" in str(caught.value)
    assert "\na datagram has one reply at most; fix it at " in str(caught.value)


def test_an_answer_that_is_no_reply_is_the_users_fault():
    """What no datagram can be compared with is refused, with the name of the user's method."""

    class Bad(Shout):
        def expected(self, datagram: bytes) -> Any:
            return len(datagram)

    with pytest.raises(ProtocolCodeError, match=r"Bad\.expected returned 1"):
        Bad().datagram_oracle().sent(b"a")


def test_the_name_of_what_has_no_stream():
    """The refusal of a stream names the protocol, or its class where it has no name."""

    class Named(Shout):
        name = "named"

    for protocol, name in ((Shout(), "Shout"), (Named(), "named")):
        with pytest.raises(UsageError, match=f"^{name} is spoken over UDP alone"):
            protocol.oracle()


def test_what_is_known_of_one_datagram():
    """The reply to a single datagram is the one that the user's class expects."""
    assert Shout().expected_datagram(b"a") == b"A"


def test_datagrams_are_requests_that_fit_a_frame():
    """Drawn datagrams are the stream's requests up to the limit, and sized ones have that size."""

    class Long(Echo):
        def requests(self) -> st.SearchStrategy[bytes]:
            return st.sampled_from([1472, 1473, 9000]).map(bytes)

    assert len(find(Long().datagrams(), bool)) == 1472
    with pytest.raises(NoSuchExample):
        find(Long().datagrams(), lambda datagram: len(datagram) > 1472)
    assert Echo().sized_datagram(700) == Echo().sized_request(700)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([], "nothing"),
        ([b"a"], "b'a'"),
        ([b"a", b"b", b"c", b"d"], "b'a' or b'b' or b'c'"),
    ],
)
def test_what_would_have_been_right(sent: list[bytes], expected: str):
    """A wrong datagram is told with the first three replies owed, and what came before it."""
    oracle = Echo().datagram_oracle()
    for before in (b"1", b"2"):
        oracle.sent(before)
        oracle.receive(before)
    for datagram in sent:
        oracle.sent(datagram)
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive(b"x\n")
    wrong = caught.value
    assert wrong.problem == "a datagram that answers nothing"
    assert (wrong.expected, wrong.actual) == (expected, r"b'x\n'")
    assert wrong.offset_bytes == 2  # of a socket, the datagrams received


def test_what_a_protocol_says_of_a_reply_is_told():
    """Where the user's own judge says why a datagram cannot be a reply, the refusal repeats it."""

    class Picky(Shout):
        def expected(self, datagram: bytes) -> Matcher:
            def judge(reply: bytes) -> bool:
                if not reply.endswith(b"."):
                    raise MalformedReplyError("no full stop")
                return reply[:-1] == datagram

            return judge

    oracle = Picky().datagram_oracle()
    oracle.sent(b"a")
    with pytest.raises(WrongReplyError, match=r"answers nothing \(no full stop\) at"):
        oracle.receive(b"a")
    oracle.receive(b"a.")


def test_the_oldest_is_given_up_first():
    """No more replies are remembered than the limit; beyond it the oldest counts as lost."""
    oracle = Echo().datagram_oracle()
    for number in range(MAX_OUTSTANDING):
        oracle.sent(b"%d" % number)
    assert oracle.owed == MAX_OUTSTANDING
    oracle.sent(b"last")
    assert oracle.owed == MAX_OUTSTANDING
    oracle.receive(b"1")
    with pytest.raises(WrongReplyError):
        oracle.receive(b"0")
