"""Requests sent one by one, their replies judged by what was learnt: do these follow each other?"""

import socket
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

import msgspec

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.learnt.half_closed import HalfClosedProtocol
from wireproof.learnt.judges import protocol_of
from wireproof.learnt.protocol import LearntProtocol
from wireproof.learnt.scripts import Scripts, common_opening
from wireproof.protocols.base import Protocol, as_sent
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.rehearsal.upgrading import secured
from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.observations import Data
from wireproof.wire.tls_connection import TlsConnection

_TIMEOUT_S: Final = 2.0
_SURPLUS_S: Final = 0.01
_LARGEST_BYTES: Final = 65535
_MOST_CANDIDATES: Final = 24
_MOST_REQUEST_BYTES: Final = 1024 * 1024


class Recited(Enum):
    """What came of requests that were sent one by one."""

    HELD = auto()
    OTHERWISE = auto()
    """A reply was not as learnt."""
    SILENT = auto()
    """No more came, or the connection ended."""


def recite(target: Target, protocol: Protocol, requests: Sequence[bytes]) -> bool:
    """Send requests behind the opening, each once the one before is answered; say if all hold.

    Raises:
        CannotRunError: there is no connection.

    """
    return recited(target, protocol, requests) is Recited.HELD


def recited(
    target: Target, protocol: Protocol, requests: Sequence[bytes], timeout_s: float = _TIMEOUT_S
) -> Recited:
    """Send requests as `recite` does, each reply awaited for so long; say what came of them.

    Raises:
        CannotRunError: there is no connection.

    """
    if isinstance(protocol, LearntProtocol):
        protocol.begins_plan(ordered=True)
        protocol.has_lost_count()
    oracle = protocol.oracle()
    try:
        connection = connect(target)
    except ConnectError as error:
        raise CannotRunError(f"no connection to {target}: {error.reason}") from None
    with connection:
        said = as_sent(protocol, (*protocol.opening(), *requests), 0)
        ends = isinstance(protocol, HalfClosedProtocol)

        def upgraded(request: bytes) -> Connection:
            return secured(connection, target.host) if protocol.begins_tls(request) else connection

        return said_on(connection, oracle, said, timeout_s, ends=ends, upgraded=upgraded)


def said_on(
    connection: Connection,
    oracle: Oracle,
    requests: Sequence[bytes],
    timeout_s: float = _TIMEOUT_S,
    *,
    ends: bool = False,
    upgraded: Callable[[bytes], Connection] | None = None,
) -> Recited:
    """Send requests on a fresh connection, each once the one before is answered.

    Args:
        connection: stays open.
        oracle: judges it.
        requests: as they are sent.
        timeout_s: how long each reply may take.
        ends: whether each is followed by the end of our stream.
        upgraded: returns what it goes on with behind the reply to a request.

    """
    try:
        if not _answered(connection, oracle, timeout_s):
            return Recited.SILENT
        begin = 0
        for request in requests:
            oracle.announce(request)
            filled = bytearray(request)
            for at, value in oracle.given():
                filled[at - begin : at - begin + len(value)] = value
            begin += len(request)
            if not _sent(connection, filled, ends=ends):
                return Recited.SILENT
            oracle.sent(len(request))
            if not _answered(connection, oracle, timeout_s):
                return Recited.SILENT
            if upgraded is not None and not isinstance(connection, TlsConnection):
                connection = upgraded(request)
        surplus = connection.next_observation(Deadline(_SURPLUS_S))
        if isinstance(surplus, Data):
            oracle.receive_data(surplus.data)
    except OSError:
        return Recited.SILENT  # it does no handshake
    except WrongReplyError:
        return Recited.OTHERWISE
    return Recited.HELD


def with_roles(scripts: Scripts, target: Target) -> Scripts:
    """Return scripts with what opens a connection, and with what is answered alike in any order.

    Found by experiment: what can't be repeated at the beginning of a connection opens it, and so
    does what gives a value that later requests repeat.
    """
    if scripts.datagrams:
        return _with_independent_datagrams(scripts, target)
    greetings = len(scripts.scripts[0].lines) - len(scripts.scripts[0].spoken)
    givers = [carry.line - greetings for line in scripts.lines for carry in line.carries]
    given = max([*givers, *_upgraded_at(scripts)], default=-1) + 1
    if 0 < given <= common_opening(scripts.scripts):
        opened = _with_independent(_opened(scripts, given), target)
        if opened.independent or scripts.upgrades:
            return opened
    alone = _with_independent(scripts, target)
    if alone.independent:
        return alone
    for opening in range(1, common_opening(scripts.scripts) + 1):
        opened = _with_independent(_opened(scripts, opening), target)
        if opened.independent:
            return opened
    return scripts


