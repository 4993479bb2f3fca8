"""Result records as the engines would write them, for the tests of reports."""

import base64
import json
import math
import random
from functools import cache
from pathlib import Path

import msgspec

from wireproof.results import (
    FORMAT,
    BacklogResult,
    Boundary,
    BoundaryMap,
    Burst,
    CauseResult,
    CheckResult,
    Delivery,
    Environment,
    Level,
    LoadResult,
    LoadStage,
    Percentiles,
    Queue,
    RequirementResult,
    Results,
    Rung,
    Second,
    Verdict,
)

LADDER = (1, 10, 25, 40, 50, 51, 60, 75, 100)
MODELS = {"one-at-a-time": 9_000, "process-each": 75_000, "pre-forked": 200_000}
ENVIRONMENT = Environment(
    host="testbed",
    kernel="Linux 6.18.5",
    cpu="Imaginary CPU @ 3 GHz",
    cpus=2,
    python="CPython 3.12.4",
    versions={"wireproof": "0.1.0", "locust": "2.47.0"},
    sysctls={"net.core.somaxconn": "4096"},
)


def requirement(
    identifier: str, verdict: Verdict = Verdict.PASS, message: str = "", **fields: object
) -> RequirementResult:
    """Return one line of a verdict matrix."""
    values: dict[str, object] = {
        "title": f"What {identifier} asks for holds",
        "level": Level.MUST,
        "delivery": Delivery.CONFIRMED,
        "examples": 120,
        "seconds": 0.31,
        "source": "PROTOCOL.md 3.1",
    }
    return RequirementResult(
        id=identifier, verdict=verdict, message=message, **{**values, **fields}
    )  # type: ignore[arg-type]


def check(*requirements: RequirementResult) -> CheckResult:
    """Return a check with these requirements, or with one of each verdict and many that pass."""
    lines = list(requirements) or [
        *(requirement(f"SEG-{number:02d}") for number in range(1, 9)),
        requirement(
            "SEG-09",
            Verdict.FAIL,
            "with a cut at offset 1 of 5 the server closed the connection, 10 of 10 times",
            expected="the reply frame for b'hello', then silence",
            actual="end of stream after 0 bytes",
            evidence=["evidence/SEG-09/replay.json", "evidence/SEG-09/replay.py"],
        ),
        requirement("CON-01"),
        requirement("CON-02", Verdict.FLAKY, "replies were mixed up, 3 of 10 times"),
        requirement("CON-03", Verdict.INCONCLUSIVE, "the time budget ended after 12 of 200 cases"),
        requirement(
            "CLO-01", Verdict.NON_STRICT, "a half-close ends the connection", level=Level.SHOULD
        ),
        requirement("CLO-02", Verdict.ERROR, "no descriptors left"),
        requirement("TLS-01", Verdict.UNSUPPORTED, "the target is not TLS", delivery=None),
    ]
    boundaries = [Boundary(offset_bytes=at, tried=3, failed=3 * (at == 1)) for at in range(1, 12)]
    return CheckResult(
        protocol="timestamp-echo",
        depth="default",
        seed=20_251_123,
        seconds=7.9,
        plans=1_840,
        requirements=lines,
        boundary_maps=[
            BoundaryMap(
                requirement="SEG-09",
                conversation=b"hello\r\nworld".hex(),
                length_bytes=12,
                boundaries=boundaries,
            )
        ],
    )


def check_with_causes() -> CheckResult:
    """Return a check with two causes: the first of three requirements, one of them a SHOULD."""
    cut = "wrong reply at byte 0 of the replies, when the cut falls after byte 1"
    late = "the server fell silent with 1 reply owed, whenever request 101 of a connection is sent"
    evidence = ["evidence/SEG-SINGLE/replay.json", "evidence/SEG-SINGLE/replay.py"]
    shown: dict[str, object] = {"cause": "C1", "evidence": evidence, "expected": "b'A'"}
    lines = (
        requirement("CLOSE-X", Verdict.NON_STRICT, cut, level=Level.SHOULD, **shown),
        requirement("SEG-SINGLE", Verdict.FAIL, cut, **shown),
        requirement("SEG-PAIRS", Verdict.FAIL, cut, **shown),
        requirement("SLOW-LOSS", Verdict.FLAKY, late, cause="C2"),
        requirement("CON-03", Verdict.INCONCLUSIVE, "the time budget ended after 12 of 200 cases"),
        requirement("FRAME-EXACT"),
    )
    causes = [
        CauseResult(id="C2", sentence=late, requirements=["SLOW-LOSS"], confirmed="3/5"),
        CauseResult(
            id="C1",
            sentence=cut,
            requirements=["SEG-SINGLE", "CLOSE-X", "SEG-PAIRS"],
            evidence=evidence,
            confirmed="5/5",
        ),
    ]
    return msgspec.structs.replace(check(*lines), causes=causes)


def percentiles(scale_us: float, number: int = 100_000) -> Percentiles:
    """Return a long-tailed distribution around `scale_us`."""
    return Percentiles(
        p50=scale_us,
        p90=scale_us * 1.6,
        p99=scale_us * 3.1,
        p99_9=scale_us * 9,
        max=scale_us * 40,
        mean=scale_us * 1.15,
        count=number,
    )


@cache
def latency_histogram(scale_us: float, number: int = 20_000, seed: int = 1) -> str:
    """Return an encoded HDR histogram of log-normal latencies around `scale_us`."""
    from hdrh.histogram import HdrHistogram

    draw = random.Random(seed)
    histogram = HdrHistogram(1, 60_000_000, 3)
    for _ in range(number):
        histogram.record_value(max(1, round(scale_us * math.exp(draw.gauss(0, 0.5)))))
    return histogram.encode().decode()


