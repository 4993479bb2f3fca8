"""The file that `tests/bench/canned_server.c` plays: what a load sends, and the right replies."""

import contextlib
import copy
import random
import re
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.machine import pinned
from tests.support.right_replies import in_steps, right_replies
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.drawing import draw_corpus
from wireproof.protocols.base import Protocol, as_sent
from wireproof.protocols.built_in.amqp.frames import HEAD_BYTES, Method, frame_end, read
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.oracle import Oracle, WrongReplyError

_LAPS = 2
_METHOD_BYTES = 4
_FROM_A_FILE = {"dns", "json-rpc", "mllp"}
"""Hypothesis draws from numbers that the loaded modules hold: here others than in the load."""


def requests_file(name: str, folder: Path) -> str:
    """Return the path of a file with the requests, empty where the load draws the same.

    Raises:
        UsageError: no load speaks this protocol.

    """
    if name not in _FROM_A_FILE:
        return ""
    drawn = draw_corpus(LoadSpec(target="", protocol=name), find_protocol(name, {}))
    requests = [request for batch in drawn.batches for request in batch.requests]
    path = folder / f"{name}.requests"
    path.write_text("".join(re.sub("..", r"\\x\g<0>", each.hex()) + "\n" for each in requests))
    return str(path)


def canned(name: str, connections: int, written: str = "", *, spoils: bool = False) -> bytes:
    """Return the server's file.

    Args:
        name: of the protocol.
        connections: how many the load has.
        written: the file with its requests, if it does not draw them.
        spoils: whether one reply on each connection has a byte that can be spoiled.

    Raises:
        UsageError: no load speaks this protocol.

    """
    protocol = find_protocol(name, {})
    spec = LoadSpec(target="", protocol=name, users=[connections], requests_file=written)
    corpus = draw_corpus(spec, protocol)
    starts = random.Random(0)  # as the swarm's
    greeting = b"".join(right_replies(protocol, []))
    script, count = bytearray(struct.pack("=I", len(greeting)) + greeting), 0
    for serial in range(connections):
        ring, batch = corpus.enter(serial, starts.randrange(len(corpus.batches)))
        opening = as_sent(protocol, protocol.opening(), serial)
        batch = first = ring.after(batch)
        lap = [*batch.requests]
        while (batch := ring.after(batch)) is not first:
            lap += batch.requests
        requests = [*opening, *lap * _LAPS]
        told = in_steps(protocol, requests)
        spoiled = _spoiled(protocol, greeting, requests, told, len(lap)) if spoils else {}
        steps = [step for each in told for step in each]
        of_lap = sum(map(len, told[-len(lap) :]))
        again = len(steps) - of_lap
        for at, (asked, reply) in enumerate(steps):
            follows = count + (at + 1 if at + 1 < len(steps) else again)
            places, more = [], 0
            if at >= again and (places := numbers_in(name, reply)):
                more = _number(reply, places) - _number(steps[at - of_lap][1], places)
            sizes = len(asked), len(reply), spoiled.get(at, 0), len(places), more
            script += struct.pack(f"=i5I{len(places)}I", follows, *sizes, *places)
            script += asked + reply
        count += len(steps)
    return bytes(script)


def numbers_in(name: str, reply: bytes) -> list[int]:
    """Return where in a reply numbers of eight bytes are that have grown by each lap."""
    if name != "amqp-0-9-1":
        return []
    found, start = [], 0
    while start < len(reply) and (end := frame_end(reply, start)):
        (one,) = read(reply[start:end])
        at = start + HEAD_BYTES + _METHOD_BYTES
        if one.method == Method.BASIC_DELIVER:
            found.append(at + 1 + reply[at])  # behind the consumer's tag
        elif one.method in {Method.BASIC_ACK, Method.BASIC_GET_OK}:
            found.append(at)
        start = end
    return found


def _number(reply: bytes, places: Sequence[int]) -> int:
    return int.from_bytes(reply[places[0] : places[0] + 8])


def _spoiled(
    protocol: Protocol,
    greeting: bytes,
    requests: Sequence[bytes],
    told: Sequence[Sequence[tuple[bytes, bytes]]],
    of_lap: int,
) -> dict[int, int]:
    """Return a step of the last lap, and the place, from 1, of a byte there that must be right."""
    oracle = protocol.oracle()
    if greeting:
        oracle.receive_data(greeting)
    at = 0
    for number, (request, steps) in enumerate(zip(requests, told, strict=True)):
        oracle.announce(request)
        for asked, reply in steps:
            oracle.sent(len(asked))
            if reply and number >= len(requests) - of_lap:
                for place in range(len(reply)):
                    if not _accepts(copy.deepcopy(oracle), spoiled(reply, place)):
                        return {at: 1 + place}
            if reply:
                oracle.receive_data(reply)
            at += 1
    raise AssertionError(f"{protocol.name} takes any byte for right")


def spoiled(reply: bytes, place: int) -> bytes:
    """Return a reply with one byte changed, as the server changes it."""
    return reply[:place] + bytes([reply[place] ^ 1]) + reply[place + 1 :]


def _accepts(oracle: Oracle, reply: bytes) -> bool:
    try:
        oracle.receive_data(reply)
    except WrongReplyError:
        return False
    return True


@contextlib.contextmanager
def playing(
    server: Path, script: Path, *, cpu: int | None = None, spoil_from: int = 0
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Have the server play; yields the target, and the process.

    Args:
        server: the program.
        script: the file that `canned` returns.
        cpu: to bind it to.
        spoil_from: as soon as so many replies have gone out, it spoils one; 0 for never.

    """
    command = pinned(cpu, [str(server), str(script), str(spoil_from)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("listening on ").strip(), process
        finally:
            process.kill()
