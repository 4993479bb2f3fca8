"""How much of the replies a learnt protocol judges, and what a verdict is worth then. Pure."""

from typing import Final

import msgspec

from wireproof.learning.patterns.pattern import SpanRow
from wireproof.learnt.grown import Grown
from wireproof.learnt.scripts import Scripts
from wireproof.results import CheckResult, LearntResult, LearntSpan, Verdict
from wireproof.words import printable

LEAST_SHARE: Final = 0.5
"""Of the reply bytes: where less is judged, that all held says little."""
_MOST_SPANS: Final = 200
_UNASKED_BYTES: Final = 60
_LONGER_BYTES: Final = 24


def learnt_result(scripts: Scripts, plays: int, left_out: list[str]) -> LearntResult:
    """Return what is judged of the replies, for the result file."""
    shares = scripts.shares
    total = shares.total_bytes or 1
    by_kind = sum(shares.by_kind_bytes.values())
    spans = [
        _span(f"{script.name}, request {number}", row)
        for script in scripts.scripts
        for number, line in enumerate(script.lines, 0 if script.greeting else 1)
        for row in line.pattern.table()
    ]
    return LearntResult(
        conversations=len(scripts.scripts),
        plays=plays,
        reply_bytes=shares.total_bytes,
        exact_share=round(shares.exact_bytes / total, 4) if shares.total_bytes else 1.0,
        by_kind_share=round(by_kind / total, 4),
        judged_share=round(shares.judged, 4),
        spans=spans[:_MOST_SPANS],
        left_out=left_out,
        unasked=[printable(one.typical, _UNASKED_BYTES)[2:-1] for one in scripts.unasked],
        longer=[_longer(one) for one in scripts.grown],
        reference=scripts.reference,
    )


def as_far_as_judged(result: CheckResult) -> CheckResult:
    """Return the result, in which nothing has passed where most of the replies are masked."""
    learnt = result.learnt
    if learnt is None or learnt.judged_share >= LEAST_SHARE:
        return result
    why = f"held, but only {100 * learnt.judged_share:.0f} % of the reply bytes are judged"
    return msgspec.structs.replace(
        result,
        requirements=[
            msgspec.structs.replace(line, verdict=Verdict.INCONCLUSIVE, message=why)
            if line.verdict is Verdict.PASS
            else line
            for line in result.requirements
        ],
    )


def _longer(one: Grown) -> str:
    request = one.request
    begin = max(0, request.at - _LONGER_BYTES)
    shown = printable(request.data[begin : request.at])[2:-1]
    before = "…" if begin else ""
    behind = "…" if request.at < len(request.data) else ""
    most = f"'{before}{shown}{behind}' up to {one.most_bytes:,} bytes"
    none = f", and no answer at {one.unanswered_bytes:,}" if one.unanswered_bytes else ""
    return most + none


def _span(reply: str, row: SpanRow) -> LearntSpan:
    return LearntSpan(
        reply=reply,
        offset=row.offset_bytes,
        bytes=row.size_bytes,
        kind=row.kind,
        judged=row.judged,
        examples=[printable(one)[2:-1] for one in row.examples],
    )
