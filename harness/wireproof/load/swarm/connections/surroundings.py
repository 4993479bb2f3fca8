"""What a swarm has around it: the clocks, the kernel's epoll, sockets, the hub's other greenlets.

Tests stage others, in which time passes as the script says.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.monkey import get_original

from wireproof.load.swarm.connections.dialling import dial, with_tls
from wireproof.load.swarm.measuring.usage import CpuUsage, ServerProcesses
from wireproof.target import Target

_NS_PER_S = 1_000_000_000
_select: Callable[..., object] = get_original("select", "select")


def _epoll() -> Any:
    return get_original("select", "epoll")()  # gevent takes it out of the module


def _usage(target: Target) -> CpuUsage:
    return CpuUsage(ServerProcesses(target))


def _wait(epoll: Any, wait_ns: int) -> None:
    """Wait to the microsecond; epoll's own time limit is in whole milliseconds."""
    _select([epoll], (), (), wait_ns / _NS_PER_S)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The real ones, unless told otherwise.

    Attributes:
        clock: monotonic, in ns.
        wall_clock: that of the kernel's timestamps, in ns.
        epoll: makes an epoll.
        wait: waits until an epoll has something to tell, or for so many ns.
        dial: returns a socket that has begun to connect to a target, from a local address.
        with_tls: lays TLS over a connected socket, for a server of that name.
        give_way: lets other greenlets run, for so many seconds at least.
        usage: looks who has the CPUs while a target is under load.

    """

    clock: Callable[[], int] = time.monotonic_ns
    wall_clock: Callable[[], int] = time.time_ns
    epoll: Callable[[], Any] = _epoll
    wait: Callable[[Any, int], None] = _wait
    dial: Callable[[Target, str], Any] = dial
    with_tls: Callable[[Any, str | None], Any] = with_tls
    give_way: Callable[[float], object] = gevent.sleep
    usage: Callable[[Target], CpuUsage] = _usage


REAL = Surroundings()
