"""The zoo: each fault shows in its smallest conversation; the sound variants are right."""

import concurrent.futures
import contextlib
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from reference_server.faults import FAULTS, SOUND, ZOO, find
from reference_server.variants.base import SoundVariant, Step, last, open_, reset, say
from tests.support.server_process import COMMAND

HEADER = re.compile(rb"\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\] ")
HEADER_BYTES = 27
BUFFER_BYTES = 1024

# Starts each of the zoo that is named on its command line in a process of its own, without paying
# for an interpreter each. Prints one line each: its name, and what it printed.
HOST = """
import os, sys
import reference_server.faults
from reference_server.server import main
children = []
for name in sys.argv[1:]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        os.dup2(writing, 1)
        options = [] if name == "sound" else ["--fault", name]
        os._exit(main(["--port", "0", "--workers", "1", "--udp", "--grace", "0.2", *options]))
    os.close(writing)
    children.append((name, child, os.fdopen(reading)))
for name, _, output in children:
    print(name, output.readline().strip(), flush=True)
sys.stdin.read()
for _, child, _ in children:
    os.kill(child, 15)
for _, child, _ in children:
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """The port of the sound server and of each of the zoo, all running."""
    names = ["sound", *(variant.name for variant in ZOO)]
    host = subprocess.Popen(
        [sys.executable, "-P", "-c", HOST, *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # some of them die with a traceback, as they should
        text=True,
    )
    assert host.stdout is not None
    lines = [host.stdout.readline().split() for _ in names]
    yield {name: int(target.rpartition(":")[2]) for name, _, _, target, *_ in lines}
    host.communicate(timeout=30)


class Unexpected(Exception):  # noqa: N818 - a finding, not an error
    """The server did what the protocol forbids."""


class Stream:
    """One connection: what was sent, what came back, and whether it may have."""

    def __init__(self, port: int, timeout_s: float) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.timeout_s = timeout_s
        self.sent = bytearray()
        self.received = bytearray()
        self.at_end = False

    def ask(self, payload: bytes) -> None:
        """Send, and receive until all that was sent has come back, in frames of its own."""
        mark = len(self.received)
        self.sent += payload
        until_s = time.monotonic() + self.timeout_s
        while payload or not self.is_complete():
            left_s = until_s - time.monotonic()
            readable, writable, _ = select.select(
                [self.sock], [self.sock] if payload else [], [], max(0.0, left_s)
            )
            if not readable and not writable:
                raise Unexpected("no reply")
            if writable:
                payload = payload[self.sock.send(payload) :]
            if readable:
                if not self.take():
                    raise Unexpected("end of file")
                until_s = time.monotonic() + self.timeout_s
        if self.sent and not HEADER.match(self.received, mark):
            raise Unexpected("a reply without a header")

    def take(self) -> bytes:
        """What can be read now; empty at the end of file."""
        data = self.sock.recv(1 << 20)
        self.received += data
        return data

    def flood(self, payload: bytes) -> None:
        """Send what is taken, without reading."""
        while payload and select.select([], [self.sock], [], 0.2)[1]:
            size = self.sock.send(payload[:65536])
            self.sent += payload[:size]
            payload = payload[size:]

    def is_complete(self) -> bool:
        """Whether all that was sent has come back; raises on anything that should not have."""
        chunks = -(-len(self.sent) // BUFFER_BYTES)
        if len(self.received) < len(self.sent) + HEADER_BYTES * chunks:
            return not self.sent and not self.received
        before, *rest = HEADER.split(bytes(self.received))
        times, payloads = rest[::2], rest[1::2]
        excess = len(before) + sum(map(len, payloads)) - len(self.sent)
        if excess < 0 or (0 < excess < HEADER_BYTES and not self.at_end):
            return False  # what exceeds may be a header that is not complete yet
        if before or any(len(one) > BUFFER_BYTES for one in payloads):
            raise Unexpected("a frame that is none")
        if b"".join(payloads) != self.sent:
            raise Unexpected("other bytes than were sent")
        seconds = [self.seconds(one.decode()) for one in times]
        if seconds != sorted(seconds):
            raise Unexpected("time goes back")
        if seconds and abs(seconds[-1] - time.time()) > 2 + self.timeout_s:  # on a busy machine
            raise Unexpected("wrong time")
        if b"" in payloads:
            raise Unexpected("an empty frame")
        return True

    @staticmethod
    def seconds(text: str) -> float:
        """The time of a timestamp, which must be that of `ctime`."""
        try:
            seconds = time.mktime(time.strptime(text))
        except ValueError:
            raise Unexpected(f"no timestamp: {text}") from None
        if time.ctime(seconds) != text:
            raise Unexpected(f"no timestamp: {text}")
        return seconds

    def end(self) -> None:
        """End the input; the server must send the rest and close."""
        self.sock.shutdown(socket.SHUT_WR)
        while select.select([self.sock], [], [], self.timeout_s)[0]:
            if not self.take():
                self.at_end = True
                if self.sent and not self.is_complete():
                    raise Unexpected("replies are missing at the end")
                if not self.sent and self.received:
                    raise Unexpected("bytes for nothing")
                self.sock.close()
                return
        raise Unexpected("no end of file")


def converse(  # noqa: C901, PLR0912 - one branch an act
    port: int, steps: tuple[Step, ...], timeout_s: float
) -> str | None:
    """Hold a conversation; what the server did wrong, or None."""
    streams: dict[int, Stream] = {}
    try:
        for step in steps:
            if step.act == "hold":
                select.select([], [], [], step.seconds)
                continue
            if step.connection not in streams:
                streams[step.connection] = Stream(port, timeout_s)
            stream = streams[step.connection]
            if step.act == "say":
                stream.ask(step.payload)
            elif step.act == "flood":
                stream.flood(step.payload)
            elif step.act == "last":
                stream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # until the end
                stream.sock.send(step.payload)
                stream.sent += step.payload
                stream.end()
            elif step.act == "end":
                stream.end()
            elif step.act == "reset":
                linger = struct.pack("ii", 1, 0)
                stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                stream.sock.close()
        for stream in streams.values():
            if stream.sock.fileno() >= 0:
                stream.end()
    except (Unexpected, OSError) as found:
        return f"{type(found).__name__}: {found}"
    finally:
        for stream in streams.values():
            stream.sock.close()
    return None


def exchange(port: int, steps: tuple[Step, ...], timeout_s: float) -> str | None:
    """The same with datagrams."""
    with contextlib.ExitStack() as stack:
        socks: dict[int, socket.socket] = {}
        for step in steps:
            if step.connection not in socks:
                sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sock.settimeout(timeout_s)
                sock.connect(("127.0.0.1", port))
                socks[step.connection] = sock
            sock = socks[step.connection]
            sock.send(step.payload)
            if HEADER.match(step.payload):
                sock.send(b"next")  # silence is seen by what comes first after it
            expected = b"next" if HEADER.match(step.payload) else step.payload[:BUFFER_BYTES]
            try:
                reply = sock.recv(65536)
                sock.send(b"mark")
                mark = sock.recv(65536)
            except OSError as error:
                return f"{type(error).__name__}: {error}"
            if not HEADER.match(reply) or reply[HEADER_BYTES:] != expected:
                return f"unexpected reply {reply!r}"
            if mark[HEADER_BYTES:] != b"mark":
                return "a second reply"
    return None


def judge(name: str, steps: tuple[Step, ...], port: int, timeout_s: float) -> str | None:
    """What a server did wrong, by streams or datagrams as its variant wants."""
    variant = find(name)
    datagrams = variant is not None and variant.category == "datagrams"
    return (exchange if datagrams else converse)(port, steps, timeout_s)


SHOWN = [fault for fault in FAULTS if fault.smallest]
USUAL: tuple[Step, ...] = (
    open_(2),
    say(b"a"),
    say(bytes(range(256)) * 5, 1),
    say(b"x" * 1025),
    reset(1),
    last(b"\r\n\xff\x00[" * 300, 3),
    say(b"still here"),
)


def test_each_fault_shows_in_its_smallest_conversation(ports: dict[str, int]) -> None:
    """The server does something that the protocol forbids; all are judged side by side."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        running = {
            fault.name: pool.submit(judge, fault.name, fault.smallest, ports[fault.name], 1.0)
            for fault in SHOWN
        }
        assert [name for name, future in running.items() if future.result() is None] == []


