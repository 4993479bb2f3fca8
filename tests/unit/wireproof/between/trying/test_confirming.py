import pytest

from wireproof.between.trying.confirming import Confirmation
from wireproof.results import Verdict


@pytest.mark.parametrize(
    ("failed", "runs", "uncut_failed", "verdict"),
    [
        (5, 5, 0, Verdict.FAIL),
        (5, 5, 1, Verdict.INCONCLUSIVE),
        (0, 5, 0, Verdict.PASS),
        (3, 20, 0, Verdict.INCONCLUSIVE),
        (9, 20, 0, Verdict.FLAKY),
        (9, 20, 2, Verdict.INCONCLUSIVE),
    ],
)
def test_a_finding_needs_uncut_runs_that_hold(
    failed: int, runs: int, uncut_failed: int, verdict: Verdict
) -> None:
    """Each time is a FAIL; now and then is one where chance can't be it."""
    assert Confirmation(failed, runs, uncut_failed).verdict is verdict
