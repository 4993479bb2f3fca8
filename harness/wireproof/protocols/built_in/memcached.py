"""Memcached's text protocol, with a model of values, flags and counters.

Strings and counters have keys of their own: after `incr` on a value with leading zeros, servers
differ in what `get` returns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.built_in.sizes import padded
from wireproof.protocols.framing import LineCursor
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Expected
from wireproof.protocols.request_reply import RequestReply
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_STRINGS = (PLACEHOLDER + b"a", PLACEHOLDER + b"b")
_COUNTER = PLACEHOLDER + b"n"
_GONE = re.compile(rb"(?:DELETED|NOT_FOUND)\r\n")
_VERSION = re.compile(rb"VERSION [^\r\n]+\r\n")
_VALUE = re.compile(rb"VALUE [^ ]+ \d+ (\d{1,20})(?: \d+)?")


class Memcached(RequestReply):
    """Memcached's text protocol: values, flags and counters, each reply known to the byte."""

    name = "memcached"
    source = "memcached, doc/protocol.txt"
    half_close: ClassVar[Level] = Level.MAY
    max_request_bytes: int = 512 * 1024
    """Memcached's own limit of a value is a megabyte."""

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

        keys = st.sampled_from(_STRINGS)
        values = st.binary(max_size=300)
        numbers = st.integers(0, 10**6)
        silence = st.sampled_from([b"", b" noreply"])

        def stored(name: bytes) -> SearchStrategy[bytes]:
            flags = st.integers(0, 65535)
            return st.builds(
                lambda key, flag, value, quiet: storage(name, key, value, flag, quiet),
                keys,
                flags,
                values,
                silence,
            )

        return st.one_of(
            st.just(b"version\r\n"),
            st.builds(lambda key: b"get %b\r\n" % key, keys),
            stored(b"set"),
            st.just(b"get %b %b\r\n" % _STRINGS),
            st.sampled_from([b"add", b"replace", b"append", b"prepend"]).flatmap(stored),
            st.builds(lambda key, quiet: b"delete %b%b\r\n" % (key, quiet), keys, silence),
            numbers.map(lambda number: storage(b"set", _COUNTER, b"%d" % number)),
            numbers.map(lambda number: b"incr %b %d\r\n" % (_COUNTER, number)),
            st.just(b"get %b\r\n" % _COUNTER),
        )

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a `set`."""
        return padded(size_bytes, lambda payload: storage(b"set", _STRINGS[0], payload))

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
                "One reply too many shifts all that follow.",
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


def storage(name: bytes, key: bytes, value: bytes, flags: int = 0, silence: bytes = b"") -> bytes:
    """Return a storage command with its data block."""
    return b"%b %b %d 0 %d%b\r\n%b\r\n" % (name, key, flags, len(value), silence, value)
