"""Causes of failures are values, each with what to do about it."""

from wireproof.causes import Cause


def test_each_cause_has_a_hint_but_the_one_that_is_unknown():
    """What a sample alone can tell has none; every other cause says what to do."""
    assert [cause for cause in Cause if not cause.hint] == [Cause.OTHER]
