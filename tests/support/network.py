"""Two hosts and the cable between them: network namespaces, made and removed by a test.

    client ── veth ── [ the cable's namespace: tests/support/cable.py ] ── veth ── server

Needs root and iproute2; `unsupported_reason()` says in a word what is missing.
"""

import dataclasses
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.support.cable import Counts, Quality

TIMEOUT_S = 60
CLIENT_ADDRESS = "198.51.100.1"  # TEST-NET-2, RFC 5737
SERVER_ADDRESS = "198.51.100.2"
_PROJECT = Path(__file__).parents[2]
_NAMESPACES = Path("/run/netns")
_NAME = re.compile(r"wireproof(\d+)-s?\d+-(?:client|server|cable|switch|host\d+)\Z")
_IP = shutil.which("ip") or "ip"
_numbers = itertools.count()


def ip(*arguments: str) -> str:
    """Run `ip` and return what it prints; its complaint is the error."""
    ended = subprocess.run(
        [_IP, *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    if ended.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {ended.stderr.strip()}")
    return ended.stdout


def remove_left_behind() -> None:
    """Remove the namespaces of tests that were killed, and end what still runs in them.

    Their names carry the process that made them; those of one that lives are in use.
    """
    names = [found for path in _NAMESPACES.glob("wireproof*") if (found := _NAME.match(path.name))]
    for name, pid in (found.group(0, 1) for found in names):
        if Path(f"/proc/{pid}").exists():
            continue
        with suppress(OSError):  # another process of these tests may be removing it, too
            for inside in ip("netns", "pids", name).split():
                with suppress(ProcessLookupError):
                    os.kill(int(inside), signal.SIGKILL)
            ip("netns", "delete", name)


def unsupported_reason() -> str | None:
    """Why no namespace can be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need iproute2"
    try:
        with network():
            return None
    except OSError as error:
        return f"no network namespaces here: {error}"


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """A namespace with an address of its own.

    Attributes:
        name: of the namespace.
        interface: its only one, besides loopback.

    """

    name: str
    interface: str

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs `python ARGUMENTS` on this host."""
        return [_IP, "netns", "exec", self.name, sys.executable, *arguments]


class Network:
    """The two hosts, and what can be done to the cable between them."""

    def __init__(self, prefix: str) -> None:
        self.client = Host(f"{prefix}-client", "to-server")
        self.server = Host(f"{prefix}-server", "to-client")
        self._middle = f"{prefix}-cable"
        self.counts: Counts | None = None

    @property
    def names(self) -> tuple[str, str, str]:
        """Of the three namespaces."""
        return (self.client.name, self.server.name, self._middle)

    def wire_up(self) -> None:
        """Join the hosts; the namespaces are there."""
        for host, address in ((self.client, CLIENT_ADDRESS), (self.server, SERVER_ADDRESS)):
            inside = ("-n", host.name)
            end = ("peer", "name", host.name[-6:], "netns", self._middle)
            ip(*inside, "link", "add", host.interface, "type", "veth", *end)
            # One packet a segment, so that each can be lost by itself.
            ip(*inside, "link", "set", host.interface, "gso_max_segs", "1")
            ip(*inside, "address", "add", f"{address}/24", "dev", host.interface)
            ip(*inside, "link", "set", "lo", "up")
            ip(*inside, "link", "set", host.interface, "up")
            ip("-n", self._middle, "link", "set", host.name[-6:], "up")

    def set_mtu(self, size_bytes: int) -> None:
        """The largest packet, at all four interfaces."""
        for host in (self.client, self.server):
            ip("-n", host.name, "link", "set", host.interface, "mtu", str(size_bytes))
            ip("-n", self._middle, "link", "set", host.name[-6:], "mtu", str(size_bytes))

    def pull(self, host: Host) -> None:
        """Pull the cable out of a host: its interface loses the carrier."""
        ip("-n", self._middle, "link", "set", host.name[-6:], "down")

    @contextmanager
    def cable(self, quality: Quality) -> Iterator[None]:
        """Forward packets; afterwards `counts` says what became of them."""
        options = [
            word
            for name, value in dataclasses.asdict(quality).items()
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        ends = [host.name[-6:] for host in (self.client, self.server)]
        command = Host(self._middle, "").command("-m", "tests.support.cable", *ends, *options)
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_PROJECT, text=True
        )
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise OSError("the cable does not start")
            yield
            self.counts = Counts(**json.loads(process.communicate(timeout=TIMEOUT_S)[0]))
        finally:
            process.kill()
            process.communicate()


@contextmanager
def network(quality: Quality | None = None) -> Iterator[Network]:
    """Two hosts, joined."""
    remove_left_behind()
    made = Network(f"wireproof{os.getpid()}-{next(_numbers)}")
    with ExitStack() as stack:
        for name in made.names:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
        made.wire_up()
        with made.cable(quality or Quality()):
            yield made
