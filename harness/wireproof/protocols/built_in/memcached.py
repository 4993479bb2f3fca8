"""Memcached's text protocol, with a model of values, flags and counters.

Strings and counters have keys of their own: after `incr` on a value with leading zeros, servers
differ in what `get` returns.
"""

from __future__ import annotations

import re
from types import MappingProxyType
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
    integers,
    octets,
    ordinary_values,
    padded,
    payloads,
)
from wireproof.results import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_STRINGS = (PLACEHOLDER + b"a", PLACEHOLDER + b"b")
_COUNTER = PLACEHOLDER + b"n"
_NOT_IN_KEYS = {*range(33), 127}
_MOST_KEY_BYTES = 250
_GONE = re.compile(rb"(?:DELETED|NOT_FOUND)\r\n")
_VERSION = re.compile(rb"VERSION [^\r\n]+\r\n")
_ERRORS = (b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR")
_VALUE = re.compile(rb"VALUE [^ ]+ \d+ (\d{1,20})(?: \d+)?")


class Memcached(RequestReply):
    """Memcached's text protocol: values, flags and counters, each reply known to the byte."""

    name = "memcached"
    opening_ahead = True
    source = "memcached, doc/protocol.txt"
    half_close: ClassVar[Level] = Level.MAY
    max_request_bytes: int = 512 * 1024
    """Memcached's own limit of a value is a megabyte."""
    levels = MappingProxyType({"COAL-HALF": Level.SHOULD})
    """memcached 1.6.18 sends no reply while a part of a value is there and the rest is not."""

    def __init__(self) -> None:
        """Start from an empty store: `opening` deletes this connection's keys."""
        self._store: dict[bytes, tuple[bytes, bytes]] = {}  # key -> (flags, value)
        self._cursor = LineCursor()

    def opening(self) -> list[bytes]:
        """Delete what an earlier run may have left."""
        return [b"delete %b\r\n" % key for key in (*_STRINGS, _COUNTER)]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the keys."""
        return with_serial(request, serial)

    def requests(self) -> SearchStrategy[bytes]:
        """Return one command."""
        from hypothesis import strategies as st

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return a get of a key."""
        return b"get %b\r\n" % _STRINGS[0]

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return each command, and a get of many keys."""
        from hypothesis import strategies as st

        keys = st.sampled_from(_STRINGS)
        values = payloads(300)
        # What a counter holds beyond 64 bits, servers do not agree about.
        numbers = st.one_of(st.integers(0, 10**6), st.sampled_from(border_integers(0, 2**63)))
        steps = st.one_of(st.integers(0, 10**6), st.sampled_from(border_integers(0, 2**32 + 1)))
        silence = st.sampled_from([b"", b" noreply"])

        def stored(name: bytes) -> SearchStrategy[bytes]:
            flags = integers(0, 65535)
            return st.builds(
                lambda key, flag, value, quiet: storage(name, key, value, flag, quiet),
                keys,
                flags,
                values,
                silence,
            )

        return {
            "version": st.just(b"version\r\n"),
            "get": st.builds(lambda key: b"get %b\r\n" % key, keys),
            "get-several": st.just(b"get %b %b\r\n" % _STRINGS),
            "get-many": st.sampled_from(BORDER_SIZES).map(_get_many),
            "set": stored(b"set"),
            "add": stored(b"add"),
            "replace": stored(b"replace"),
            "append": stored(b"append"),
            "prepend": stored(b"prepend"),
            "delete": st.builds(
                lambda key, quiet: b"delete %b%b\r\n" % (key, quiet), keys, silence
            ),
            "set-number": numbers.map(lambda number: storage(b"set", _COUNTER, b"%d" % number)),
            "incr": steps.map(lambda step: b"incr %b %d\r\n" % (_COUNTER, step)),
            "get-number": st.just(b"get %b\r\n" % _COUNTER),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return 80 gets to 20 sets; what is not set yet is rightly missing."""
        from hypothesis import strategies as st

        keys = st.sampled_from(_STRINGS)
        return {
            "get": (keys.map(lambda key: b"get %b\r\n" % key), 80),
            "set": (
                st.builds(lambda key, value: storage(b"set", key, value), keys, ordinary_values()),
                20,
            ),
        }

    def fed(self, value: bytes) -> dict[str, tuple[bytes, float]]:
        """Return a get and a set of a key of the connection's own; none where it is no key."""
        key = PLACEHOLDER + b":" + value
        if set(key) & _NOT_IN_KEYS or len(key) > _MOST_KEY_BYTES:
            return {}
        write = storage(b"set", key, octets(ORDINARY_SIZES[1], LETTERS))
        return {"get": (b"get %b\r\n" % key, 80), "set": (write, 20)}

    def forgetting(self, requests: Sequence[bytes]) -> list[bytes]:
        """Return a delete of each key that is the connection's own."""
        lines = (request.partition(b"\r\n")[0] for request in requests)
        keys = {word for line in lines for word in line.split(b" ") if PLACEHOLDER in word}
        return [b"delete %b\r\n" % key for key in sorted(keys - {*_STRINGS, _COUNTER})]

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a `set`."""
        return padded(size_bytes, lambda payload: storage(b"set", _STRINGS[0], payload))

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return a set and a get."""
        key = _STRINGS[0]
        write = storage(b"set", key, octets(size_bytes))
        return [write, b"get %b\r\n" % key] if len(write) <= self.max_request_bytes else None

    def malformed(self) -> SearchStrategy[bytes]:
        """Return commands that do not exist or break the grammar."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [b"wireproof\r\n", b"get\r\n", b"set a\r\n", b"get " + b"k" * 300 + b"\r\n", b"\r\n"]
        )

    def rules(self) -> list[Rule]:
        """Return what protocol.txt says of data blocks."""
        key, source = _STRINGS[0], "memcached, doc/protocol.txt, Storage commands"
        return [
            Rule(
                "MEMCACHED-001",
                Level.MUST,
                "The length decides where a data block ends, even where it holds CR LF or a reply.",
                source,
                "A server that looks for line ends within a value runs it as commands.",
                ((storage(b"set", key, b"END\r\nget x\r\n"), b"get %b\r\n" % key),),
            ),
            Rule(
                "MEMCACHED-002",
                Level.MUST,
                "A command with noreply is carried out and not answered.",
                source,
                "One reply too many shifts all later ones.",
                ((storage(b"set", key, b"1", 0, b" noreply"), b"get %b\r\n" % key),),
            ),
        ]

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return a line's end, or that of the last line of a retrieval."""
        cursor = self._cursor
        while cursor.at <= self.max_reply_bytes:  # beyond, it is too long before it is here
            line = cursor.line(buffer)
            if line is None:
                return None
            if not line.startswith(b"VALUE "):
                break
            header = _VALUE.fullmatch(line)
            if header is None:
                raise MalformedReplyError("a VALUE line without key, flags and length")
            cursor.at += int(header[1]) + 2
        return cursor.end(buffer)

    def refused(self, reply: bytes) -> bool:
        """Say whether it is an error."""
        return reply.startswith(_ERRORS)

    def in_words(self, reply: bytes) -> str:
        """Return the line of an error."""
        return first_line(reply) if self.refused(reply) else ""

    def expected(self, request: bytes) -> Expected:
        """Carry the command out on the model."""
        line, _, rest = request.partition(b"\r\n")
        name, *words = line.split(b" ")
        quiet = words[-1:] == [b"noreply"]
        match name:
            case b"version":
                return _VERSION
            case b"get":
                found = ((key, *self._store[key]) for key in words if key in self._store)
                blocks = [b"VALUE %b %b %d\r\n%b\r\n" % (k, f, len(v), v) for k, f, v in found]
                return b"".join(blocks) + b"END\r\n"
            case b"delete":
                existed = self._store.pop(words[0], None)
                # The opening deletes what an earlier run may have left, so both are right there.
                reply: Expected = b"DELETED\r\n" if existed else _GONE
            case b"incr":
                if words[0] not in self._store:
                    return b"NOT_FOUND\r\n"
                flags, value = self._store[words[0]]
                self._store[words[0]] = flags, b"%d" % (int(value) + int(words[1]))
                return self._store[words[0]][1] + b"\r\n"
            case _:
                reply = self._stored(name, words[0], words[1], rest[:-2])
        return None if quiet else reply

    def _stored(self, name: bytes, key: bytes, flags: bytes, value: bytes) -> bytes:
        old = self._store.get(key)
        if (old is None) != (name == b"add") and name != b"set":
            return b"NOT_STORED\r\n"
        if name in {b"append", b"prepend"}:  # these ignore the new flags
            assert old is not None
            flags = old[0]
            value = old[1] + value if name == b"append" else value + old[1]
        self._store[key] = flags, value
        return b"STORED\r\n"


def _get_many(count: int) -> bytes:
    """Return a get of so many keys, the first and the last of which may be there."""
    missing = (b"%b-%d" % (PLACEHOLDER, number) for number in range(count - 2))
    return b"get %b\r\n" % b" ".join([_STRINGS[0], *missing, _STRINGS[1]])


def storage(name: bytes, key: bytes, value: bytes, flags: int = 0, silence: bytes = b"") -> bytes:
    """Return a storage command with its data block."""
    return b"%b %b %d 0 %d%b\r\n%b\r\n" % (name, key, flags, len(value), silence, value)
