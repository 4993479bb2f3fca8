"""What was found, in plain sentences, and what to do about it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wireproof.accept_queue.counters import DROPS, OTHER_DROPS, OVERFLOWS
from wireproof.accept_queue.syn_retries import RetrySchedule
from wireproof.results import Burst, Queue, Rung
from wireproof.words import counted

_NOTABLE = 0.9
"""Below this share of the best throughput, the last rung's is worth a word."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the explanation is drawn from.

    Attributes:
        local: whether the server is on this machine and its queue can be read.
        tcp: whether there are SYNs at all; a Unix socket has none.
        queue: what is known of it; `completed_at_once` only when the server was paused.
        not_paused_because: why it was not, as part of a sentence.
        bursts: smallest first.
        counters: by how much the kernel's counters rose meanwhile.
        sysctls: of this machine.
        schedule: when this machine sends a SYN again.
        stuck: connections that nobody accepted between two bursts, which ended the bursts.

    """

    local: bool
    tcp: bool
    queue: Queue
    not_paused_because: str
    bursts: Sequence[Burst]
    counters: Mapping[str, int]
    sysctls: Mapping[str, str]
    schedule: RetrySchedule
    stuck: int = 0

    @property
    def overflowing(self) -> list[Burst]:
        """The bursts that the queue had no room for."""
        return [one for one in self.bursts if one.retransmitted or one.half_open or one.failed]

    @property
    def somaxconn(self) -> int | None:
        """The cap on every backlog, where it is the server's too."""
        text = self.sysctls.get("net.core.somaxconn", "") if self.local else ""
        return int(text) if text.isdigit() else None


def explain(measured: Measured) -> list[str]:
    """Return the sentences, the finding first and the advice last."""
    return [
        *_depth(measured),
        *_late(measured),
        *_bursts(measured),
        *_stuck(measured),
        *_half_open(measured),
        *_causes(measured),
        *_settings(measured),
        *_advice(measured),
    ]


def explain_ladder(rungs: Sequence[Rung]) -> list[str]:
    """Return what the ladder of one serving model showed, lowest number of connections first."""
    if not rungs:
        return []
    return [*_served(rungs), *_climb(rungs)]


def depth_by_connects(bursts: Sequence[Burst]) -> int | None:
    """Return how deep a queue is at most, by the bursts that overflowed it.

    What completed at once was in the queue or accepted meanwhile; it is less than the queue holds
    where connections waited before, so the largest number counts. Where the queue was seen during
    those bursts, the deepest sight is closer.
    """
    overflowing = [one for one in bursts if one.retransmitted]
    peaks = [one.peak_depth for one in overflowing if one.peak_depth is not None]
    if peaks:
        return max(peaks)
    return max((one.completed_at_once for one in overflowing), default=None)


def _depth(measured: Measured) -> Iterator[str]:
    queue, limit = measured.queue, measured.queue.limit
    if queue.completed_at_once is None:
        yield from _depth_unpaused(measured)
    elif queue.depth is None:
        yield (
            f"{counted(queue.completed_at_once, 'connect')} completed although the server was"
            " paused, and its queue never filled: another process accepts too."
        )
    else:
        single = queue.listeners == 1
        holds = "the queue holds" if single else f"{queue.listeners} queues hold"
        plus = "backlog + 1" if single else "backlog + 1 each"
        told = "" if limit is None else f", and the backlog is {limit}"
        before = queue.depth - queue.completed_at_once
        waited = f" ({before} waited before)" if before > 0 else ""
        yield (
            f"{counted(queue.completed_at_once, 'connect')} completed at once while the server was"
            f" kept from accepting{waited}: {holds} {plus}{told}."
        )
    if limit is not None and limit == measured.somaxconn:
        yield (
            f"The backlog equals net.core.somaxconn ({limit}), which caps it:"
            " a larger number in listen() has no effect."
        )


