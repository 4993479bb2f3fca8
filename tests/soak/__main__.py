"""`python -m tests.soak`: what takes long or many descriptors, outside the default tests.

Ten thousand connections held open at once, with the memory that an idle one costs; then a hundred
thousand short ones, a third of them reset, after which the server must be as it was before; then
half an hour of checks and loads beside one long load, over which harness and server must not grow.

`SOAK_SCALE=0.1` does a tenth of the connections, `SOAK_MINUTES=5` five minutes of rounds; 0 leaves
out either.
"""

import contextlib
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.soak.processes import SoakError, descriptors, resident_bytes, say, settled_descriptors
from tests.soak.rounds import go_round
from tests.support.server_process import TIMEOUT_S, Running, receive_exactly, running

SCALE = float(os.environ.get("SOAK_SCALE", "1"))
MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
HELD = int(10_000 * SCALE)
CYCLES = int(100_000 * SCALE)
WORKERS = 2
SPARE_DESCRIPTORS = 100
# Memory that Python's allocator may keep after the first thousands of connections.
GROWTH_BYTES = 3_000_000


def connect(server: Running, number: int) -> socket.socket:
    """A connection from one of several loopback addresses: one has ports for 28,000 only."""
    sock = socket.socket()
    try:
        sock.settimeout(TIMEOUT_S)
        sock.bind((f"127.0.0.{2 + number % 16}", 0))
        sock.connect(server.address)
    except OSError:
        sock.close()
        raise
    return sock


def ask(sock: socket.socket) -> None:
    """A checked round trip."""
    sock.sendall(b"ping")
    if receive_exactly(sock, 31)[27:] != b"ping":
        raise SoakError("a wrong reply")


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something to hold."""
    until_s = time.monotonic() + TIMEOUT_S
    while not holds():
        if time.monotonic() > until_s:
            raise SoakError(what)
        time.sleep(0.05)


def hold_many(server: Running) -> None:
    """Open many, ask on each of them, say what an idle one costs, close them all."""
    pids = server.children()
    before_bytes, before_descriptors = resident_bytes(pids), settled_descriptors(pids)
    start_s = time.monotonic()
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(server, number)) for number in range(HELD)]
        wait_until(lambda: descriptors(pids) == before_descriptors + HELD, "not all were accepted")
        say(f"{HELD} connections held after {time.monotonic() - start_s:.1f} s")
        idle_bytes = resident_bytes(pids) - before_bytes
        say(
            f"memory of an idle connection: {idle_bytes / HELD:.0f} bytes in the server's processes"
        )
        for sock in socks:
            ask(sock)
        say(f"all {HELD} answered after {time.monotonic() - start_s:.1f} s")
    wait_until(lambda: descriptors(pids) == before_descriptors, "descriptors stayed open")
    if server.children() != pids:
        raise SoakError("a worker died")


def cycle(server: Running, number: int) -> None:
    """Connect, send, and close: after the reply, before it, or by a reset."""
    with connect(server, number) as sock:
        if number % 3 == 0:
            ask(sock)
        elif number % 3 == 1:
            sock.sendall(b"not waiting for it")
        else:
            sock.sendall(b"x" * (number % 5000))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def come_and_go(server: Running) -> None:
    """Many short connections, after which nothing is left of them."""
    for number in range(CYCLES // 20):
        cycle(server, number)
    pids = server.children()
    wait_until(lambda: quiet(server), "connections stayed open")
    before_bytes, before_descriptors = resident_bytes(pids), descriptors(pids)
    start_s = time.monotonic()
    for number in range(CYCLES):
        cycle(server, number)
    elapsed_s = time.monotonic() - start_s
    say(
        f"{CYCLES} cycles, a third of them reset, in {elapsed_s:.1f} s ({CYCLES / elapsed_s:.0f}/s)"
    )
    wait_until(lambda: descriptors(pids) <= before_descriptors, "descriptors stayed open")
    growth_bytes = resident_bytes(pids) - before_bytes
    say(f"left behind: {descriptors(pids) - before_descriptors} descriptors, {growth_bytes} bytes")
    if server.children() != pids:
        raise SoakError("a worker died, or a process was left behind")
    if growth_bytes > GROWTH_BYTES:
        raise SoakError("memory was left behind")


def quiet(server: Running) -> bool:
    """Whether the workers have no sockets but those they began with: listener, signals."""
    for pid in server.children():
        links = []
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(str(descriptor.readlink()))
        if sum(link.startswith("socket:") for link in links) > 3:
            return False
    return True


def main() -> int:
    """Run both; 1 when something did not hold, 3 when this machine cannot."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = HELD + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < needed:
        say(
            f"{HELD} connections need {needed} descriptors, the hard limit is {hard}; raise it "
            f"(ulimit -Hn {needed}) or set SOAK_SCALE={hard / 10_200:.2f}"
        )
        return 3
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # end server and load
    try:
        options = ("--port", "0", "--workers", str(WORKERS), "--backlog", "1024")
        with running(*options) as server:
            if SCALE:
                hold_many(server)
                come_and_go(server)
            if MINUTES:
                go_round(server, MINUTES)
            if server.stop() != 0:
                raise SoakError("the server did not end well")
    except (SoakError, AssertionError, OSError) as error:
        say(f"FAILED: {error}")
        return 1
    say("all holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
