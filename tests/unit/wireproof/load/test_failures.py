"""Every failure has one name."""

import errno

import pytest

from wireproof.causes import Cause
from wireproof.load import failures


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN])
def test_a_way_that_is_missing_has_one_name(number: int):
    """Whether the way was never there or went during a batch, it is called unreachable."""
    assert failures.connect_cause(number) is Cause.UNREACHABLE
    assert failures.transfer_cause(number, mid_frame=True) is Cause.UNREACHABLE
    assert failures.transfer_cause(number, mid_frame=False) is Cause.UNREACHABLE