def test_the_sound_server_passes_every_smallest_conversation(ports: dict[str, int]) -> None:
    """So it is the fault that shows there, and not the judge."""
    different = {fault.smallest: fault.name for fault in SHOWN}  # many are the same
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        complaints = pool.map(
            lambda item: judge(item[1], item[0], ports["sound"], 15), different.items()
        )
        assert [one for one in complaints if one] == []


@pytest.mark.parametrize("name", [variant.name for variant in SOUND])
def test_sound_variants_are_right(name: str, ports: dict[str, int]) -> None:
    """Cuts, borders, all bytes, a reset and the end of input are handled by the protocol."""
    assert converse(ports[name], USUAL, 15) is None


def test_zoo_is_large_and_documented() -> None:
    """At least 40 faults and 8 sound variants, each name once, each with difference and proof."""
    assert len(FAULTS) >= 40
    assert len(SOUND) >= 8
    assert len({variant.name for variant in ZOO}) == len(ZOO)
    for variant in ZOO:
        assert variant.difference
        assert variant.source
        assert isinstance(variant, SoundVariant) or variant.smallest or variant.proof, variant.name


def test_listing_names_the_whole_zoo() -> None:
    """--list-faults prints them all, one a line, and exits with 0."""
    listed = subprocess.run(
        [*COMMAND, "--list-faults"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [
        variant.name for variant in ZOO
    ]


def test_unknown_fault_is_refused_with_a_suggestion() -> None:
    """A misspelt name is wrong usage, and the nearest name is offered."""
    refused = subprocess.run(
        [*COMMAND, "--fault", "grets"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert refused.returncode == 2
    assert "did you mean greets?" in refused.stderr
