from wireproof.results import Verdict


def test_only_failures_are_findings() -> None:
    """FAIL and FLAKY are the server's; the rest is not to be fixed."""
    assert {one for one in Verdict if one.is_finding} == {Verdict.FAIL, Verdict.FLAKY}


def test_only_two_verdicts_say_nothing_of_the_server() -> None:
    """A fault of ours, and what could not be settled."""
    unsettled = {one for one in Verdict if not one.is_settled}
    assert unsettled == {Verdict.ERROR, Verdict.INCONCLUSIVE}


def test_what_needs_a_look_comes_first() -> None:
    """Findings, then what is not settled, then what is weak, absent, or holds."""
    assert list(Verdict) == [
        Verdict.FAIL,
        Verdict.FLAKY,
        Verdict.ERROR,
        Verdict.INCONCLUSIVE,
        Verdict.NON_STRICT,
        Verdict.UNSUPPORTED,
        Verdict.PASS,
    ]
