"""A hostile relay that stays up: for any test suite, and in a thread for one's own tests."""

import threading
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from wireproof.between.runs.course import HostileCourse
from wireproof.between.runs.schedules import UNCUT, Direction, Schedule
from wireproof.errors import UsageError
from wireproof.target import Target
from wireproof.traffic.forwarding import Arrival, Side
from wireproof.traffic.relay import Relay, listen

_BOTH: Final = (Direction.REPLY, Direction.REQUEST)
_LOOK_S: Final = 0.05
NAMED: Final = {
    "uncut": UNCUT,
    "octets": Schedule(octets=_BOTH),
    "reply-octets": Schedule(octets=(Direction.REPLY,)),
    "request-octets": Schedule(octets=(Direction.REQUEST,)),
    "drawn": Schedule(seed=0),
    "gathered": Schedule(gather=_BOTH),
    "late": Schedule(is_late=True),
    "end-apart": Schedule(end_apart=True),
}
"""What can be asked for by name."""


def named(name: str, seed: int = 0) -> Schedule:
    """Return the schedule of a name; `drawn` by this seed.

    Raises:
        UsageError: there is none.

    """
    if name not in NAMED:
        raise UsageError(f"there is no schedule {name!r}", f"known: {', '.join(NAMED)}")
    found = NAMED[name]
    return found if found.seed is None else msgspec.structs.replace(found, seed=seed)


class Counting:
    """An observer that counts connections and bytes.

    Attributes:
        connections: how many clients have connected.
        passed_bytes: how much each side sent.
        last_refusal: why the server could not be reached last; empty if it always could.

    """

    def __init__(self) -> None:
        """Begin at nothing."""
        self.connections = 0
        self.passed_bytes = dict.fromkeys(Side, 0)
        self.last_refusal = ""

    def opened(self, connection: int, peer: str) -> None:
        """Count it."""
        del peer
        self.connections = connection + 1

    def arrived(self, connection: int, source: Side, arrival: Arrival) -> None:
        """Count its bytes."""
        del connection
        self.passed_bytes[source] += len(getattr(arrival, "data", b""))

    def refused(self, connection: int, reason: str) -> None:
        """Keep why."""
        del connection
        self.last_refusal = reason


@dataclass(frozen=True, slots=True)
class Address:
    """Where to point a client at.

    Attributes:
        host: an address of this machine.
        port: a free one.
        schedule: what is done to whoever connects.

    """

    host: str
    port: int
    schedule: Schedule

    @property
    def url(self) -> str:
        """`tcp://HOST:PORT`."""
        return f"tcp://{self.host}:{self.port}"

    def __str__(self) -> str:
        return self.url


class HostileRelay:
    """A relay in a thread of its own.

    Attributes:
        address: where it listens.

    """

    def __init__(self, target: Target, own: Target, schedule: Schedule) -> None:
        """Begin to listen.

        Args:
            target: the server, resolved.
            own: where to listen, resolved; port 0 stands for a free one.
            schedule: what is done to each connection.

        Raises:
            CannotRunError: there can be no listener.

        """
        listener = listen(own)
        host, port, *_ = listener.getsockname()
        self.address = Address(host, port, schedule)
        self._over = threading.Event()
        self._relay = Relay(listener, target, Counting(), lambda: HostileCourse(schedule))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close all that is open."""
        self._over.set()
        self._thread.join()

    def _serve(self) -> None:
        with self._relay as relay:
            while not self._over.is_set():
                relay.serve_once(_LOOK_S)