def _depth_unpaused(measured: Measured) -> Iterator[str]:
    deepest = depth_by_connects(measured.bursts)
    limit = measured.queue.limit
    if limit is None:
        known = "is not known" if deepest is None else f"is at most {deepest}, by the connects"
        yield f"The depth of the queue {known}: {measured.not_paused_because}."
        return
    holds = f"The backlog is {limit}, so the queue holds {limit + measured.queue.listeners}."
    if deepest is None:
        yield f"{holds} This was read, not tried: {measured.not_paused_because}."
    else:
        yield (
            f"{holds} Connects overflowed it, and it was seen {deepest} deep. It was not paused to"
            f" count: {measured.not_paused_because}."
        )


def _late(measured: Measured) -> Iterator[str]:
    queue = measured.queue
    if queue.completed_at_once is None or not queue.turned_away:
        return
    first = queue.completed_at_once + 1
    last = queue.completed_at_once + queue.turned_away
    which = f"Connects {first} to {last}" if last > first else f"Connect {first}"
    if not measured.tcp:
        yield f"{which} found it full and were told so at once (EAGAIN)."
    elif not queue.late_us:
        yield f"{which} got no answer: their SYN was dropped, and so were its repeats."
    else:
        rest = queue.turned_away - len(queue.late_us)
        unanswered = f"; {rest} of them had no answer at all" if rest else ""
        yield (
            f"{which} waited {_span(queue.late_us)}, because their SYN was dropped and sent"
            f" again{unanswered}."
        )


def _bursts(measured: Measured) -> Iterator[str]:
    if not measured.bursts:
        return
    largest = measured.bursts[-1]
    if not measured.overflowing:
        yield (
            f"No connect of a burst of up to {largest.connections} had to try again:"
            " the server accepts as fast as they come."
        )
        return
    first = measured.overflowing[0]
    yield f"The smallest burst that did not fit was {first.connections}: {_fate(first)}."
    if largest is not first:
        yield f"Of {largest.connections} at the same instant, {_fate(largest)}."


def _stuck(measured: Measured) -> Iterator[str]:
    if measured.stuck:
        yield (
            f"After that {counted(measured.stuck, 'connection')} stayed in the queue: the server"
            " does not accept now, so larger bursts were left out."
        )


def _fate(burst: Burst) -> str:
    late = sum(number for retries, number in burst.retries.items() if retries != "0")
    parts = [f"{burst.completed_at_once} completed at once"]
    if late:
        share = round(100 * late / burst.connections)
        slowest_s = max(burst.connect_us["times"]) / 1e6
        parts.append(f"{late} ({share} %) had to try again, the slowest for {slowest_s:.2f} s")
    for cause, number in burst.failed.items():
        parts.append(f"{number} failed ({cause})")
    return ", ".join(parts)


def _half_open(measured: Measured) -> Iterator[str]:
    worst = max(measured.bursts, key=lambda one: one.half_open or 0, default=None)
    if worst is not None and worst.half_open:
        yield (
            f"{worst.half_open} connections of the burst of {worst.connections} exist only"
            " for the client: the queue was full when the last step of their handshake"
            " came. A client"
            " that waits for the server to speak first may wait forever."
        )


def _causes(measured: Measured) -> Iterator[str]:
    counters = measured.counters
    if OVERFLOWS not in counters:
        if measured.tcp and measured.overflowing:
            yield (
                "Only connect times are known: the server's own counters cannot be seen from"
                " here, and a SYN that was sent again may also have been lost on the way."
            )
        return
    overflows, drops = counters[OVERFLOWS], counters.get(DROPS, 0)
    others = [
        f"{name} {counters[name]} ({meaning})"
        for name, meaning in OTHER_DROPS.items()
        if counters.get(name)
    ]
    said = f"ListenOverflows rose by {overflows} and ListenDrops by {drops}"
    if others:
        yield f"{said}; other drops were counted too: {'; '.join(others)}."
    elif drops > overflows:
        yield f"{said}: {drops - overflows} drops had another reason than a full queue."
    elif overflows:
        yield f"{said}, and nothing else was dropped: the full queue is the only cause."
    else:
        yield f"{said}: no queue was full, and nothing else was dropped."


