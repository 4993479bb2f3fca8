"""Replies in pieces between each other: every byte is one that is owed."""

from hypothesis import given
from hypothesis import strategies as st

from wireproof.learnt.shuffled import Shuffle

REPLIES = st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=5)


def _of(replies: list[bytes]) -> Shuffle:
    shuffle = Shuffle()
    for reply in replies:
        shuffle.owe(reply)
    return shuffle


@given(data=st.data(), replies=st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_whatever_keeps_each_reply_in_itself_is_right(
    data: st.DataObject, replies: list[str]
) -> None:
    """However the replies stand between each other, and nothing is owed at the end."""
    each = [list(one.encode()) for one in replies]
    stream = bytearray()
    while any(each):
        one = data.draw(st.sampled_from([one for one in each if one]))
        stream.append(one.pop(0))
    shuffle = _of([one.encode() for one in replies])
    shuffle.receive_data(bytes(stream))
    assert shuffle.is_right
    assert shuffle.owed == 0


@given(replies=REPLIES, wrong=st.binary(min_size=1, max_size=4))
def test_a_byte_that_nobody_is_owed_is_wrong(replies: list[bytes], wrong: bytes) -> None:
    """Behind all replies, each is."""
    shuffle = _of(replies)
    shuffle.receive_data(b"".join(replies) + wrong)
    assert not shuffle.is_right


def test_a_long_stream_is_not_looked_at() -> None:
    """It would take for ever."""
    shuffle = _of([b"x" * 20_000])
    shuffle.receive_data(b"x" * 20_000)
    assert not shuffle.is_right


def test_many_replies_of_few_kinds_are_a_matter_of_moments() -> None:
    """Work follows the different replies, not how often each is owed: this would take minutes."""
    replies = [b"abcde", b"abcdefghi"] * 400
    shuffle = _of(replies)
    shuffle.receive_data(b"".join(reversed(replies)))
    assert shuffle.is_right
    assert shuffle.owed == 0
