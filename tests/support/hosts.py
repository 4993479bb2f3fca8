"""Hosts on one switch: network namespaces, made and removed by a test.

Needs root and iproute2; `tests.support.network.unsupported_reason()` says what is missing.
"""

import dataclasses
import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.network import Host, ip, remove_left_behind

_numbers = itertools.count()


@dataclasses.dataclass(frozen=True, slots=True)
class Machine(Host):
    """A namespace with an address of its own.

    Attributes:
        address: TEST-NET-2, RFC 5737.

    """

    address: str


@contextmanager
def hosts(count: int) -> Iterator[list[Machine]]:
    """So many hosts, each of which reaches the others."""
    remove_left_behind()
    prefix = f"wireproof{os.getpid()}-s{next(_numbers)}"
    switch = f"{prefix}-switch"
    found = [
        Machine(f"{prefix}-host{number}", "eth0", f"198.51.100.{number}")
        for number in range(1, count + 1)
    ]
    with ExitStack() as stack:
        for name in (switch, *(one.name for one in found)):
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
        ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", switch, "link", "set", "bridge", "up")
        for number, one in enumerate(found, 1):
            end = ("peer", "name", f"port{number}", "netns", switch)
            ip("-n", one.name, "link", "add", one.interface, "type", "veth", *end)
            ip("-n", one.name, "address", "add", f"{one.address}/24", "dev", one.interface)
            ip("-n", one.name, "link", "set", "lo", "up")
            ip("-n", one.name, "link", "set", one.interface, "up")
            ip("-n", switch, "link", "set", f"port{number}", "master", "bridge", "up")
        yield found
