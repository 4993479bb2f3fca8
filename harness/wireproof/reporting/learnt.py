"""What all reports say of a check that was given no protocol: what it judged the replies by."""

from wireproof.reporting.text import escaped, one_line
from wireproof.results import CheckResult, LearntResult, LearntSpan, Outcome, Verdict
from wireproof.words import counted

SPAN_HEADINGS = ("reply", "byte", "size", "taken for", "judged", "examples")
_EXAMPLE_CHARACTERS = 44


def learnt_lines(check: CheckResult, found: Outcome) -> list[str]:
    """Return what was judged, how well, what was not, and what is not shown; harmless to print."""
    learnt = check.learnt
    if learnt is None:
        return []
    lines = [f"{_shares(learnt)}; {_from(learnt)}"]
    if learnt.spans:
        lines.append(f"not byte for byte: {counted(len(learnt.spans), 'place')} of the replies")
    if learnt.unasked:
        shown = ", ".join(f"'{one}'" for one in learnt.unasked)
        lines.append(f"sent unasked, so part of no reply: {shown}")
    if learnt.longer:
        lines.append(f"sent longer than seen: {', '.join(learnt.longer)}")
    lines += learnt.left_out
    if any(verdict is Verdict.PASS for verdict in found.verdicts):
        right = f"{learnt.reference}'s" if learnt.reference else "those to whole requests"
        lines.append(f"PASS means: the replies equal {right}. Whether they are right is not shown.")
    return [one_line(line) for line in lines]


def span_row(span: LearntSpan) -> tuple[str, ...]:
    """Return a place's row below `SPAN_HEADINGS`, harmless to print."""
    examples = ", ".join(escaped(one, limit=_EXAMPLE_CHARACTERS) for one in span.examples[:2])
    judged = "masked" if span.judged == "not" else span.judged
    cells = (span.reply, f"{span.offset:,}", f"{span.bytes:,}", span.kind, judged)
    return (*(escaped(cell, limit=80) for cell in cells), examples)


def _shares(learnt: LearntResult) -> str:
    if not learnt.reply_bytes:
        return "no reply bytes"
    kinds = sorted({span.kind for span in learnt.spans if span.judged == "by kind"})
    by_kind = f" ({', '.join(kinds)})" if kinds else ""
    return (
        f"{learnt.exact_share:.0%} of {counted(learnt.reply_bytes, 'reply byte')} judged exactly,"
        f" {learnt.by_kind_share:.0%} by their kind{by_kind}, {1 - learnt.judged_share:.0%} masked"
    )


def _from(learnt: LearntResult) -> str:
    where = f" with {learnt.reference}" if learnt.reference else ""
    return (
        f"learnt from {counted(learnt.plays, 'play')}{where} of"
        f" {counted(learnt.conversations, 'conversation')}"
    )
