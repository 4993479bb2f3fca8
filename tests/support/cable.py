"""`python -m tests.support.cable ONE OTHER`: joins two interfaces, as badly as it is told.

A program for a network namespace of its own: what comes in at one interface goes out at the other,
late, in another order, or never, as a seed says. The kernel's netem does the same where it is
built in; this one is there wherever packet sockets are, says what it did, and does the same to
the nth packet again.

It prints `ready`, works until its standard input ends, and then prints its counts as JSON.
"""

import argparse
import contextlib
import dataclasses
import heapq
import json
import random
import select
import socket
import sys
import time

# include/uapi/linux/if_packet.h, if_ether.h, asm-generic/socket.h
_SOL_PACKET = 263
_PACKET_VNET_HDR = 15  # checksums and segmentation left to "hardware" stay described to the far end
_PACKET_IGNORE_OUTGOING = 23
_ETH_P_ALL = 3
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 8 << 20
_LARGEST_BYTES = 1 << 17


@dataclasses.dataclass(frozen=True, slots=True)
class Quality:
    """What the cable does to packets.

    Attributes:
        loss: the share that never arrives.
        delay_ms: how late each arrives.
        jitter_ms: how much later than that, at most; more than the gaps between packets reorders.
        seed: of all chances.

    """

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    seed: int = 1


@dataclasses.dataclass(slots=True)
class Counts:
    """What the cable did.

    Attributes:
        lost: packets thrown away.
        overtaken: packets that went through after one that had come in later.

    """

    lost: int = 0
    overtaken: int = 0


class Direction:
    """From one end to the other."""

    def __init__(self, source: socket.socket, sink: socket.socket, quality: Quality) -> None:
        self.source = source
        self._sink = sink
        self._quality = quality
        self._chance = random.Random(f"{quality.seed} {source.getsockname()[0]}")
        self._waiting: list[tuple[float, int, bytes]] = []
        self._arrived = self._newest = 0
        self.counts = Counts()

    def take(self) -> None:
        """Take in what has come."""
        # An interface that was set down says so once (ENETDOWN), and goes on when it is up again.
        with contextlib.suppress(OSError):
            while True:
                packet = self.source.recv(_LARGEST_BYTES)
                self._arrived += 1
                if self._chance.random() < self._quality.loss:
                    self.counts.lost += 1
                    continue
                late_ms = self._quality.delay_ms + self._quality.jitter_ms * self._chance.random()
                heapq.heappush(
                    self._waiting, (time.monotonic() + late_ms / 1e3, self._arrived, packet)
                )

    def give(self) -> float | None:
        """Send on what is due; the time at which the next is, or None."""
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _, number, packet = heapq.heappop(self._waiting)
            try:
                self._sink.send(packet)
            except OSError:  # pulled out at that end, or its queue is full
                self.counts.lost += 1
                continue
            self.counts.overtaken += number < self._newest
            self._newest = max(self._newest, number)
        return self._waiting[0][0] if self._waiting else None


def _open(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    made.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    made.bind((interface, _ETH_P_ALL))
    made.setblocking(False)
    return made


def forward(ends: tuple[str, str], quality: Quality) -> Counts:
    """Forward both ways until standard input ends."""
    with _open(ends[0]) as one, _open(ends[1]) as other:
        directions = {
            one.fileno(): Direction(one, other, quality),
            other.fileno(): Direction(other, one, quality),
        }
        poll = select.poll()
        for descriptor in (*directions, sys.stdin.fileno()):
            poll.register(descriptor, select.POLLIN)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            due = [at for one_way in directions.values() if (at := one_way.give()) is not None]
            wait_ms = max(0.0, min(due) - time.monotonic()) * 1e3 if due else None
            for descriptor, _ in poll.poll(wait_ms):
                if descriptor not in directions:
                    both = [dataclasses.astuple(one_way.counts) for one_way in directions.values()]
                    return Counts(*map(sum, zip(*both, strict=True)))
                directions[descriptor].take()


def main() -> None:
    """Read the command line, forward, print the counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.cable")
    parser.add_argument("ends", nargs=2)
    for field in dataclasses.fields(Quality):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=field.type, default=0)
    asked = vars(parser.parse_args())
    counts = forward(tuple(asked.pop("ends")), Quality(**asked))
    sys.stdout.write(json.dumps(dataclasses.asdict(counts)) + "\n")


if __name__ == "__main__":
    main()
