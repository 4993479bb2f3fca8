"""Judgements of short messages are made once, and judged by all that they depend on."""

import pytest

from wireproof.protocols.judging.remembered import (
    LONGEST_REMEMBERED_BYTES,
    MOST_REMEMBERED,
    remembered,
)


def test_what_was_judged_is_known() -> None:
    """The same message is judged once for each of the other arguments; a refusal each time."""
    asked: list[bytes] = []

    @remembered
    def judge(message: bytes, method: str = "") -> str:
        asked.append(message)
        if method == "bad":
            raise ValueError(method)
        return message.decode() + method

    for _ in range(2):
        assert (judge(b"a"), judge(b"a", "x"), judge(b"b")) == ("a", "ax", "b")
        with pytest.raises(ValueError, match="bad"):
            judge(b"c", "bad")
    assert asked == [b"a", b"a", b"b", b"c", b"c"]


def test_no_peer_fills_the_memory() -> None:
    """Long messages are not kept, and of short ones no more than the newest."""
    asked: list[bytes] = []

    @remembered
    def judge(message: bytes) -> None:
        asked.append(message)

    for size in (LONGEST_REMEMBERED_BYTES, LONGEST_REMEMBERED_BYTES + 1):
        judge(bytes(size))
        judge(bytes(size))
    assert len(asked) == 3
    for number in range(MOST_REMEMBERED + 1):
        judge(b"%d" % number)
    asked.clear()
    judge(b"%d" % MOST_REMEMBERED)
    assert not asked
    judge(b"0")
    assert asked == [b"0"]
