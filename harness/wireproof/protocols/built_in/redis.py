"""Redis (RESP2), with a model of strings, counters and lists."""

from __future__ import annotations

import re
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.framing import LineCursor
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Expected
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import (
    BORDER_SIZES,
    LETTERS,
    ORDINARY_SIZES,
    border_integers,
    octets,
    ordinary_values,
    padded,
    payloads,
)
from wireproof.results import Level
from wireproof.words import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_KEYS = tuple(PLACEHOLDER + letter for letter in (b"a", b"b", b"c"))
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_LENGTH = re.compile(rb"-1|[0-9]{1,10}")
"""int() takes more than RESP does: signs, spaces, and `1_0`."""
_ANY_INTEGER = re.compile(rb":[0-9]+\r\n")
_NOT_AN_INTEGER = re.compile(rb"-ERR [^\r\n]*(?:integer|overflow)[^\r\n]*\r\n")
_WRONG_TYPE = re.compile(rb"-WRONGTYPE [^\r\n]*\r\n")
_MOST_DEPTH = 9
_DELETED = 100
"""Keys at a time."""
_INT64 = range(-(2**63), 2**63)


def command(*words: bytes) -> bytes:
    r"""Return a command as an array of bulk strings.

    >>> command(b"PING")
    b'*1\r\n$4\r\nPING\r\n'
    """
    return b"*%d\r\n" % len(words) + b"".join(bulk(word) for word in words)


def bulk(value: bytes | None) -> bytes:
    """Return a bulk string, or the null bulk string."""
    return b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value)


