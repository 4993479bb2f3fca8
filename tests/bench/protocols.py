"""What a verified request costs the load's CPU, for every built-in protocol.

Each protocol's own mix of requests, or 64 bytes where it has none, on 50 connections. The server is
in C and plays canned replies, the right ones to what these connections send, so that no server is
the limit and none has to be installed. Reported are µs of the client's CPU a request, as the median
of the rounds with quartiles, and how many times as much as echo. The goal, 2 for a protocol of
requests and replies, is no floor. `BENCH_ROUNDS` and `BENCH_SECONDS` say how much is measured.
"""

import os
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tests.bench.loads import load
from tests.bench.machine import compiled, pinned, spread, two_cpus, write
from tests.support.right_replies import right_replies
from wireproof.errors import UsageError
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.drawing import draw_corpus
from wireproof.protocols.base import Protocol, as_sent
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol
from wireproof.protocols.request_reply import RequestReply

ROUNDS = max(2, int(os.environ.get("BENCH_ROUNDS", "5")))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
CONNECTIONS = 50
GOAL = 2.0
_FIRST = "echo"
_LAPS = 2
_FROM_A_FILE = {"dns", "mllp"}
"""Hypothesis draws from numbers that the loaded modules hold: here others than in the load."""


def main() -> int:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        try:
            server = compiled("canned_server.c", scratch)
        except RuntimeError as error:
            _say(f"protocols: left out, since the server is in C and {error}")
            return 0
        costs: dict[str, list[float]] = {}
        files: dict[str, str] = {}
        for name in (_FIRST, *sorted(set(BUILT_IN) - {_FIRST})):
            try:
                files[name] = _requests_file(name, folder)
                (folder / name).write_bytes(_canned(name, files[name]))
                costs[name] = []
            except (UnsuitableError, UsageError) as error:
                _say(f"{name:15} left out: {str(error).splitlines()[0]}")
        for _ in range(ROUNDS):
            for name, samples in costs.items():
                samples.append(_cost_us(name, server, folder / name, files[name]))
    return _conclude(costs)


class UnsuitableError(Exception):
    """A protocol that is not of requests and replies."""


def _requests_file(name: str, folder: Path) -> str:
    """Return the path of a file with the requests, empty where the load draws the same."""
    if name not in _FROM_A_FILE:
        return ""
    drawn = draw_corpus(LoadSpec(target="", protocol=name), find_protocol(name, {}))
    requests = [request for batch in drawn.batches for request in batch.requests]
    path = folder / f"{name}.requests"
    path.write_text("".join(re.sub("..", r"\\x\g<0>", each.hex()) + "\n" for each in requests))
    return str(path)


def _canned(name: str, requests_file: str) -> bytes:
    """Return the server's file: what each connection of a load sends, and the right replies."""
    protocol = find_protocol(name, {})
    if not isinstance(protocol, RequestReply) and name not in {"echo", "timestamp-echo"}:
        raise UnsuitableError("no protocol of requests and replies")
    spec = LoadSpec(target="", protocol=name, users=[CONNECTIONS], requests_file=requests_file)
    corpus = draw_corpus(spec, protocol)
    if any(protocol.pauses(each) for batch in corpus.batches for each in batch.requests):
        raise UnsuitableError("its client waits within a request")
    starts = random.Random(0)  # as the swarm's
    greeting, script, count = b"", b"", 0
    for serial in range(CONNECTIONS):
        ring, batch = corpus.enter(serial, starts.randrange(len(corpus.batches)))
        opening = as_sent(protocol, protocol.opening(), serial)
        batch = first = ring.after(batch)
        lap = [batch.requests]
        while (batch := ring.after(batch)) is not first:
            lap.append(batch.requests)
        sent = [*((request,) for request in opening), *lap * _LAPS]
        greeting, replies = _told(protocol, sent)
        last = count + len(sent) - 1
        for at, (requests, reply) in enumerate(zip(sent, replies, strict=True), count):
            asked = b"".join(requests)
            follows = at + 1 if at < last else last + 1 - len(lap)
            script += struct.pack("=iIII", follows, len(asked), len(reply), 0) + asked + reply
        count += len(sent)
    return struct.pack("=I", len(greeting)) + greeting + script


def _told(protocol: Protocol, sent: Sequence[Sequence[bytes]]) -> tuple[bytes, Iterator[bytes]]:
    """Return the greeting, and the reply to each of what is sent together."""
    requests = [request for together in sent for request in together]
    replies = right_replies(protocol, requests)
    greeting = b"".join(replies[: len(replies) - len(requests)])
    each = iter(replies[len(replies) - len(requests) :])
    return greeting, (b"".join(islice(each, len(together))) for together in sent)


def _cost_us(name: str, server: Path, script: Path, requests_file: str) -> float:
    """Return the client's CPU time for a request."""
    server_cpu, cpu = two_cpus()
    with subprocess.Popen(
        pinned(server_cpu, [str(server), str(script)]), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        target = process.stdout.readline().removeprefix("listening on ").strip()
        spec: dict[str, Any] = {
            "target": target,
            "protocol": name,
            "users": [CONNECTIONS],
            "requests_file": requests_file,
            "seconds": SECONDS,
            "warm_up_s": 1.0,
        }
        try:
            return load(cpu, spec).cpu_us
        finally:
            process.kill()


def _conclude(costs: dict[str, list[float]]) -> int:
    """Print and write; a goal that is missed is told."""
    echo = statistics.median(costs[_FIRST])
    results = {}
    for name, samples in costs.items():
        among = spread(samples)
        times = statistics.median(
            ours / base for ours, base in zip(samples, costs[_FIRST], strict=True)
        )
        word = "met" if times <= GOAL else "missed"
        _say(
            f"{name:15} {among['median']:6.2f} us of CPU a verified request"
            f" ({among['low']:.2f} - {among['high']:.2f}),"
            f" {times:.2f} x echo (goal at most {GOAL:g}, {word})"
        )
        results[name] = {"cpu_us": among, "of_echo": times}
    path = write("protocols", {"echo_us": echo, "goal": GOAL, "protocols": results})
    _say(f"written to {path}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
