"""Durations and shares as people write them."""

import pytest

from wireproof.errors import UsageError
from wireproof.load.units import parse_seconds, parse_share


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("1.5s", 1.5), ("200ms", 0.2), ("2m", 120), ("1h", 3600), ("5us", 5e-6)],
)
def test_seconds(text: str, seconds: float):
    """A number with a unit; seconds without one."""
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 fortnight", "1e3", "nan"])
def test_seconds_refused(text: str):
    """What is no duration is refused."""
    with pytest.raises(UsageError, match="no duration"):
        parse_seconds(text)


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("100%", 1), ("0", 0)])
def test_share(text: str, share: float):
    """A percentage or a fraction."""
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "x", "5ms"])
def test_share_refused(text: str):
    """What is not between 0 and 1 is refused."""
    with pytest.raises(UsageError, match="no share"):
        parse_share(text)