def stage(users: int, throughput_per_s: float, *, histograms: bool = False) -> LoadStage:
    """Return a stage of steady load."""
    service_us = users / throughput_per_s * 1e6
    scales = {"service": service_us, "scheduled": service_us * 1.3, "wire": service_us * 0.4}
    return LoadStage(
        users=users,
        seconds=5.0,
        requests=int(throughput_per_s * 5),
        failures={},
        throughput_per_s=throughput_per_s,
        latency_us={kind: percentiles(scale) for kind, scale in scales.items()},
        bottleneck="server" if users > 10 else "undetermined",
        histograms=(
            {kind: latency_histogram(scale) for kind, scale in scales.items()} if histograms else {}
        ),
    )


def series(throughput_per_s: float, seconds: int = 20, seed: int = 7) -> list[Second]:
    """Return one record a second, noisy by 3 %, with a queue that fills once."""
    draw = random.Random(seed)
    return [
        Second(
            at_s=float(at),
            users=50,
            requests=round(throughput_per_s * draw.gauss(1, 0.03)),
            failures=4 if at == 9 else 0,
            p50_us=draw.gauss(240, 10),
            p99_us=draw.gauss(900, 60),
            max_us=draw.gauss(4000, 500),
            p90_us=draw.gauss(480, 20),
            p99_9_us=draw.gauss(2_000, 200),
            phase="warm-up" if at <= 2 else "steady",
            queue_depth=51 if at == 9 else draw.randrange(4),
            overflows=9 if at == 9 else 0,
        )
        for at in range(1, seconds + 1)
    ]


def load(throughput_per_s: float = 180_000, *, seed: int = 7) -> LoadResult:
    """Return a closed-loop load run in four stages."""
    stages = [
        stage(users, throughput_per_s * share, histograms=users == 50)
        for users, share in ((1, 0.15), (10, 0.7), (25, 0.9), (50, 1.0))
    ]
    last = stages[-1]
    return LoadResult(
        users=50,
        seconds=20.0,
        requests=sum(part.requests for part in stages),
        failures={"timeout": 3, "reset before reply": 1},
        throughput_per_s=throughput_per_s,
        latency_us=last.latency_us,
        bottleneck="server",
        histograms=last.histograms,
        series=series(throughput_per_s, seed=seed),
        stages=stages,
        slo=[
            {"expression": "p99<5ms", "measured": "861 µs", "met": True},
            {"expression": "error_rate<0.0001%", "measured": "0.0002%", "met": False},
        ],
    )


def backlog() -> BacklogResult:
    """Return what a listener with `listen(50)` shows, and a ladder of three models."""
    times = [round(20 + index * 1.5, 1) for index in range(51)]
    times += [1_020_000.0 + index * 40 for index in range(9)]
    return BacklogResult(
        queue=Queue(limit=50, depth=51, source="sock_diag"),
        burst=[
            Burst(
                connections=60,
                completed_at_once=51,
                retransmitted=9,
                retries={"0": 51, "1": 9},
                failed={},
                connect_us={
                    "percentiles": msgspec.to_builtins(percentiles(60, 60)),
                    "times": times,
                },
            )
        ],
        ladder=[
            Rung(
                model=model,
                connections=connections,
                throughput_per_s=peak * (1 - math.exp(-connections / 8)),
                latency_us={"service": percentiles(connections / peak * 1e6)},
                failures={"timeout": 2} if model == "one-at-a-time" and connections > 51 else {},
                bottleneck="generator" if model == "pre-forked" else "server",
            )
            for model, peak in MODELS.items()
            for connections in LADDER
        ],
        explanation=[
            "The accept queue holds 51 connections: backlog 50 plus one, as Linux counts.",
            "9 of 60 connects had to send their SYN again after 1 s: raise the backlog to 64.",
        ],
        counters={"ListenOverflows": 9, "ListenDrops": 9},
        sysctls={"net.core.somaxconn": "4096"},
        syn_retries_at_s=[1.02, 2.04, 3.06, 4.1, 5.2, 7.3],
    )


def results(command: str = "run", **parts: object) -> Results:
    """Return a result file with the parts given, or with all of them."""
    values: dict[str, object] = {
        "environment": ENVIRONMENT,
        "target": "tcp://127.0.0.1:28812",
        "partial": False,
    }
    chosen = parts or {"check": check(), "load": load(), "backlog": backlog()}
    return Results(
        format=FORMAT,
        command=command,
        started_at="2025-11-23T14:52:00+00:00",
        **{**values, **chosen},
    )  # type: ignore[arg-type]


def write_evidence(folder: Path) -> None:
    """Write the evidence that the failing requirement of `check()` names."""
    place = folder / "evidence" / "SEG-09"
    place.mkdir(parents=True)
    moved = [
        (0, "open", b""),
        (180_000, "send", b"h"),
        (520_000_000, "send", b"ello\r\n"),
        (520_400_000, "receive", b"[Sun Nov 23 14:52:00 2025] h"),
        (520_700_000, "half-close", b""),
        (521_000_000, "end", b""),
    ]
    events = [
        {
            "at_ns": at,
            "connection": 0,
            "kind": kind,
            "data": base64.b64encode(data).decode(),
            "note": "",
        }
        for at, kind, data in moved
    ]
    replay = {"format": 1, "events": events, "failure": {"connection": 0, "kind": "end of stream"}}
    (place / "replay.json").write_text(json.dumps(replay))
    (place / "replay.py").write_text('print("</script><script>alert(1)</script>")\n')