def _settings(measured: Measured) -> Iterator[str]:
    if not measured.tcp or not (measured.overflowing or measured.queue.turned_away):
        return
    schedule, sysctls = measured.schedule, measured.sysctls
    steps = ", ".join(f"{at:g}" for at in schedule.at_s[:7])
    more = " ..." if len(schedule.at_s) > 7 else ""
    yield (
        f"This machine sends an unanswered SYN again after {steps}{more} s and gives up after"
        f" {schedule.gives_up_at_s:g} s (tcp_syn_retries"
        f" {sysctls.get('net.ipv4.tcp_syn_retries', '?')}, tcp_syn_linear_timeouts"
        f" {sysctls.get('net.ipv4.tcp_syn_linear_timeouts', '?')})."
    )
    if not measured.local:
        return
    if sysctls.get("net.ipv4.tcp_abort_on_overflow") == "1":
        yield "tcp_abort_on_overflow is 1: a handshake that ends on a full queue is reset."
    else:
        yield (
            "tcp_abort_on_overflow is 0: nobody is refused;"
            " a client that finds the queue full waits."
        )
    bound = sysctls.get("net.ipv4.tcp_max_syn_backlog")
    if bound:
        cookies = sysctls.get("net.ipv4.tcp_syncookies", "0") != "0"
        note = "on: they admit SYNs that the queue then has no room for" if cookies else "off"
        yield (
            f"tcp_max_syn_backlog ({bound}) bounds half-open connections and does not lengthen"
            f" the accept queue; syncookies are {note}."
        )


def _advice(measured: Measured) -> Iterator[str]:
    if measured.overflowing:
        largest = measured.bursts[-1].connections
        cap = measured.somaxconn
        too_low = cap is not None and cap < largest
        raise_cap = f", raise net.core.somaxconn from {cap}" if too_low else ""
        yield (
            f"To take such bursts, call listen() with {largest} or more{raise_cap}, and accept in"
            " a loop that does nothing slow. The backlog bounds what waits, not what is served."
        )


def _served(rungs: Sequence[Rung]) -> Iterator[str]:
    tried = [rung for rung in rungs if rung.served is not None]
    if not tried:
        return
    short = next((rung for rung in tried if rung.served != rung.connections), None)
    if short is None:
        largest = tried[-1].connections
        yield f"All of {largest} connections that asked at the same time had a reply."
        return
    alone = max(rung.served or 0 for rung in tried) == 1
    how = " It serves one connection at a time." if alone else ""
    where = "" if short.waiting is None else f", and {short.waiting} waited in the accept queue"
    yield (
        f"Of {short.connections} connections that asked at the same time, {short.served} had a"
        f" reply{where}.{how}"
    )
    last = tried[-1]
    if last is not short:
        outside = None if last.waiting is None else last.connections - last.waiting
        beyond = outside - (last.served or 0) if outside is not None else 0
        lost = f"; {beyond} were not even in the queue" if beyond > 0 else ""
        yield f"Of {last.connections} it was {last.served}{lost}."


def _climb(rungs: Sequence[Rung]) -> Iterator[str]:
    best = max(rungs, key=lambda rung: rung.throughput_per_s)
    if best.throughput_per_s <= 0:
        return
    last = rungs[-1]
    notable = 0 < last.throughput_per_s < _NOTABLE * best.throughput_per_s
    gain = round(100 * (best.throughput_per_s / last.throughput_per_s - 1)) if notable else 0
    end = f", {gain} % more than at {last.connections}" if notable else ""
    bound = {
        "server": "the server was the limit",
        "generator": "the load generator was the limit, so the server can do more",
        "shared core": "server and load generator shared a core, so the server can do more",
    }.get(best.bottleneck, "it is not clear what the limit was")
    yield (
        f"Throughput was highest at {best.connections}: {best.throughput_per_s:,.0f} requests/s"
        f"{end}; {bound}."
    )


def _span(times_us: Sequence[float]) -> str:
    low, high = f"{min(times_us) / 1e6:.2f}", f"{max(times_us) / 1e6:.2f}"
    return f"{low} s" if low == high else f"{low} to {high} s"
