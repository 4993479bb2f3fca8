"""Durations as people write them."""

import re

import pytest

from wireproof.durations import parse_duration
from wireproof.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("1.5s", 1.5), ("200ms", 0.2), ("2m", 120), (" 2 min ", 120), ("1h", 3600),
     ("5us", 5e-6), ("5µs", 5e-6), ("0", 0)],
)  # fmt: skip
def test_a_number_with_a_unit_or_seconds_without_one(text: str, seconds: float) -> None:
    """Each unit is what people mean by it."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "s", "-1s", "3x", "1 fortnight", "1e3", "nan", "inf", "1.s", "5s5s", "9" * 400, "5S"],
)
def test_what_is_none_is_refused(text: str) -> None:
    """One line says what was wrong and what to write instead."""
    said = re.escape(f"invalid duration {text!r}: write 500ms, 5s or 2m")
    with pytest.raises(UsageError, match=f"^{said}$"):
        parse_duration(text)
