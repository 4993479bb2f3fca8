"""What was found, in a sentence: what goes wrong, when, how often, and by whom."""

from typing import Final

from wireproof.between.findings.judgement import Cause, Judgement
from wireproof.between.runs.judging import last_words
from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import Cut, Direction, told
from wireproof.between.trying.plans import CUTS_OF
from wireproof.between.trying.requirements import UNCUT
from wireproof.words import printable

_BESIDE_BYTES: Final = 12
"""So much is shown of what lies on either side of a cut."""


def sentence(cause: Cause, found: Judgement) -> str:
    """Return what goes wrong, when, and by whom."""
    minimum = cause.minimum
    side = f"{cause.blame.side}: " if cause.blame.side else ""
    said = f" ({last_words(minimum.played)})" if minimum.played.exit_code else ""
    if UNCUT in cause.requirements:
        return (
            f"{side}{minimum.problem.message} each time{said}, uncut and without the relay, with"
            f" {cause.blame.sentence}"
        )
    what = f"{side}{minimum.problem.message}{said}"
    confirmed = f"{minimum.confirmation.failed} of {minimum.confirmation.runs} runs"
    place, others = "", ""
    if len(minimum.schedule.cuts) == 1:
        (cut,) = minimum.schedule.cuts
        place, others = _place(cut, cause, found), _others(cut.direction, found)
    return f"{what}: {minimum.schedule}{place}, {confirmed}{others}; {cause.blame.sentence}"


def waiting(played: Played) -> str:
    """Return who owes what in a run that did not end."""
    for number, (streams, last) in enumerate(zip(played.streams, played.last, strict=True), 1):
        if streams[Direction.REPLY].end and streams[Direction.REQUEST].end:
            continue
        where = f" on connection {number}" if len(played.streams) > 1 else ""
        if last is None:
            return f"nothing was said{where}"
        count = len(streams[last].sizes_bytes)
        if last is Direction.REQUEST:
            return f"the server has not answered request {count}{where}"
        return f"the client waits although reply {count} has been sent whole{where}"
    return "no connection is open"


def _place(cut: Cut, cause: Cause, found: Judgement) -> str:
    """Return how long the message is that a cut is in, and what lies on both its sides."""
    sizes = found.baseline.sizes[cut.direction]
    size = sizes[cut.message - 1] if cut.message <= len(sizes) else 0
    for streams in cause.minimum.played.streams:
        stream = streams[cut.direction]
        begin = sum(stream.sizes_bytes[: cut.message - 1])
        data = bytes(stream.data[begin : begin + sum(stream.sizes_bytes[cut.message - 1 :][:1])])
        before, after = data[: cut.offset][-_BESIDE_BYTES:], data[cut.offset :][:_BESIDE_BYTES]
        if before and after:
            return f" of {size}, {printable(before)} | {printable(after)}"
    return f" of {size}"


def _others(direction: Direction, found: Judgement) -> str:
    """Return how the other single cuts went."""
    tried = found.tried[CUTS_OF[direction]]
    failed = [one.trial.schedule.cuts[0] for one in tried if one.problem is not None]
    if len(failed) == 1 and len(tried) > 1:
        return "; each other cut passes"
    if 1 < len(failed) < len(tried):
        where = told(failed).removeprefix("cut ")
        return f"; {len(failed)} of {len(tried)} single cuts fail: {where}"
    return f"; all {len(tried)} single cuts fail" if len(failed) > 1 else ""