def _upgraded_at(scripts: Scripts) -> list[int]:
    """Return behind which request TLS begins in each script in which it does."""
    return [
        script.requests.index(one)
        for script in scripts.scripts
        for one in scripts.upgrades
        if one in script.requests
    ]


def _with_independent_datagrams(scripts: Scripts, target: Target) -> Scripts:
    """Return scripts with the datagrams that are answered alike among each other."""
    protocol = protocol_of(scripts, time.time)
    independent: list[bytes] = []
    for request in dict.fromkeys(line.request for line in scripts.lines):
        said = [*independent, request, *reversed(independent), request]
        # Again, since a datagram may be lost.
        if any(_recite_datagrams(target, protocol, said) for _ in range(2)):
            independent.append(request)
    if not independent:
        raise CannotRunError(
            f"cannot judge {target} from this: no datagram gets the same answer twice"
        )
    return msgspec.structs.replace(scripts, independent=tuple(independent))


def _recite_datagrams(target: Target, protocol: Protocol, datagrams: Sequence[bytes]) -> bool:
    """Send datagrams, each once the one before is answered; say if all hold."""
    assert isinstance(protocol, Datagrams)
    oracle = protocol.datagram_oracle()
    with socket.socket(target.family, socket.SOCK_DGRAM) as peer:
        peer.settimeout(_TIMEOUT_S)
        try:
            peer.connect(target.address)
            for datagram in datagrams:
                oracle.sent(datagram)
                peer.send(datagram)
                while oracle.owed:
                    oracle.receive(peer.recv(_LARGEST_BYTES))
        except (OSError, WrongReplyError):
            return False
    return True


def _opened(scripts: Scripts, opening: int) -> Scripts:
    return msgspec.structs.replace(scripts, opening=opening)


def _with_independent(scripts: Scripts, target: Target) -> Scripts:
    """Return scripts with the requests that hold among each other, forwards and backwards.

    What isn't answered says nothing by itself: whether it was taken shows behind it alone.
    """
    protocol = protocol_of(scripts, time.time)
    answered = {line.request for line in scripts.lines if line.pattern.elements}
    candidates = [
        request
        for request in dict.fromkeys(
            request
            for script in scripts.scripts
            for request in script.requests[scripts.opening :]
            if len(request) <= _MOST_REQUEST_BYTES and request in answered
        )
        if not protocol.is_last(request) and not protocol.begins_tls(request)
    ]
    if protocol.one_request:
        firsts = [script.requests[scripts.opening] for script in scripts.scripts]
        independent = [
            one
            for one in dict.fromkeys(firsts)
            if one in answered and recite(target, protocol, [one])
        ]
    else:
        independent = []
        for request in candidates[:_MOST_CANDIDATES]:
            forwards = [*independent, request, *independent, request]
            backwards = [request, request, *reversed(independent), request, *independent]
            if recite(target, protocol, forwards) and recite(target, protocol, backwards):
                independent.append(request)
        # A candidate that was not taken may have changed what one before it asks for.
        independent = [one for one in independent if recite(target, protocol, [one])]
    return msgspec.structs.replace(scripts, independent=tuple(independent))


def _sent(connection: Connection, request: bytearray, *, ends: bool) -> bool:
    """Send a whole request, and the end of our stream behind it where it `ends` that."""
    left = memoryview(request)
    until = Deadline(_TIMEOUT_S)
    while left:
        taken = connection.send(left)
        if taken is None or (
            not taken and not connection.wait(until, readable=False, writable=True)
        ):
            return False
        left = left[taken:]
    if ends:
        connection.half_close()
    return True


def _answered(connection: Connection, oracle: Oracle, timeout_s: float) -> bool:
    """Read until nothing is owed; False where it doesn't come."""
    while oracle.owed:
        seen = connection.next_observation(Deadline(timeout_s))
        if not isinstance(seen, Data):
            return False
        oracle.receive_data(seen.data)
    return True
