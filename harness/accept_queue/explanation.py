"""What was found, in plain sentences, and what to do about it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.accept_queue.connects import NO_ANSWER
from harness.accept_queue.counters import DROPS, OTHER_DROPS, OVERFLOWS
from harness.accept_queue.probe import DepthProbe
from harness.accept_queue.syn_retries import RetrySchedule
from harness.results import Burst


@dataclass(frozen=True, slots=True)
class Findings:
    """What the explanation is drawn from.

    Attributes:
        local: whether the server is on this machine and its queue can be read.
        tcp: whether there are SYNs at all; a Unix socket has none.
        limit: the backlog, where it can be read.
        probe: what connects met while the server was paused; None when it was not.
        not_paused_because: why it was not, in a sentence.
        bursts: smallest first.
        counters: by how much the kernel's counters rose meanwhile.
        sysctls: of this machine.
        schedule: when this machine sends a SYN again.

    """

    local: bool
    tcp: bool
    limit: int | None
    probe: DepthProbe | None
    not_paused_because: str
    bursts: Sequence[Burst]
    counters: Mapping[str, int]
    sysctls: Mapping[str, str]
    schedule: RetrySchedule = field(default_factory=lambda: RetrySchedule((), 0.0))

    @property
    def overflowing(self) -> list[Burst]:
        """The bursts that the queue had no room for."""
        return [one for one in self.bursts if one.retransmitted or one.half_open or one.failed]

    @property
    def somaxconn(self) -> int | None:
        """The cap on every backlog, where it is the server's too."""
        text = self.sysctls.get("net.core.somaxconn", "") if self.local else ""
        return int(text) if text.isdigit() else None


def explain(findings: Findings) -> list[str]:
    """Return the sentences, the finding first and the advice last."""
    return [
        *_depth(findings),
        *_late(findings),
        *_bursts(findings),
        *_half_open(findings),
        *_causes(findings),
        *_settings(findings),
        *_advice(findings),
    ]


def depth_by_connects(bursts: Sequence[Burst]) -> int | None:
    """Return how deep a queue is at most, by the bursts that overflowed it.

    What completed at once was either in the queue or accepted meanwhile. Where the queue was seen
    during those bursts, the deepest sight is closer.
    """
    overflowing = [one for one in bursts if one.retransmitted]
    peaks = [one.peak_depth for one in overflowing if one.peak_depth is not None]
    if peaks:
        return max(peaks)
    return min((one.completed_at_once for one in overflowing), default=None)


def _depth(findings: Findings) -> list[str]:
    probe, limit = findings.probe, findings.limit
    if probe is not None and probe.depth is not None:
        queues = "the queue holds" if probe.listeners == 1 else f"{probe.listeners} queues hold"
        told = "" if limit is None else f", and the backlog is {limit}"
        more = "" if not probe.waiting_before else f" ({probe.waiting_before} waited before)"
        plus = "backlog + 1" if probe.listeners == 1 else "backlog + 1 each, in sum"
        sentences = [
            (
                f"{_count(probe.completed_at_once, 'connect')} completed at once while the server was"
                f" kept from accepting{more}: {queues} {plus}{told}."
            )
        ]
    elif probe is not None:
        sentences = [
            (
                f"{_count(probe.completed_at_once, 'connect')} completed although the server was"
                " paused, and its queue never filled: another process accepts too."
            )
        ]
    elif limit is not None:
        sentences = [
            (
                f"The backlog is {limit}, so the queue holds {limit + 1}."
                f" This was read, not tried: {findings.not_paused_because}."
            )
        ]
        if (deepest := depth_by_connects(findings.bursts)) is not None:
            sentences.append(f"While bursts overflowed it, it was seen {deepest} deep.")
    else:
        deepest = depth_by_connects(findings.bursts)
        known = "is not known" if deepest is None else f"is at most {deepest}, by the connects"
        sentences = [f"The depth of the queue {known}: {findings.not_paused_because}."]
    if limit is not None and limit == findings.somaxconn:
        sentences.append(
            f"The backlog equals net.core.somaxconn ({limit}), which caps it:"
            " a larger number in listen() has no effect."
        )
    return sentences


def _late(findings: Findings) -> list[str]:
    probe = findings.probe
    if probe is None or not probe.turned_away:
        return []
    first = probe.completed_at_once + 1
    last = probe.completed_at_once + probe.turned_away
    which = f"connects {first} to {last}" if last > first else f"connect {first}"
    if not findings.tcp:
        return [f"{_capital(which)} found it full and were told so at once (EAGAIN)."]
    if probe.late_s:
        waited = _span(probe.late_s)
        rest = probe.turned_away - len(probe.late_s)
        unanswered = f"; {rest} of them had no answer at all" if rest else ""
        return [
            (
                f"{_capital(which)} waited {waited}, because their SYN was dropped"
                f" and sent again{unanswered}."
            )
        ]
    return [f"{_capital(which)} got no answer: their SYN was dropped, and so were its repeats."]


