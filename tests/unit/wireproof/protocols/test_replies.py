"""What counts as a right reply, and how it is told."""

import re
from typing import Any

import pytest

from wireproof.errors import ProtocolCodeError
from wireproof.protocols.replies import Judge, Reply, matches, replies_of, shown


class Even:
    """A matcher that is an object."""

    def __call__(self, reply: bytes) -> bool:
        """Take replies of even length."""
        return len(reply) % 2 == 0


def full_stop(reply: bytes) -> bool:
    """Take what ends with a full stop."""
    return reply.endswith(b".")


DIGITS = re.compile(rb"\d+")


@pytest.mark.parametrize(
    ("expected", "replies"),
    [
        (None, []),
        ([], []),
        (b"a", [Reply(b"a")]),
        (DIGITS, [Reply(DIGITS)]),
        (full_stop, [Reply(full_stop)]),
        (Reply(b"a", "lane", optional=True), [Reply(b"a", "lane", optional=True)]),
        ([b"a", Reply(b"b", "x")], [Reply(b"a"), Reply(b"b", "x")]),
        ((b"a", b"a"), [Reply(b"a"), Reply(b"a")]),
    ],
)
def test_what_a_request_is_answered_with(expected: Any, replies: list[Reply]):
    """One reply, several in their order, or none; bare ones must come, in the only lane."""
    assert replies_of(expected, full_stop) == replies


@pytest.mark.parametrize(
    ("expected", "did", "instead"),
    [
        (
            5,
            "returned 5",
            "return bytes, a compiled bytes pattern, a function of the reply, or None",
        ),
        ([b"a", "b"], "returned 'b'", "return bytes, a compiled bytes pattern"),
        ("x" * 200, "returned '" + "x" * 79 + "\n", "return bytes"),
        (re.compile("a"), "returned a pattern of text", 'write re.compile(rb"...")'),
        ([b"a", b""], "returned an empty reply", "return None for no reply"),
        (Reply(b""), "returned an empty reply", "return None for no reply"),
    ],
)
def test_what_no_reply_can_be_compared_with(expected: Any, did: str, instead: str):
    """It is told as the fault of the method that returned it, with what to return instead."""
    with pytest.raises(ProtocolCodeError) as caught:
        replies_of(expected, full_stop)
    said = str(caught.value)
    assert said.startswith(f"full_stop {did}")
    assert f"\n{instead}" in said
    assert re.search(r"test_replies\.py:\d+", said)


@pytest.mark.parametrize(
    ("matcher", "reply", "right"),
    [
        (b"a", b"a", True),
        (b"a", b"A", False),
        (DIGITS, b"12", True),
        (DIGITS, b"12a", False),
        (DIGITS, b"a12", False),
        (full_stop, b"a.", True),
        (full_stop, b"a", False),
        (Even(), b"ab", True),
        (Judge(full_stop, "a sentence"), b"a.", True),
        (Judge(full_stop, "a sentence"), b"a", False),
    ],
)
def test_a_reply_is_compared_whole(matcher: Any, reply: bytes, right: bool):
    """Bytes are equal, a pattern matches all of the reply, a function says so."""
    assert matches(matcher, reply, None) is right


def test_a_mask_is_applied_to_both_sides_of_bytes_alone():
    """What the mask makes the same is right; patterns and functions see the reply as it came."""
    mask = bytes.upper
    assert matches(b"Ab", b"aB", mask)
    assert not matches(b"Ab", b"aC", mask)
    assert not matches(re.compile(rb"AB"), b"ab", mask)
    assert matches(bytes.islower, b"ab", mask)


def test_a_mask_that_fails_is_the_users_fault():
    """An error in the mask is told with the mask's own line."""

    def mask(message: bytes) -> bytes:
        raise KeyError(message)

    with pytest.raises(ProtocolCodeError, match=r"mask raised KeyError(.|\n)*test_replies\.py:\d+"):
        matches(b"a", b"b", mask)


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        (b"a\n", r"b'a\n'"),
        (DIGITS, r"a match of b'\\d+'"),
        (Judge(full_stop, "a sentence"), "a sentence"),
        (full_stop, "what full_stop accepts"),
        (Even(), "what Even accepts"),
    ],
)
def test_the_words_for_what_is_right(matcher: Any, words: str):
    """Bytes are escaped, a pattern is quoted, a function is told by its name or its class's."""
    assert shown(matcher) == words
