"""What is found out once, before the catalogue: what later plans may build on."""

import time
from collections.abc import Iterator
from dataclasses import replace

from wireproof.conformance.execution.executor import LATE_S, Executor, Outcome
from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Malformed,
    Open,
    Plan,
    Send,
    SendLast,
)
from wireproof.conformance.properties.streams.refusal import malformed_examples
from wireproof.conformance.requirements import needs_half_close
from wireproof.conformance.search.pace import SLOW_S
from wireproof.conformance.subject import Subject
from wireproof.errors import CannotRunError
from wireproof.protocols.base import overrides
from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.wire.connecting import speaks_tls
from wireproof.wire.kernel.process import waited_s

_TIMEOUT_S = 1.0
_AFTER_SILENCE_S = 0.25
_RUN = 128
_RUNS = 3
_RUN_S = 0.5
_LONG_RUN = 2048
_LONG_RUN_S = 0.25
_LEAST_S = 1e-6
_SHORT_BYTES, _LONG_BYTES = 16, 512  # longer ones are for the catalogue to try: some end a server
_REQUESTS_TRIED = 6
_MALFORMED_TRIED = 3
_HALF_CLOSES_TRIED = 10
_ENDS_AT_ONCE_S = 0.5
_USUAL_BYTES = range(4, 65)


def settled(executor: Executor, subject: Subject) -> Subject:
    """Return the subject with what this server does: plain request, half-close, concurrency.

    Raises:
        CannotRunError: nothing listens for datagrams there, what answers nothing speaks TLS, or
            this machine lacks what a connection needs.
        ProtocolCodeError: the protocol's own code is at fault.

    """
    if not subject.target.is_stream:
        failure = executor.execute(subject.plain()).failure
        if failure is not None and failure.kind is FailureKind.NO_CONNECTION:
            raise CannotRunError(
                f"nothing answers on {subject.target}: {failure.actual}", "start the server first"
            )
        return subject

    probes = _Probes(executor)

    def holds(plan: Plan) -> bool:
        return probes.outcome(plan).failure is None

    # Hypothesis's simplest request is not what anybody sends: a server that ignores one NUL byte
    # has a fault, and can still be judged by all else.
    plain = next((one for one in _plain_requests(subject) if holds(single([one]))), None)
    if plain is None:
        if speaks_tls(subject.target):
            where = str(subject.target)
            raise CannotRunError(f"{where} speaks TLS", f"write {where.replace('tcp', 'tls', 1)}")
        return subject
    smallest = subject.smallest if holds(single([subject.smallest])) else plain
    half_close = not needs_half_close(subject) and holds(
        single([plain], ending=(HalfClose, AwaitEnd))
    )
    beside_idle = (Open(0), Open(1), Send(1, len(plain)), Await(1), Close(1), Close(0))
    concurrent = subject.protocol.connections > 1 and holds(Plan(((), (plain,)), beside_idle))
    burden = executor.burden(_TIMEOUT_S)
    greeting_s = _greeting_s(probes, plain)
    request_s = _pace_s(probes, subject, smallest, greeting_s)
    short_s = _exchange_s(probes, single([plain]), greeting_s)
    ended = single([plain], ending=(HalfClose, AwaitEnd))
    ended_s = _exchange_s(probes, ended, greeting_s) if half_close else 0.0
    long = subject.sized(_LONG_BYTES)
    long_s = 0.0 if long is None else _exchange_s(probes, single([long]), greeting_s)
    return replace(
        subject,
        plain_request=plain,
        smallest=smallest,
        half_close=half_close,
        concurrent=concurrent,
        sees_server=burden.is_seen,
        rests=burden.is_seen and burden.rests(),
        echoes=_echoes(probes, subject),
        greeting_s=greeting_s,
        request_s=request_s,
        exchange_s=max(short_s, long_s, ended_s),
        ends_late=ended_s > short_s + LATE_S,
        byte_s=(long_s - short_s) / _LONG_BYTES if long_s > short_s + SLOW_S else 0.0,
        ends_after=_ends_after(probes, subject, smallest, request_s),
    )


