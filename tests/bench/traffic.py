"""Aligning a megabyte of replies, and what `wireproof record` costs between a client and a server.

The alignment is measured in CPU time. The relay is measured as a ratio: the same conversation with
the reference server, in turns directly and through the relay.
"""

import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.machine import ROOT, spread, write
from wireproof.learning.alignment import align
from wireproof.target import parse_target
from wireproof.wire.reference import ReferenceServer

ROUNDS = 5
MEGABYTE = 1_000_000
ALIGNMENT_CEILING_S = 1.0
ROUND_TRIPS = 5_000
BULK_BYTES = 64 << 20
ROUND_TRIP_FLOOR = 0.15
BULK_FLOOR = 0.1


def main() -> int:
    """Measure, print, and compare with the floors."""
    missed = False
    alignment = {}
    for name, replies in _replies().items():
        seconds = min(_cpu_s(lambda replies=replies: align(replies)) for _ in range(ROUNDS))
        missed |= seconds > ALIGNMENT_CEILING_S
        alignment[name] = seconds
        _say(f"aligning 1 MB, {name:16} {seconds:.3f} s of CPU (at most {ALIGNMENT_CEILING_S:g})")
    relay = {}
    for name, ratios, floor in _relay():
        ratio = spread(ratios)
        missed |= ratio["median"] < floor
        relay[name] = ratio
        _say(
            f"through record, {name:15} {ratio['median']:.2f} of direct"
            f" ({ratio['low']:.2f} - {ratio['high']:.2f}), floor {floor:g}"
        )
    path = write("traffic", {"alignment_cpu_s": alignment, "relay_of_direct": relay})
    _say(f"written to {path.relative_to(ROOT)}")
    return 1 if missed else 0


def _replies() -> dict[str, list[bytes]]:
    """Return two replies of half a megabyte each, of several kinds."""
    chance = random.Random(1)
    lines = [b"line %d at 12:30:00 is %x\n" % (n, chance.getrandbits(64)) for n in range(12500)]
    half = MEGABYTE // 2

    def changed(*, seed: int) -> bytes:
        own, mine = random.Random(seed), list(lines)
        for _ in range(50):
            mine[own.randrange(len(mine))] = b"changed %d\n" % own.getrandbits(30)
            del mine[own.randrange(len(mine))]
        return b"".join(mine)

    data = chance.randbytes(half)
    return {
        "lines": [changed(seed=seed)[:half] for seed in (1, 2)],
        "one line": [changed(seed=seed).replace(b"\n", b" ")[:half] for seed in (1, 2)],
        "repeated lines": [b"the same\n" * (half // 9), b"the same\n" * (half // 9) + b"more\n"],
        "binary, inserted": [data, data[: half // 2] + b"inserted" + data[half // 2 :]],
        "unrelated bytes": [data, chance.randbytes(half + 1)],
    }


def _cpu_s(action: Callable[[], object]) -> float:
    begun_s = time.process_time()
    action()
    return time.process_time() - begun_s


def _relay() -> list[tuple[str, list[float], float]]:
    """Return the ratios of each round, relayed to direct, and their floors."""
    round_trips: list[float] = []
    bulk: list[float] = []
    with ReferenceServer() as server, tempfile.TemporaryDirectory() as folder:
        command = ["record", server.target, "--out", str(Path(folder) / "traffic.wireproof")]
        with subprocess.Popen(
            [sys.executable, "-m", "wireproof", *command, "--max-bytes", "100000000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as relay:
            assert relay.stdout is not None
            relayed = relay.stdout.readline().removeprefix("listening on ").partition(",")[0]
            for _ in range(ROUNDS):
                round_trips.append(_round_trips_s(server.target) / _round_trips_s(relayed))
                bulk.append(_bulk_s(server.target) / _bulk_s(relayed))
            relay.terminate()
    return [
        ("round trips", round_trips, ROUND_TRIP_FLOOR),
        ("bulk", bulk, BULK_FLOOR),
    ]


def _connected(address: str) -> socket.socket:
    target = parse_target(address)
    client = socket.create_connection((target.host, target.port), timeout=60)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _round_trips_s(address: str) -> float:
    with _connected(address) as client:
        begun_s = time.perf_counter()
        for _ in range(ROUND_TRIPS):
            client.sendall(b"x" * 64)
            client.recv(1024)
        return time.perf_counter() - begun_s


def _bulk_s(address: str) -> float:
    """Send chunks as fast as their replies come, a few at a time."""
    chunk = b"x" * 1024
    with _connected(address) as client:
        begun_s = time.perf_counter()
        left, owed = BULK_BYTES // 8, 0
        while left > 0 or owed > 0:
            if left > 0 and owed < 64 * 1024:
                client.sendall(chunk * 16)
                left -= 16 * 1024
                owed += 16 * 1024
            else:
                owed -= len(client.recv(1 << 20))
        return time.perf_counter() - begun_s


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
