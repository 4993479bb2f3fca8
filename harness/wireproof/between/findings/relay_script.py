"""A relay that does to a client and a server what once made them fail: python relay.py HOST:PORT.

Recorded by Wireproof; it needs nothing but Python 3.9 and its standard library. Start it, and point
the client at the address that it prints. A second HOST:PORT says where to listen.

A message is what one side sends until the other one speaks. At a cut, what is before it is sent,
and once the reader has read that (Linux says so in /proc/net/tcp), what is behind it.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

SCHEDULE: dict[str, Any] = {}
DIRECTIONS = ("request", "reply")
MOMENT_S = 0.2 if SCHEDULE.get("is_late") else 0.02


class Conversation:
    """Both directions of one connection, and which message each of them is at."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        """Begin before the first message."""
        self.ends = {"request": (client, server), "reply": (server, client)}
        self.messages = {"request": 0, "reply": 0}
        self.offsets = {"request": 0, "reply": 0}
        self.speaker = ""
        self.lock = threading.Lock()

    def relay(self, direction: str) -> None:
        """Pass one direction on, cut."""
        source, to = self.ends[direction]
        try:
            while data := self._received(direction, source):
                for number, (piece, is_cut) in enumerate(self._pieces(direction, data)):
                    if number or is_cut:
                        wait_until_read(to)
                        time.sleep(SCHEDULE.get("hold_s", 0))
                    if is_cut and SCHEDULE.get("broken"):
                        self._break_off(to)
                        return
                    to.sendall(piece)
            if SCHEDULE.get("end_apart"):
                wait_until_read(to)
                time.sleep(0.1)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, to):
                end.close()

    def _received(self, direction: str, source: socket.socket) -> bytes:
        """Return what comes; all of a moment, where that is to be one segment."""
        data = source.recv(65536)
        late = SCHEDULE.get("is_late") and direction == "reply"
        if not (late or direction in SCHEDULE.get("gather", ())):
            return data
        source.settimeout(MOMENT_S)
        try:
            while more := source.recv(65536):
                data += more
        except TimeoutError:
            pass
        finally:
            source.settimeout(None)
        return data

    def _pieces(self, direction: str, data: bytes) -> list[tuple[bytes, bool]]:
        """Return the bytes parted, and of each part whether a cut is before it."""
        with self.lock:
            if self.speaker != direction:
                self.speaker = direction
                self.messages[direction] += 1
                self.offsets[direction] = 0
            begin, message = self.offsets[direction], self.messages[direction]
            self.offsets[direction] += len(data)
        end = begin + len(data)
        if direction in SCHEDULE.get("octets", ()):
            cuts = list(range(begin, end))
        else:
            cuts = sorted(
                cut["offset"]
                for cut in SCHEDULE.get("cuts", ())
                if cut["direction"] == direction
                and cut["message"] == message
                and begin <= cut["offset"] < end
            )
        borders = sorted({begin, *cuts, end})
        spans = zip(borders, borders[1:])  # noqa: B905, RUF007 - for Python 3.9
        return [(data[a - begin : b - begin], a in cuts) for a, b in spans]

    @staticmethod
    def _break_off(to: socket.socket) -> None:
        if SCHEDULE["broken"] == "reset":
            to.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            to.close()
        else:
            to.shutdown(socket.SHUT_WR)


def wait_until_read(connected: socket.socket) -> None:
    """Wait until the peer has read all that was sent; a moment where that can't be known."""
    until_s = time.monotonic() + 1
    names = [_name(connected.getsockname()), _name(connected.getpeername())]
    while time.monotonic() < until_s:
        try:
            rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        except OSError:
            rows = []
        queues = {tuple(row[1:3]): row[4].split(":") for row in rows}
        ours, theirs = queues.get(tuple(names)), queues.get(tuple(names[::-1]))
        if ours is None or theirs is None:
            time.sleep(0.02)
            return
        if int(ours[0], 16) == 0 and int(theirs[1], 16) == 0:
            return
        time.sleep(0.001)


def _name(address: Any) -> str:
    """Return an IPv4 address as /proc/net/tcp has it; another never occurs there."""
    if len(address) != 2:
        return ""
    (number,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"


def main() -> None:
    """Relay until it is interrupted."""
    places = [one.rpartition(":") for one in sys.argv[1:3]]
    if not places or not all(port.isdigit() for _, _, port in places):
        sys.exit(f"usage: {sys.argv[0]} SERVER_HOST:PORT [LISTEN_HOST:PORT]")
    host, _, port = places[0]
    own = (places[1][0], int(places[1][2])) if len(places) > 1 else ("127.0.0.1", 0)
    listener = socket.create_server(own)
    address = listener.getsockname()
    sys.stdout.write(f"listening on {address[0]}:{address[1]}\n")
    sys.stdout.flush()
    while True:
        client, _ = listener.accept()
        server = socket.create_connection((host, int(port)))
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conversation = Conversation(client, server)
        for direction in DIRECTIONS:
            threading.Thread(target=conversation.relay, args=(direction,), daemon=True).start()


if __name__ == "__main__":
    main()
