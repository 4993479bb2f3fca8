import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.reporting.text import escaped, one_line, preview

_HOSTILE = {
    "\x1b[2J\x1b]0;owned\x07": "\\x1b[2J\\x1b]0;owned\\x07",
    "\x9b31m": "\\x9b31m",
    "a\u202egnp.exe": "a\\u202egnp.exe",
    "pass\u200bword\ufeff": "pass\\u200bword\\ufeff",
    "\u3164\u115f\ufe0f": "\\u3164\\u115f\\ufe0f",
    "\U000e0041": "\\U000e0041",
    "line\u2028break\r": "line\\u2028break\\r",
    "\udcff": "\\udcff",
}


@pytest.mark.parametrize(("text", "shown"), _HOSTILE.items())
def test_what_steers_or_hides_is_written_out(text: str, shown: str) -> None:
    """Escapes, bidi controls, invisible letters and lone surrogates appear as escapes."""
    assert escaped(text) == shown


@given(st.text())
def test_nothing_harmful_is_left(text: str) -> None:
    """No control, format, surrogate or separator character survives, and UTF-8 can carry it."""
    shown = escaped(text)
    shown.encode()
    categories = {unicodedata.category(character) for character in shown}
    assert not categories & {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S"), max_codepoint=0x24F)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    """Letters, digits, signs and punctuation of Latin scripts are not touched."""
    assert escaped(text) == text


def test_few_marks_on_a_letter_stay_and_towers_do_not() -> None:
    """Two combining marks are language, twenty are an attack on the lines above."""
    assert escaped("e\u0301\u0323") == "e\u0301\u0323"
    assert escaped("e" + "\u0301" * 20).count("\\u0301") == 18


def test_long_text_keeps_both_ends() -> None:
    """What is cut out of a long text is counted, and its two ends stay."""
    shown = escaped("a" * 1_000_000 + "z", limit=100)
    assert len(shown) < 150
    assert re.fullmatch("a{75} … 999,901 characters left out … a{24}z", shown)


def test_newlines_stay_only_where_asked() -> None:
    """A block keeps its lines; a line has none."""
    assert escaped("a\nb", keep_newlines=True) == "a\nb"
    assert escaped("a\nb") == "a\\nb"
    assert one_line("a\n  b\n") == "a b"


@given(st.binary(max_size=64))
def test_a_preview_is_printable_ascii(data: bytes) -> None:
    """Any bytes become printable ASCII, cut at the limit with a mark."""
    shown = preview(data, limit=16)
    assert shown.removesuffix("…").isascii()
    assert shown.isprintable()
    assert shown.endswith("…") == (len(data) > 16)
