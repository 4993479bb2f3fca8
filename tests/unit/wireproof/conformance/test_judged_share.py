"""How much is judged, and what a PASS is worth then."""

import secrets

from tests.support.learnt_scripts import constant, script, scripts
from wireproof.conformance.judged_share import as_far_as_judged, learnt_result
from wireproof.learnt.scripts import Scripts
from wireproof.results import CheckResult, Level, RequirementResult, Verdict

DICE = script([b"roll\n"], [[b"%d\n" % number] for number in (3, 1, 6, 1, 5, 3)])


def _checked(learnt: Scripts) -> CheckResult:
    verdicts = (Verdict.PASS, Verdict.FAIL)
    lines = [
        RequirementResult(id=one, title=one, level=Level.MUST, verdict=one) for one in verdicts
    ]
    return CheckResult(
        protocol="learnt.json",
        depth="quick",
        seed=1,
        seconds=1.0,
        plans=1,
        requirements=lines,
        learnt=learnt_result(learnt, 6, []),
    )


def test_a_pass_with_little_judged_is_none() -> None:
    """What failed has failed all the same."""
    dice = script([b"roll\n"], [[secrets.choice([b"1", b"2"]) * 9] for _ in range(60)])
    for learnt, verdict in ((dice, Verdict.INCONCLUSIVE), (constant((b"a", b"b")), Verdict.PASS)):
        found = as_far_as_judged(_checked(scripts(learnt)))
        assert [line.verdict for line in found.requirements] == [verdict, Verdict.FAIL]


def test_the_record_says_where_and_what() -> None:
    """Of each place that isn't judged byte for byte."""
    record = learnt_result(scripts(constant((b"a", b"b")), DICE), 12, ["one was left out"])
    assert record.conversations == 2
    assert [(span.reply, span.offset, span.judged) for span in record.spans] == [
        ("a test, request 1", 0, "not")
    ]
    assert record.spans[0].examples[0] == "3"
    assert record.exact_share + record.by_kind_share == record.judged_share
    assert record.left_out == ["one was left out"]