class _Probes:
    """Conversations held to get to know a server: one that falls silent is waited for once."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._timeout_s = _TIMEOUT_S

    def outcome(self, plan: Plan) -> Outcome:
        """Hold a conversation."""
        outcome = self._executor.execute(plan, self._timeout_s)
        if outcome.failure is not None and outcome.failure.kind is FailureKind.SILENCE:
            self._timeout_s = _AFTER_SILENCE_S
        return outcome


def settled_behind(through: Executor, direct: Executor, subject: Subject) -> Subject:
    """Return the subject with what the server behind shows: its connections, and what ends one.

    Args:
        through: executes through what stands between.
        direct: executes on the server behind.
        subject: settled, through what stands between.

    """
    behind = direct.target
    ended_by = [
        data
        for data in malformed_examples(subject)[:_MALFORMED_TRIED]
        if direct.execute(
            Plan(((),), (Open(0), Malformed(0, data), AwaitEnd(0))), _ENDS_AT_ONCE_S
        ).failure
        is None
    ]
    request = subject.plain_request
    at_once = Plan(((request,),), (Open(0), SendLast(0, len(request)), AwaitEnd(0)))
    half_close = subject.half_close and behind.scheme != "tls"
    return replace(
        subject,
        behind=behind,
        # What takes one end for both loses a reply in a race that it wins at times.
        half_close=half_close
        and all(
            through.execute(at_once, _TIMEOUT_S).failure is None for _ in range(_HALF_CLOSES_TRIED)
        ),
        sees_behind=direct.resources().sees_connections,
        ended_by=tuple(ended_by),
    )


def _echoes(probes: _Probes, subject: Subject) -> bool:
    """Say whether replies grow with their requests, by half of what those do at least."""
    short, long = subject.sized(_SHORT_BYTES), subject.sized(_LONG_BYTES)
    if short is None or long is None:
        return False

    def answered_bytes(request: bytes) -> int:
        events = probes.outcome(single([request])).transcript.events
        return sum(len(one.data) for one in events if one.kind == "receive")

    return answered_bytes(long) - answered_bytes(short) >= (len(long) - len(short)) // 2


def _greeting_s(probes: _Probes, plain: bytes) -> float:
    """Return how long the server takes before it greets a client; 0 where it doesn't."""
    events = probes.outcome(single([plain])).transcript.events
    first = next((one for one in events if one.kind in {"send", "receive"}), None)
    return first.at_ns / 1e9 if first is not None and first.kind == "receive" else 0.0


def _exchange_s(probes: _Probes, plan: Plan, greeting_s: float) -> float:
    """Return how long a conversation takes at most times, the quickest third left out; 0 if wrong.

    A few that are fast show that a server is; one alone is chance where delays vary. That it is
    slow, a busy machine may show as well: the server waits for a CPU as we do, and both are left
    out. What it takes before a greeting is known by now.
    """
    took_s: list[float] = []
    while len(took_s) < _RUNS * _RUNS:
        begun_s, before_s = time.monotonic(), waited_s()
        if probes.outcome(plan).failure is not None:
            return 0.0
        without_cpu_s = 2 * (waited_s() - before_s)
        took_s = sorted([*took_s, max(0.0, time.monotonic() - begun_s - without_cpu_s)])
        if len(took_s) >= _RUNS and took_s[_RUNS - 1] < greeting_s + SLOW_S:
            break
    return took_s[_RUNS - 1]


def _pace_s(probes: _Probes, subject: Subject, request: bytes, greeting_s: float) -> float:
    """Return how long a request takes in a run, or by itself where that is all there may be."""
    protocol = subject.protocol
    many = protocol.pipelining and not protocol.one_request

    def took_s(count: int) -> float | None:
        begun_s = time.monotonic()
        if probes.outcome(single([request] * count)).failure is not None:
            return None  # that is the time of our patience, not of the server
        return max(time.monotonic() - begun_s - greeting_s, _LEAST_S)

    def least_s(count: int) -> float | None:
        first_s = took_s(count)
        if first_s is None:
            return None
        return min(first_s, *filter(None, (took_s(count) for _ in range(_RUNS - 1))))

    alone_s = least_s(1)
    if alone_s is None:
        return 0.0
    if not many:
        return alone_s
    # A slow server is not kept busy for long to learn that it is slow.
    count = min(_RUN, protocol.most_requests, max(1, int(_RUN_S / alone_s)))
    in_run_s = least_s(count)
    return alone_s if in_run_s is None else in_run_s / count


def _ends_after(probes: _Probes, subject: Subject, request: bytes, request_s: float) -> int:
    """Return after how many requests this server says that it ends a connection.

    nginx does so after a thousand, Apache's after a hundred, as they may (RFC 9112 section 9.6).
    What is still sent then may meet a reset, which takes replies that were on their way with it.
    """
    protocol = subject.protocol
    most = subject.most_requests
    if not isinstance(protocol, RequestReplyHooks) or protocol.conversations():
        return most
    if not overrides(protocol, RequestReplyHooks, "closes"):
        return most
    count = min(most, _LONG_RUN, int(_LONG_RUN_S / max(request_s, _LEAST_S)))
    outcome = probes.outcome(single([request] * count, lock_step=True))
    if not any(one.ended for one in outcome.oracles):
        return most
    kinds = [event.kind for event in outcome.transcript.events]
    while kinds and kinds[-1] != "receive":  # what was sent behind the last reply
        kinds.pop()
    return max(1, kinds.count("send"))


def _plain_requests(subject: Subject) -> Iterator[bytes]:
    """Yield what an ordinary user would send first, then what else there is."""
    yield subject.plain_request
    usual = [one for one in subject.requests if len(one) in _USUAL_BYTES]
    yield from usual[len(usual) // 2 :][:_REQUESTS_TRIED]
    yield from subject.requests[:_REQUESTS_TRIED]
