"""The reference server under attack: sound clients are served throughout.

What share of their requests was answered, and in what time, is printed (pytest -s).
WIREPROOF_EXTENDED=1 attacks in full size: a slowloris of 5,000 connections.
"""

import contextlib
import os
import random
import re
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.soak.processes import descriptors, resident_bytes
from tests.support.server_process import TIMEOUT_S, Running, receive_exactly, running

EXTENDED = bool(os.environ.get("WIREPROOF_EXTENDED"))
SLOW = 5000 if EXTENDED else 300
ROUNDS = 10 if EXTENDED else 3
FLOOD = 20_000 if EXTENDED else 1000
KILLS = 50 if EXTENDED else 6
PROJECT = Path(__file__).parents[2]
HEADER_BYTES = 27
LEAST_SHARE = 0.99
FEWEST_REQUESTS = 200
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)

Attack = Callable[[Running, contextlib.ExitStack], None]


class Client(threading.Thread):
    """A sound client: a new connection, a request, its reply, and again."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        super().__init__()
        self._connect = connect
        self.over = threading.Event()
        self.seconds: list[float] = []
        self.unserved: list[str] = []

    def run(self) -> None:
        """Ask until told to stop, but often enough for a share."""
        while not self.over.is_set() or self.asked < FEWEST_REQUESTS:
            begun = time.monotonic()
            try:
                with self._connect() as sock:
                    sock.sendall(b"ping")
                    reply = receive_exactly(sock, HEADER_BYTES + 4)
                assert reply[HEADER_BYTES:] == b"ping", reply
                self.seconds.append(time.monotonic() - begun)
            except (OSError, AssertionError) as error:
                self.unserved.append(str(error))

    @property
    def asked(self) -> int:
        """How many requests were made."""
        return len(self.seconds) + len(self.unserved)


@contextlib.contextmanager
def sound_client(
    what: str, connect: Callable[[], socket.socket], least_share: float = LEAST_SHARE
) -> Iterator[Client]:
    """A client beside an attack, which must be served in at least this share."""
    client = Client(connect)
    client.start()
    try:
        yield client
    finally:
        client.over.set()
        client.join(3 * TIMEOUT_S)
    share = len(client.seconds) / client.asked
    p99_ms = sorted(client.seconds)[int(0.99 * len(client.seconds))] * 1e3
    print(f"{what}: {share:.2%} of {client.asked} served, p99 {p99_ms:.1f} ms")  # noqa: T201
    assert share >= least_share, client.unserved[:3]


def slowloris(server: Running, stack: contextlib.ExitStack) -> None:
    """Hold many connections open that send a byte a second and read nothing."""
    host, port = server.address
    command = [sys.executable, "-m", "tests.support.slowloris", host, str(port), str(SLOW)]
    attacker = stack.enter_context(
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT, text=True
        )
    )
    stack.callback(attacker.kill)
    assert attacker.stdout is not None
    for word in ("connected", *(f"round {number + 1}" for number in range(ROUNDS))):
        assert attacker.stdout.readline() == f"{word}\n"
    held = descriptors(server.children())
    memory = resident_bytes([server.process.pid, *server.children()])
    print(f"{SLOW} slow ones, {ROUNDS} bytes each: the server holds {memory / 1e6:.1f} MB")  # noqa: T201
    assert held >= SLOW
    told, _ = attacker.communicate(timeout=TIMEOUT_S)
    assert told.splitlines()[-1] == "0", "a slow connection was thrown out"


def connect_flood(server: Running, stack: contextlib.ExitStack) -> None:
    """Connect and reset at once, as fast as it goes, with bytes or without."""
    del stack
    for number in range(FLOOD):
        with socket.socket() as sock:
            sock.settimeout(TIMEOUT_S)
            sock.bind((f"127.0.0.{2 + number % 16}", 0))
            sock.connect(server.address)
            if number % 2:
                sock.send(b"z" * 100)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)


@pytest.mark.parametrize("attack", [slowloris, connect_flood])
def test_sound_clients_are_served_beside(attack: Attack):
    """Neither connections that dawdle nor ones that come in floods keep a reply from others."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < SLOW + 200:
        pytest.skip(f"{SLOW} connections need more than {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with running("--port", "0", "--workers", "2", "--backlog", "1024") as server:
        workers = server.children()
        name = attack.__name__.replace("_", " ")
        with sound_client(f"before the {name}", server.connect):
            pass
        with contextlib.ExitStack() as stack, sound_client(name, server.connect):
            attack(server, stack)
        assert server.children() == workers
        assert server.stop() == 0


def test_killed_workers_cost_only_what_they_were_serving():
    """A client that asks again is answered: most requests meet no kill at all."""
    chance = random.Random(2)
    with running("--port", "0", "--workers", "2") as server:
        with sound_client("worker kills", server.connect, least_share=0.5) as client:
            for _ in range(KILLS):
                served = len(client.seconds)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(server.children()), signal.SIGKILL)
                until_s = time.monotonic() + TIMEOUT_S
                while len(client.seconds) < served + 10:
                    assert time.monotonic() < until_s, "service stopped"
                    client.over.wait(0.01)
            assert len(client.unserved) <= 2 * KILLS, client.unserved[:3]
        assert server.stop() == 0


def test_malformed_tls_harms_no_client_that_speaks_it():
    """Noise, plain text, cut and oversized records end their own handshake and nothing else."""
    chance = random.Random(3)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(32)
    malformed = (
        b"GET / HTTP/1.1\r\n\r\n",
        chance.randbytes(500),
        hello,
        b"\x16\x03\x01\xff\xff" + chance.randbytes(65_535),
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x17\x03\x03\x00\x10" + chance.randbytes(16),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with running("--tls-self-signed", "--port", "0", "--workers", "1") as server:
        worker = server.children()
        connect = lambda: context.wrap_socket(server.connect())  # noqa: E731
        with sound_client("malformed TLS", connect):
            for _ in range(50 if EXTENDED else 5):
                for data in malformed:
                    with server.connect() as sock, contextlib.suppress(OSError):  # it was reset
                        sock.sendall(data)
                        sock.shutdown(socket.SHUT_WR)
                        while sock.recv(65536):
                            pass
        assert server.children() == worker
        assert server.stop() == 0


def test_a_datagram_from_the_server_to_itself_starts_no_loop():
    """Its own address forged as the sender: it answers itself once, and goes on with others."""
    with (
        running(
            "--udp", "--host", "127.0.0.1", "--port", "0", "--workers", "1", "--stats"
        ) as server,
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as forger,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sound,
    ):
        port = server.address[1]
        sound.connect(server.address)
        sound.settimeout(TIMEOUT_S)
        for number in range(200 if EXTENDED else 20):
            payload = b"loop %d" % number
            forger.sendto(
                struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload,
                ("127.0.0.1", port),
            )
            sound.send(b"mark")
            assert sound.recv(100)[HEADER_BYTES:] == b"mark"
        assert server.stop() == 0
        assert server.process.stderr is not None
        told = server.process.stderr.read().decode()
    chunks = sum(int(one) for one in re.findall(r"(\d+) chunks", told))
    # Each forged datagram and each mark is answered; the answer that comes back to itself is not.
    assert chunks == 2 * (number + 1), told
