import pytest

from wireproof.between.trying.requirements import BETWEEN, REPLY_CUT, REPLY_OCTET
from wireproof.choosing import select
from wireproof.errors import UsageError


def test_names_and_groups() -> None:
    """A group ends with a star; case does not matter; what is skipped is out."""
    found = select(BETWEEN, ["cli-reply-*"], [REPLY_OCTET])
    assert [one.id for one in found] == [REPLY_CUT]
    assert select(BETWEEN, [], []) == BETWEEN


def test_what_there_is_not_is_refused() -> None:
    """A name that fits none, and a choice that leaves none."""
    with pytest.raises(UsageError, match="no requirement 'CLI-RPLY'"):
        select(BETWEEN, ["CLI-RPLY"], [])
    with pytest.raises(UsageError, match="leaves no requirement"):
        select(BETWEEN, [], ["*"])
