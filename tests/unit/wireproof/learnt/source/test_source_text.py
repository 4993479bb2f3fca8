"""Source that people read: it says what was seen, in lines that have room."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.support.learnt_scripts import script
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learnt.source.source_text import (
    LINE_COLUMNS,
    assigned,
    ends_itself,
    of_bytes,
    of_pattern,
    told_spans,
)


def _evaluated(statement: str) -> object:
    found: dict[str, object] = {"re": re}
    exec(statement, found)  # noqa: S102  # source is what is tested
    return found["VALUE"]


def _pattern(*replies: bytes) -> Pattern:
    return script([b"ask\n"], [[one] for one in replies]).lines[0].pattern


@given(st.binary(max_size=300) | st.text("'\"\\\n\r ab", max_size=200).map(str.encode))
def test_any_bytes_are_said_in_lines_with_room(data: bytes) -> None:
    """Whatever quotes and escapes stand in them."""
    statement = assigned("VALUE", of_bytes(data))
    assert _evaluated(statement) == data
    assert max(map(len, statement.splitlines())) <= LINE_COLUMNS


@given(st.binary(max_size=200))
def test_a_constant_matches_itself_alone(data: bytes) -> None:
    """Nothing in it is taken for a special character."""
    regex = _evaluated(assigned("VALUE", of_pattern(_pattern(data, data)), is_regex=True))
    assert isinstance(regex, re.Pattern)
    assert regex.fullmatch(data)
    assert not regex.fullmatch(data + b"!")


def test_what_varies_is_a_form() -> None:
    """A longer number of the same place matches, another word doesn't."""
    pattern = _pattern(*(b"[%d] it's so\n" % number for number in (7, 8, 9, 10, 11, 12)))
    regex = _evaluated(assigned("VALUE", of_pattern(pattern), is_regex=True))
    assert isinstance(regex, re.Pattern)
    assert regex.fullmatch(b"[1000] it's so\n")
    assert not regex.fullmatch(b"[x] it's so\n")
    assert list(told_spans(pattern)) == ["byte 1: counter, such as b'7', b'8'"]
    assert ends_itself(pattern)


def test_an_end_that_varies_is_no_end() -> None:
    """Another digit might follow."""
    assert not ends_itself(_pattern(*(b"so many: %d" % number for number in range(7, 13))))
