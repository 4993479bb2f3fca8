"""The outbox: everything leaves, in order, cut where it is to be cut, and not before its time."""

from hypothesis import given
from hypothesis import strategies as st

from wireproof.load.workload.outbox import Outbox

REQUESTS = st.lists(st.binary(max_size=8), max_size=4)
OFFSETS = st.sets(st.integers(1, 32)).map(sorted)


@given(REQUESTS, OFFSETS, OFFSETS, st.integers(1, 5))
def test_everything_leaves_in_order_and_no_piece_crosses_a_cut(
    requests: list[bytes], pauses: list[int], cuts: list[int], takes: int
):
    """Whatever the kernel takes of each piece, the bytes are the requests', cut as was asked."""
    outbox, left = Outbox(requests, pauses, cuts), b""
    while outbox:
        assert outbox.may_go_on(settled=True)
        assert outbox.may_go_on(settled=False) == (len(left) not in pauses)
        piece = bytes(outbox.next_piece())
        assert piece
        assert not any(len(left) < at < len(left) + len(piece) for at in (*pauses, *cuts))
        taken = piece[:takes]
        outbox.took(len(taken))
        left += taken
    assert left == b"".join(requests)
    assert not outbox.may_go_on(settled=True)


def test_a_piece_is_as_long_as_it_may_be():
    """Nothing is cut where nobody asked for it."""
    outbox = Outbox([b"abc", b"defg"], pauses=[3], cuts=[5])
    pieces = []
    while outbox:
        pieces.append(bytes(outbox.next_piece()))
        outbox.took(len(pieces[-1]))
    assert pieces == [b"abc", b"de", b"fg"]


def test_a_value_is_put_where_it_belongs():
    """Into what has not left yet, and only there."""
    outbox = Outbox([b"abc", b"d__g"], pauses=[3])
    outbox.took(3)
    outbox.put([(4, b"e"), (5, b"f")])
    assert bytes(outbox.next_piece()) == b"defg"
    assert outbox.payload == b"abcdefg"
