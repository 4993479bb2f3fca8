"""A capture made where packets are lost and overtake each other tells the same conversation.

The hosts are network namespaces (tests/support/network.py); tcpdump captures at both of them.
"""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.cable import Quality
from tests.support.network import (
    SERVER_ADDRESS,
    TIMEOUT_S,
    Host,
    ip,
    network,
    unsupported_reason,
)
from tests.support.relaying import wait_until
from wireproof.conversation import End
from wireproof.errors import UsageError
from wireproof.traffic.captured.captures import read_capture

_missing = unsupported_reason() or (None if shutil.which("tcpdump") else "needs tcpdump")
pytestmark = pytest.mark.skipif(_missing is not None, reason=str(_missing))

REQUESTS = 60
_SERVER = """
import socket
listener = socket.create_server(("{address}", 0))
print(listener.getsockname()[1], flush=True)
peer, _ = listener.accept()
for line in peer.makefile("rb"):
    peer.sendall(line.upper() * (1 + len(line) % 40))
"""
_CLIENT = """
import random, socket
chance = random.Random(1)
peer = socket.create_connection(("{address}", {port}))
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for number in range({requests}):
    line = b"%d %s\\n" % (number, b"x" * chance.randrange(3000))
    half = chance.randrange(len(line))
    peer.sendall(line[:half])
    peer.sendall(line[half:])
    owed = len(line) * (1 + len(line) % 40)
    while owed:
        owed -= len(peer.recv(65536))
"""


@contextmanager
def _capturing(host: Host, path: Path) -> Iterator[None]:
    """Capture all TCP at a host."""
    command = ["tcpdump", "-i", host.interface, "-s", "0", "-U", "-B", "65536", "-w", str(path)]
    command.insert(1, "--immediate-mode")
    inside = [shutil.which("ip") or "ip", "netns", "exec", host.name, *command, "tcp"]
    process = subprocess.Popen(inside, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        while "listening on" not in (line := process.stderr.readline()):
            assert line, "tcpdump doesn't start"
        yield
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.communicate()


def _is_over(path: Path) -> bool:
    """Whether the end of the conversation has been captured."""
    try:
        (found,) = read_capture(path.read_bytes(), path.name).conversations
    except UsageError:
        return False
    return found.end is not End.OPEN


def _retransmitted(host: Host) -> int:
    """How many segments a host has sent again."""
    counters = ip("netns", "exec", host.name, "cat", "/proc/net/snmp")
    names, values = re.findall(r"^Tcp: (.*)$", counters, re.MULTILINE)
    return int(values.split()[names.split().index("RetransSegs")])


def test_lost_and_reordered_segments_make_no_difference(tmp_path: Path) -> None:
    """Turn by turn, at either end, each request has the reply that the server made of it."""
    bad = Quality(loss=0.03, delay_ms=1, jitter_ms=4, seed=5)
    with network(bad) as hosts, ExitStack() as stack:
        server = subprocess.Popen(
            hosts.server.command("-c", _SERVER.format(address=SERVER_ADDRESS)),
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(server.communicate)
        stack.callback(server.kill)
        assert server.stdout is not None
        port = int(server.stdout.readline())
        paths = {host: tmp_path / f"{host.interface}.pcap" for host in (hosts.client, hosts.server)}
        client = _CLIENT.format(address=SERVER_ADDRESS, port=port, requests=REQUESTS)
        with ExitStack() as captures:
            for host, path in paths.items():
                captures.enter_context(_capturing(host, path))
            subprocess.run(hosts.client.command("-c", client), check=True, timeout=TIMEOUT_S)
            server.wait(TIMEOUT_S)
            for path in paths.values():
                wait_until(lambda path=path: _is_over(path))
        assert _retransmitted(hosts.client) + _retransmitted(hosts.server) > 10
    for path in paths.values():
        (found,) = read_capture(path.read_bytes(), path.name).conversations
        assert found.end is End.CLIENT
        assert [turn.request.split()[0] for turn in found.turns] == [
            b"%d" % number for number in range(REQUESTS)
        ]
        for turn in found.turns:
            assert turn.reply == turn.request.upper() * (1 + len(turn.request) % 40)