class Redis(RequestReply):
    """Redis: strings, counters and lists, each reply known to the byte."""

    name = "redis"
    opening_ahead = True
    source = "RESP2 specification, redis.io/docs/latest/develop/reference/protocol-spec"
    half_close: ClassVar[Level] = Level.MAY
    """Redis takes the end of input as the client's leaving."""
    password: str = ""
    """Sent with AUTH first, where it is set."""

    def __init__(self) -> None:
        """Start from an empty store: `opening` deletes this connection's keys."""
        self._store: dict[bytes, bytes | bytearray | deque[bytes]] = {}
        self._cursor = LineCursor()
        self._unread = [1]  # values of the reply, and of each array that is open in it

    def opening(self) -> list[bytes]:
        """Log in if asked to, then delete what an earlier run may have left."""
        login = [command(b"AUTH", self.password.encode())] if self.password else []
        return [*login, command(b"DEL", *_KEYS)]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the keys."""
        return with_serial(request, serial)

    def requests(self) -> SearchStrategy[bytes]:
        """Return one command on one of three keys."""
        from hypothesis import strategies as st

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return a GET of a key."""
        return command(b"GET", _KEYS[0])

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return each command, and arrays of many words."""
        from hypothesis import strategies as st

        keys = st.sampled_from(_KEYS)
        numbers = st.one_of(
            st.integers(-(10**6), 10**6), st.sampled_from(border_integers(-(2**63), 2**63 - 1))
        ).map(lambda number: b"%d" % number)
        values = st.one_of(numbers, payloads(300))
        indices = st.integers(-4, 4).map(lambda number: b"%d" % number)
        counts = st.sampled_from(BORDER_SIZES)

        def words(name: bytes, *arguments: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
            return st.tuples(*arguments).map(lambda found: command(name, *found))

        return {
            "ping": st.just(command(b"PING")),
            "echo": words(b"ECHO", values),
            "get": words(b"GET", keys),
            "set": words(b"SET", keys, values),
            "incr": words(b"INCR", keys),
            "incrby": words(b"INCRBY", keys, numbers),
            "decr": words(b"DECR", keys),
            "append": words(b"APPEND", keys, values),
            "strlen": words(b"STRLEN", keys),
            "rpush": words(b"RPUSH", keys, values),
            "rpush-many": st.builds(
                lambda key, count: command(b"RPUSH", key, *(b"%d" % at for at in range(count))),
                keys,
                counts,
            ),
            "lpush": words(b"LPUSH", keys, values, values),
            "lpop": words(b"LPOP", keys),
            "llen": words(b"LLEN", keys),
            "lrange": words(b"LRANGE", keys, indices, indices),
            "lrange-all": words(b"LRANGE", keys, st.just(b"0"), st.just(b"-1")),
            "exists": words(b"EXISTS", keys),
            "exists-many": st.builds(
                lambda key, count: command(b"EXISTS", *[key, _KEYS[0]] * (count // 2), key),
                keys,
                counts,
            ),
            "del": words(b"DEL", keys),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return 80 GET to 20 SET; what is not set yet is rightly missing."""
        from hypothesis import strategies as st

        keys = st.sampled_from(_KEYS)
        return {
            "get": (keys.map(lambda key: command(b"GET", key)), 80),
            "set": (
                st.builds(lambda key, value: command(b"SET", key, value), keys, ordinary_values()),
                20,
            ),
        }

    def fed(self, value: bytes) -> dict[str, tuple[bytes, float]]:
        """Return a GET and a SET of a key of the connection's own."""
        key = PLACEHOLDER + b":" + value
        write = command(b"SET", key, octets(ORDINARY_SIZES[1], LETTERS))
        return {"get": (command(b"GET", key), 80), "set": (write, 20)}

    def forgetting(self, requests: Sequence[bytes]) -> list[bytes]:
        """Return DELs of what is the connection's own."""
        words = {word for request in requests for word in _words(request) if PLACEHOLDER in word}
        keys = sorted(words - {*_KEYS})
        starts = range(0, len(keys), _DELETED)
        return [command(b"DEL", _KEYS[0], *keys[at : at + _DELETED]) for at in starts]

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return an ECHO."""
        return padded(size_bytes, lambda payload: command(b"ECHO", payload))

    def sized_conversation(self, size_bytes: int) -> list[bytes]:
        """Return a SET and a GET."""
        key = _KEYS[0]
        return [command(b"SET", key, octets(size_bytes)), command(b"GET", key)]

    def malformed(self) -> SearchStrategy[bytes]:
        """Return arrays that break the grammar of RESP."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [b"*1\r\n$-5\r\n", b"*2\r\n$4\r\nECHO\r\n:1\r\n", b"*1\r\n$x\r\n", b"*99999999999\r\n"]
        )

    def rules(self) -> list[Rule]:
        """Return what RESP says of bulk strings."""
        key, source = _KEYS[0], "RESP specification, Bulk strings"
        tricky = b"\r\n$5\r\n*1\r\n+OK\r\n"
        return [
            Rule(
                "REDIS-001",
                Level.MUST,
                "A bulk string may hold CR LF, and whatever else looks like RESP.",
                source,
                "A server that looks for line ends within a value stores another one.",
                ((command(b"SET", key, tricky), command(b"GET", key)),),
            ),
            Rule(
                "REDIS-002",
                Level.MUST,
                "An empty string and a missing key have different replies.",
                source,
                "Clients rely on this to tell an empty value from a missing one.",
                ((command(b"SET", key, b""), command(b"GET", key), command(b"GET", _KEYS[1])),),
            ),
        ]

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return where the first value ends."""
        cursor, unread = self._cursor, self._unread
        while unread:
            line = cursor.line(buffer)
            if line is None:
                return None
            unread[-1] -= 1
            kind = line[:1]
            if kind not in {b"+", b"-", b":"}:
                size = _length(kind or b"\r", line[1:], len(unread))
                if kind == b"*":
                    unread.append(max(size, 0))
                elif size >= 0:
                    cursor.at += size + 2
            while unread and not unread[-1]:
                unread.pop()
        if cursor.at <= len(buffer):
            unread.append(1)
        return cursor.end(buffer)

    def refused(self, reply: bytes) -> bool:
        """Say whether it is an error."""
        return reply.startswith(b"-")

    def in_words(self, reply: bytes) -> str:
        """Return the line of an error."""
        return first_line(reply[1:]) if self.refused(reply) else ""

    def expected(self, request: bytes) -> Expected:
        """Carry the command out on the model."""
        name, *arguments = _words(request)
        if name in {b"PING", b"AUTH"}:
            return b"+PONG\r\n" if name == b"PING" else b"+OK\r\n"
        if name == b"ECHO":
            return bulk(arguments[0])
        if name == b"DEL" and len(arguments) > 1:  # the opening: whether they exist is unknown
            self._store.clear()
            return _ANY_INTEGER
        return self._on_key(name, *arguments)

    def _on_key(self, name: bytes, key: bytes, *arguments: bytes) -> Expected:
        value = self._store.get(key)
        match name:
            case b"SET":
                self._store[key] = arguments[0]
                return b"+OK\r\n"
            case b"DEL":
                return b":%d\r\n" % (self._store.pop(key, None) is not None)
            case b"EXISTS":
                return b":%d\r\n" % sum(each in self._store for each in (key, *arguments))
            case b"RPUSH" | b"LPUSH" | b"LPOP" | b"LLEN" | b"LRANGE":
                return self._on_list(name, key, value, arguments)
            case _:
                return self._on_string(name, key, value, arguments)

    def _on_string(
        self,
        name: bytes,
        key: bytes,
        value: bytes | bytearray | deque[bytes] | None,
        arguments: tuple[bytes, ...],
    ) -> Expected:
        if isinstance(value, deque):
            return _WRONG_TYPE
        match name:
            case b"GET":
                return bulk(None if value is None else bytes(value))
            case b"STRLEN":
                return b":%d\r\n" % len(value or b"")
            case b"APPEND":
                appended = value if isinstance(value, bytearray) else bytearray(value or b"")
                appended += arguments[0]
                self._store[key] = appended
                return b":%d\r\n" % len(appended)
        step = {b"INCR": 1, b"DECR": -1}.get(name) or int(arguments[0])
        return self._add(key, b"0" if value is None else value, step)

    def _add(self, key: bytes, value: bytes | bytearray, step: int) -> Expected:
        if not _INTEGER.fullmatch(value):
            return _NOT_AN_INTEGER
        number = int(value) + step
        if number not in _INT64 or int(value) not in _INT64:
            return _NOT_AN_INTEGER
        self._store[key] = b"%d" % number
        return b":%d\r\n" % number

    def _on_list(
        self,
        name: bytes,
        key: bytes,
        value: bytes | bytearray | deque[bytes] | None,
        arguments: tuple[bytes, ...],
    ) -> Expected:
        if isinstance(value, bytes | bytearray):
            return _WRONG_TYPE
        items: deque[bytes] = deque() if value is None else value
        match name:
            case b"RPUSH" | b"LPUSH":
                if name == b"RPUSH":
                    items.extend(arguments)
                else:
                    items.extendleft(arguments)
                self._store[key] = items
                return b":%d\r\n" % len(items)
            case b"LPOP":
                if not items:
                    return bulk(None)
                first = items.popleft()
                if not items:
                    del self._store[key]
                return bulk(first)
            case b"LLEN":
                return b":%d\r\n" % len(items)
        start, stop = (int(a) if int(a) >= 0 else int(a) + len(items) for a in arguments)
        # An array of bulk strings looks as a command does.
        return command(*islice(items, max(start, 0), max(stop + 1, 0)))


def _words(request: bytes) -> list[bytes]:
    """Return the bulk strings of a command that `command` made."""
    words, position = [], request.index(b"\n") + 1
    while position < len(request):
        start = request.index(b"\n", position) + 1
        size = int(request[position + 1 : start])
        words.append(request[start : start + size])
        position = start + size + 2
    return words


def _length(kind: bytes, digits: bytes, depth: int) -> int:
    """Return the length of a string or an array that stands so deep in others."""
    if kind not in {b"$", b"*"} or depth > _MOST_DEPTH:
        raise MalformedReplyError(f"no value of RESP2 begins with {kind!r}")
    if not _LENGTH.fullmatch(digits):
        raise MalformedReplyError(f"{printable(digits)} is no length")
    return int(digits)
