"""Two connections that say the same, side by side: does the server end the older one?

A broker keeps one session for each client name. Whoever replays a conversation on many connections
has them end each other then, and measures that alone. Found by experiment: a second connection
says what a first one said, and the first is looked at; beside it, that a first one lives for as
long alone. What of the requests is the name is found likewise: the word which a second connection
must change for the first to live.
"""

import re
import time
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Final

import msgspec

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.learnt.judges import protocol_of
from wireproof.learnt.protocol import LearntProtocol, variant
from wireproof.learnt.scripts import Scripts
from wireproof.protocols.base import as_sent
from wireproof.rehearsal.recital import Recited, said_on
from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.observations import EndOfStream, Reset

_LOOKED_S: Final = 0.3
_TIMES: Final = 2
_WORD: Final = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_.-]{2,}")
_MOST_WORDS: Final = 8
_OTHER_LETTERS: Final = 4
"""Of a name without digits: half a million names."""


class _Fate(Enum):
    LIVES = auto()
    ENDED = auto()
    UNKNOWN = auto()
    """What was said was not answered."""


class Namesakes(msgspec.Struct, frozen=True):
    r"""Connections that say the same end each other.

    Attributes:
        vary: the expression that gives each a name of its own, such as `paho-\d+`; empty where no
            word of the requests was found that does.

    """

    vary: str


def find_namesakes(scripts: Scripts, target: Target) -> Namesakes | None:
    """Return what becomes of two connections that say the same; None where both live.

    Args:
        scripts: as learnt, without names that differ already.
        target: resolved; a server that serves several connections at a time.

    Raises:
        CannotRunError: there is no connection.

    """
    if scripts.vary or scripts.datagrams or scripts.behind_end or scripts.upgrades:
        return None
    requests = _said_first(scripts)
    if any(_fate(scripts, target, requests) is not _Fate.ENDED for _ in range(_TIMES)):
        return None
    if _fate(scripts, target, requests, alone=True) is not _Fate.LIVES:
        return None
    for vary in _expressions(requests):
        varied = msgspec.structs.replace(scripts, vary=vary)
        if all(_fate(varied, target, requests) is _Fate.LIVES for _ in range(_TIMES)):
            return Namesakes(vary)
    return Namesakes("")


def _said_first(scripts: Scripts) -> tuple[bytes, ...]:
    """Return what opens a connection, and one more request: under load no connection says less."""
    first = scripts.scripts[0].requests
    if scripts.opening:
        return first[: scripts.opening]
    return tuple(scripts.independent[:1]) or first[:1]


def _fate(
    scripts: Scripts, target: Target, requests: Sequence[bytes], *, alone: bool = False
) -> _Fate:
    """Return what becomes of a connection once a second one was answered, or while it is alone."""
    protocol = protocol_of(scripts, time.time)
    protocol.looks_at_form(only=True)
    with _connected(target) as first:
        if not _is_answered(first, protocol, requests, 0):
            return _Fate.UNKNOWN
        if alone:
            return _fate_of(first)
        with _connected(target) as second:
            answered = _is_answered(second, protocol, requests, 1)
            return _fate_of(first) if answered else _Fate.UNKNOWN


def _is_answered(
    connection: Connection, protocol: LearntProtocol, requests: Sequence[bytes], serial: int
) -> bool:
    said = as_sent(protocol, requests, serial)
    return said_on(connection, protocol.oracle(), said) is Recited.HELD


def _fate_of(connection: Connection) -> _Fate:
    until = Deadline(_LOOKED_S)
    while not until.expired:
        seen = connection.next_observation(until)
        if isinstance(seen, EndOfStream | Reset):
            return _Fate.ENDED
    return _Fate.LIVES


def _connected(target: Target) -> Connection:
    try:
        return connect(target)
    except ConnectError as error:
        raise CannotRunError(f"no connection to {target}: {error.reason}") from None


def _expressions(requests: Sequence[bytes]) -> Iterator[str]:
    """Yield expressions that match a word of the requests, and the names that are made of it."""
    words = dict.fromkeys(word[0] for one in requests for word in _WORD.finditer(one))
    for word in list(words)[:_MOST_WORDS]:
        vary = _expression(word)
        if re.fullmatch(vary, variant(word, 1).decode()):
            yield vary


def _expression(word: bytes) -> str:
    r"""Return an expression for a word and others like it: other digits, or other last letters.

    >>> _expression(b"paho-17")
    'paho-[0-9]+'
    >>> _expression(b"sensor")
    'se[a-z][a-z][a-z][a-z]'
    """
    text = word.decode()
    if any(letter.isdigit() for letter in text):
        return re.sub("[0-9]+", "[0-9]+", text.replace(".", r"\."))
    letters = [
        "[a-z]" if letter.islower() else "[A-Z]" if letter.isupper() else letter
        for letter in text[-_OTHER_LETTERS:]
    ]
    return (text[:-_OTHER_LETTERS] + "".join(letters)).replace(".", r"\.")
