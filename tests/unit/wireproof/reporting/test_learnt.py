"""What reports say of a check without a protocol."""

from wireproof.reporting.learnt import learnt_lines, span_row
from wireproof.results import (
    CheckResult,
    Environment,
    LearntResult,
    LearntSpan,
    Level,
    RequirementResult,
    Results,
    Verdict,
    outcome,
)

SPAN = LearntSpan(
    reply="a\x1b, request 1",
    offset=1,
    bytes=2,
    kind="clock",
    judged="not",
    examples=["1", "2", "3"],
)
LEARNT = LearntResult(
    conversations=2,
    plays=12,
    reply_bytes=10,
    exact_share=0.5,
    by_kind_share=0.25,
    judged_share=0.75,
    spans=[SPAN],
    left_out=["one\x1b[2J was left out"],
)


def _results(verdict: Verdict, learnt: LearntResult | None) -> Results:
    line = RequirementResult(id="A", title="A", level=Level.MUST, verdict=verdict)
    check = CheckResult(
        protocol="p",
        depth="quick",
        seed=1,
        seconds=1.0,
        plans=1,
        requirements=[line],
        learnt=learnt,
    )
    nowhere = Environment(host="", kernel="", cpu="", cpus=1, python="", versions={}, sysctls={})
    return Results(
        format=1,
        command="check",
        started_at="",
        environment=nowhere,
        target="t",
        partial=False,
        check=check,
    )


def _lines(verdict: Verdict, learnt: LearntResult | None = LEARNT) -> list[str]:
    results = _results(verdict, learnt)
    assert results.check is not None
    return learnt_lines(results.check, outcome(results))


def test_a_pass_is_said_to_be_what_it_is() -> None:
    """Under every one; where nothing has passed there is nothing to say."""
    right = "Whether they are right is not shown."
    assert any(line.endswith(right) for line in _lines(Verdict.PASS))
    assert not any(line.endswith(right) for line in _lines(Verdict.FAIL))
    assert _lines(Verdict.PASS, None) == []


def test_what_is_judged_and_what_is_left_out_is_told() -> None:
    """Harmless to print, whatever the server said."""
    shares, places, left_out = _lines(Verdict.FAIL)
    assert shares == (
        "50% of 10 reply bytes judged exactly, 25% by their kind, 25% masked;"
        " learnt from 12 plays of 2 conversations"
    )
    assert places == "not byte for byte: 1 place of the replies"
    assert left_out == "one\\x1b[2J was left out"
    assert span_row(SPAN) == ("a\\x1b, request 1", "1", "2", "clock", "masked", "1, 2")