def _bursts(findings: Findings) -> list[str]:
    if not findings.bursts:
        return []
    largest = findings.bursts[-1]
    overflowing = findings.overflowing
    if not overflowing:
        return [
            (
                f"No connect of a burst of up to {largest.connections} had to try again:"
                " the server accepts as fast as they come."
            )
        ]
    first = overflowing[0]
    sentences = [f"The smallest burst that did not fit was {first.connections}: {_fate(first)}."]
    if largest is not first:
        sentences.append(f"Of {largest.connections} at the same instant, {_fate(largest)}.")
    return sentences


def _fate(burst: Burst) -> str:
    late = sum(number for retries, number in burst.retries.items() if retries != "0")
    parts = [f"{burst.completed_at_once} completed at once"]
    if late:
        share = round(100 * late / burst.connections)
        slowest_s = max(burst.connect_us["times"]) / 1e6
        parts.append(f"{late} ({share} %) had to try again, the slowest for {slowest_s:.2f} s")
    for cause, number in burst.failed.items():
        gave_up = cause == NO_ANSWER
        parts.append(f"{number} had no answer in time" if gave_up else f"{number} failed: {cause}")
    return ", ".join(parts)


def _half_open(findings: Findings) -> list[str]:
    worst = max(findings.bursts, key=lambda one: one.half_open or 0, default=None)
    if worst is None or not worst.half_open:
        return []
    return [
        (
            f"{worst.half_open} of these {worst.connections} connections stand for the client alone:"
            " the queue was full when the last step of their handshake came. A client that waits for"
            " the server to speak first may wait for ever."
        )
    ]


def _causes(findings: Findings) -> list[str]:
    counters = findings.counters
    if not findings.local or OVERFLOWS not in counters:
        if findings.tcp and findings.overflowing:
            return [
                (
                    "The server's own counters cannot be seen from here: a SYN that was sent again may"
                    " also have been lost on the way."
                )
            ]
        return []
    overflows, drops = counters[OVERFLOWS], counters.get(DROPS, 0)
    others = [
        f"{name} {counters[name]} ({meaning})"
        for name, meaning in OTHER_DROPS.items()
        if counters.get(name)
    ]
    said = f"ListenOverflows rose by {overflows} and ListenDrops by {drops}"
    if others:
        return [f"{said}; other drops were counted too: {'; '.join(others)}."]
    if drops > overflows:
        return [f"{said}: {drops - overflows} drops had another reason than a full queue."]
    if not overflows:
        return [f"{said}: no queue was full, and nothing else was dropped."]
    return [f"{said}, and nothing else was dropped: the full queue is the only cause."]


def _settings(findings: Findings) -> list[str]:
    if not findings.tcp or not (findings.overflowing or findings.probe):
        return []
    schedule, sysctls = findings.schedule, findings.sysctls
    steps = ", ".join(f"{at:g}" for at in schedule.at_s[:7])
    more = " ..." if len(schedule.at_s) > 7 else ""
    sentences = [
        (
            f"This machine sends an unanswered SYN again after {steps}{more} s and gives up after"
            f" {schedule.gives_up_at_s:g} s (tcp_syn_retries"
            f" {sysctls.get('net.ipv4.tcp_syn_retries', '?')}, tcp_syn_linear_timeouts"
            f" {sysctls.get('net.ipv4.tcp_syn_linear_timeouts', '?')})."
        )
    ]
    if not findings.local:
        return sentences
    if sysctls.get("net.ipv4.tcp_abort_on_overflow") == "1":
        sentences.append(
            "tcp_abort_on_overflow is 1: a handshake that ends on a full queue is reset."
        )
    else:
        sentences.append(
            "tcp_abort_on_overflow is 0: nobody is refused; who finds the queue full waits."
        )
    bound = sysctls.get("net.ipv4.tcp_max_syn_backlog")
    if bound:
        cookies = sysctls.get("net.ipv4.tcp_syncookies", "0") != "0"
        note = "on: they admit SYNs that the queue then has no room for" if cookies else "off"
        sentences.append(
            f"tcp_max_syn_backlog ({bound}) bounds half-open connections and does not lengthen"
            f" the accept queue; syncookies are {note}."
        )
    return sentences


def _advice(findings: Findings) -> list[str]:
    if not findings.overflowing:
        return []
    largest = findings.bursts[-1].connections
    cap = findings.somaxconn
    raise_cap = f", and net.core.somaxconn from {cap}" if cap and cap < largest else ""
    return [
        (
            f"To take such bursts, call listen() with {largest} or more{raise_cap}, and accept in a"
            " loop that does nothing slow. The backlog bounds what waits, not what is served."
        )
    ]


def _span(times_s: Sequence[float]) -> str:
    low, high = f"{min(times_s):.2f}", f"{max(times_s):.2f}"
    return f"{low} s" if low == high else f"{low} to {high} s"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
