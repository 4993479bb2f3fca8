"""What all oracles share: safe words, and the bookkeeping of what is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols.oracle import SentRequests, WrongReplyError


def test_a_wrong_reply_in_one_line():
    """The message has the problem, the place and both sides; each can be asked for alone."""
    wrong = WrongReplyError("wrong reply", expected="b'a'", actual="b'b'", offset_bytes=7)
    assert str(wrong) == "wrong reply at byte 7: expected b'a', got b'b'"
    assert (wrong.problem, wrong.expected, wrong.actual, wrong.offset_bytes) == (
        "wrong reply",
        "b'a'",
        "b'b'",
        7,
    )


@given(st.lists(st.integers(1, 20), min_size=1, max_size=10), st.data())
def test_requests_complete_with_their_last_byte(sizes: list[int], data: st.DataObject):
    """However sending is cut, a request is complete as soon as all up to its end is sent."""
    requests = SentRequests()
    for size in sizes:
        requests.announce(size)
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    assert requests.announced_bytes == ends[-1]
    sent = 0
    while sent < ends[-1]:
        count = data.draw(st.integers(1, ends[-1] - sent))
        completed = requests.sent(count)
        assert completed == sum(sent < end <= sent + count for end in ends)
        sent += count
        assert requests.sent_bytes == sent
        assert requests.completed_bytes == max((end for end in ends if end <= sent), default=0)


def test_more_than_was_announced_is_refused():
    """Sending what nobody announced is a mistake of ours, told with both numbers."""
    requests = SentRequests()
    requests.announce(2)
    assert requests.sent(2) == 1
    requests.announce(3)
    with pytest.raises(ValueError, match=r"^6 bytes sent, only 5 were announced$"):
        requests.sent(4)
