"""Shares as people write them."""

import pytest

from wireproof.errors import UsageError
from wireproof.load.units import parse_share


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("100%", 1), ("0", 0)])
def test_share(text: str, share: float):
    """A percentage or a fraction."""
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "x", "5ms"])
def test_share_refused(text: str):
    """What is not between 0 and 1 is refused."""
    with pytest.raises(UsageError, match="not a share"):
        parse_share(text)
