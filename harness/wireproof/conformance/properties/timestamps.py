"""What the timestamp-echo protocol requires of its timestamps and chunks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from wireproof.conformance.execution.executor import Outcome
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho, TimestampOracle
from wireproof.results import Level

_SOURCE = "reference_server/PROTOCOL.md"
_FORM = "%b %d %H:%M:%S %Y"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _only_timestamps(subject: Subject) -> str:
    if isinstance(subject.protocol, TimestampEcho):
        return ""
    return "the protocol has no timestamps"


def _only_local(subject: Subject) -> str:
    if not subject.target.is_loopback:
        return "another machine's clock is not ours to judge"
    return _only_timestamps(subject)


def _broken(outcome: Outcome, message: str, expected: str, actual: str) -> Failure:
    return Failure(
        kind=FailureKind.RULE,
        connection=0,
        action=len(outcome.transcript.events),
        message=message,
        expected=expected,
        actual=actual,
    )


def _moments(outcome: Outcome) -> Iterator[tuple[str, datetime | None]]:
    """Yield each timestamp as text, and as a moment where there is such a date."""
    for oracle in outcome.oracles:
        if isinstance(oracle, TimestampOracle):
            for raw in oracle.timestamps:
                text = raw.decode("ascii")
                try:
                    yield text, datetime.strptime(text[4:], _FORM)  # noqa: DTZ007 - local by design
                except ValueError:
                    yield text, None


def _weekday(_: Subject, outcome: Outcome) -> Failure | None:
    for text, moment in _moments(outcome):
        if moment is None:
            return _broken(outcome, "there is no such date", "a date", text)
        expected = _WEEKDAYS[moment.weekday()]
        if text[:3] != expected:
            day = f"{text[4:10]} {text[-4:]}"
            return _broken(outcome, f"{day} is not a {text[:3]}", expected, text[:3])
    return None


def _skew(subject: Subject, outcome: Outcome) -> Failure | None:
    """Judge each timestamp by the whole conversation, and the last one by what was sent last."""
    now = time.time()
    transcript = outcome.transcript
    sent_ns = [event.at_ns for event in transcript.events if event.kind == "send"]
    since_last_sent_s = transcript.seconds - max(sent_ns, default=0) / 1e9
    moments = list(_moments(outcome))
    for number, (text, moment) in enumerate(moments, 1):
        if moment is None:
            continue
        away_s = abs(moment.timestamp() - now)
        taken_s = since_last_sent_s if number == len(moments) else transcript.seconds
        allowed_s = getattr(subject.protocol, "skew_s", 2.0) + taken_s
        if away_s > allowed_s:
            return _broken(
                outcome,
                f"a timestamp is {away_s:.0f} s away from this machine's clock",
                f"within {allowed_s:.1f} s of {time.ctime(now)}",
                text,
            )
    return None


def _monotone(_: Subject, outcome: Outcome) -> Failure | None:
    before = None
    for text, moment in _moments(outcome):
        if moment is None:
            continue
        if before is not None and moment < before[1]:
            return _broken(
                outcome,
                "the timestamps of one connection go back",
                f"{before[0]} or later",
                text,
            )
        before = (text, moment)
    return None


def _plain(subject: Subject) -> Plan:
    return subject.single([b"x"])


@requirement(
    "TS-CHUNK",
    Level.MUST,
    "No chunk is longer than the server's buffer.",
    source=f"{_SOURCE}, on chunks",
    reason="A server that reads more than it promised breaks clients that count on it.",
    unsupported=_only_timestamps,
)
def chunk_size(subject: Subject) -> Iterator[Plan]:
    """Send one byte less, the same, one more, and twice as many, as one segment."""
    buffer = getattr(subject.protocol, "buffer", 1024)
    for size in (buffer - 1, buffer, buffer + 1, 2 * buffer - 1, 2 * buffer, 2 * buffer + 1):
        yield subject.single([subject.sized(size) or b"x"])


@requirement(
    "TS-WEEKDAY",
    Level.MUST,
    "The weekday of a timestamp belongs to its date.",
    source=f"{_SOURCE}, on timestamps",
    reason="Tables of names start on Sunday in C and on Monday in Python.",
    unsupported=_only_timestamps,
    judge=_weekday,
)
def weekday(subject: Subject) -> Iterator[Plan]:
    """Read one timestamp."""
    yield _plain(subject)


@requirement(
    "TS-SKEW",
    Level.MUST,
    "A timestamp is the server's local time at the reply.",
    source=f"{_SOURCE}, on timestamps",
    reason="Time read once at start, UTC for local time, a zone without its summer time.",
    unsupported=_only_local,
    judge=_skew,
    holds=True,
)
def skew(subject: Subject) -> Iterator[Plan]:
    """Read timestamps at once, and after the clock has moved by more than the tolerance."""
    yield _plain(subject)
    wait_s = getattr(subject.protocol, "skew_s", 2.0) + 1.1
    if subject.depth.name != "quick":
        yield subject.single([b"xx"], [1], hold_s=wait_s)


@requirement(
    "TS-MONOTONE",
    Level.MUST,
    "The timestamps of one connection never go back.",
    source=f"{_SOURCE}, on timestamps",
    reason="Several workers or caches of the time may disagree.",
    unsupported=_only_timestamps,
    judge=_monotone,
    holds=True,
)
def monotone(subject: Subject) -> Iterator[Plan]:
    """Read many timestamps over more than a second."""
    yield subject.single([b"x" * 200], range(1, 200))
    if subject.depth.name != "quick":
        yield subject.single([b"xx"], [1], hold_s=1.1)
