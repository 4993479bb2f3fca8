"""A stage for a swarm: virtual time, a script of what servers do, and epoll over staged sockets.

A run of a second takes some milliseconds, and what the servers do is known to the byte.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from select import EPOLLERR, EPOLLET, EPOLLHUP
from typing import Any

REQUEST_BYTES = 8
MS = 1_000_000
_READING_NS = 50


class Does(Enum):
    """What a server does with a request."""

    ANSWER = auto()
    ANSWER_IN_PIECES = auto()
    ANSWER_TWICE = auto()
    ANSWER_WRONGLY = auto()
    ANSWER_IN_PART = auto()
    IGNORE = auto()
    CLOSE = auto()
    RESET = auto()
    ANSWER_AND_CLOSE = auto()


class Takes(Enum):
    """What our kernel does with what is sent."""

    ALL = auto()
    A_PART = auto()
    NOTHING = auto()
    """There is no room now."""
    RESET = auto()


class Accepts(Enum):
    """What becomes of a connect."""

    YES = auto()
    REFUSED = auto()
    NEVER = auto()
    NO_DESCRIPTOR = auto()


@dataclass(frozen=True)
class Script:
    """What happens, each in turn and from the start again."""

    does: tuple[tuple[Does, int], ...] = ((Does.ANSWER, 100_000),)
    """With how many ns it takes."""
    takes: tuple[Takes, ...] = (Takes.ALL,)
    accepts: tuple[Accepts, ...] = (Accepts.YES,)
    unreplied: Callable[[bytes], bool] = lambda request: False
    """Whether a request has no reply."""


@dataclass
class World:
    """Virtual time, and what happens in it.

    Attributes:
        received: complete requests that a server has read.
        unfinished: batches of which our kernel took a part or nothing.
        answered: right replies that have left.
        ignored: requests that were ignored.
        twice: requests that were answered twice.

    """

    script: Script
    now_ns: int = 1_000_000_000
    received: int = 0
    unfinished: set[object] = field(default_factory=set)
    answered: int = 0
    ignored: int = 0
    twice: int = 0

    def __post_init__(self) -> None:
        self.sockets: dict[int, Any] = {}
        self.numbers = itertools.count()
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.does = itertools.cycle(self.script.does)
        self.takes = itertools.cycle(self.script.takes)
        self.accepts = itertools.cycle(self.script.accepts)

    def clock(self) -> int:
        """Return the time; looking takes a little of it."""
        self.now_ns += _READING_NS
        return self.now_ns

    def after(self, ns: int, event: Callable[[], None]) -> None:
        """Have something happen later."""
        heapq.heappush(self._later, (self.now_ns + ns, next(self._order), event))

    def pass_until(self, limit_ns: int) -> bool:
        """Let the next event before a moment happen; False, at that moment, if there is none."""
        if not self._later or self._later[0][0] > limit_ns:
            self.now_ns = max(self.now_ns, limit_ns)
            return False
        at, _, event = heapq.heappop(self._later)
        self.now_ns = max(self.now_ns, at)
        event()
        return True


class StagedEpoll:
    """Tells what is ready, by level or by edge."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._masks: dict[int, int] = {}

    def register(self, fd: int, mask: int) -> None:
        """Watch a socket."""
        assert fd in self._world.sockets
        self._masks[fd] = mask
        self._world.sockets[fd].fresh = True

    def modify(self, fd: int, mask: int) -> None:
        """Watch it otherwise."""
        assert fd in self._masks
        self.register(fd, mask)

    def poll(self, timeout_s: float, most: int) -> list[tuple[int, int]]:
        """Let time pass until something is ready, or it is over."""
        self.wait(self._world.now_ns + int(timeout_s * 1e9))
        events = self._events()[:most]
        for fd, _ in events:
            self._world.sockets[fd].fresh = False
        return events

    def wait(self, limit_ns: int) -> None:
        """Let time pass until something is ready, or a moment has come; no edge is taken."""
        while not self._events() and self._world.pass_until(limit_ns):
            pass

    def close(self) -> None:
        """Watch nothing any more."""
        self._masks.clear()

    def _events(self) -> list[tuple[int, int]]:
        self._masks = {fd: mask for fd, mask in self._masks.items() if fd in self._world.sockets}
        found = []
        for fd, mask in self._masks.items():
            sock = self._world.sockets[fd]
            event = sock.ready() & (mask | EPOLLERR | EPOLLHUP)
            if event and (sock.fresh or not mask & EPOLLET):
                found.append((fd, event))
        return found
