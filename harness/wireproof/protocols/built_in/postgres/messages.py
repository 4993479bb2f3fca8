"""Messages of PostgreSQL's protocol 3, made and read (documentation, Message Formats)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wireproof.protocols.oracle import MalformedReplyError

_LEAST_LENGTH = 4  # the length counts itself
_NO_LIMIT = (0).to_bytes(4)
_ANY_MODIFIER = b"\xff\xff\xff\xff"
ASK_FOR_TLS = (8).to_bytes(4) + (80877103).to_bytes(4)
"""SSLRequest, answered by one byte without a length."""
TERMINATE = b"X\x00\x00\x00\x04"
SYNC = b"S\x00\x00\x00\x04"
PARSED, BOUND, CLOSED = b"1\x00\x00\x00\x04", b"2\x00\x00\x00\x04", b"3\x00\x00\x00\x04"
SUSPENDED, EMPTY = b"s\x00\x00\x00\x04", b"I\x00\x00\x00\x04"
READY = b"Z\x00\x00\x00\x05I"
"""Ready for a query, outside a transaction."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result.

    Attributes:
        name: as in `AS`.
        type_id: of the type, in `pg_type`.
        size: of its values in bytes; -1 where it varies.

    """

    name: bytes
    type_id: int
    size: int


def text_column(name: bytes) -> Column:
    """Return a column of type text."""
    return Column(name, 25, -1)


def integer_column(name: bytes) -> Column:
    """Return a column of type integer."""
    return Column(name, 23, 4)


def message(kind: bytes, *fields: bytes) -> bytes:
    r"""Return a message behind its kind and length.

    >>> message(b"Q", b"SELECT 1\0")
    b'Q\x00\x00\x00\rSELECT 1\x00'
    """
    body = b"".join(fields)
    return kind + (_LEAST_LENGTH + len(body)).to_bytes(4) + body


def startup(parameters: dict[str, str]) -> bytes:
    """Return what opens a connection, the one message without a kind."""
    fields = [f"{name}\0{value}\0".encode() for name, value in parameters.items()]
    return message(b"", (3 << 16).to_bytes(4), *fields, b"\0")


def password(word: str) -> bytes:
    """Return a password in clear."""
    return message(b"p", word.encode() + b"\0")


def query(text: bytes) -> bytes:
    """Return a simple query."""
    return message(b"Q", text + b"\0")


def parse(text: bytes, statement: bytes = b"") -> bytes:
    """Return what prepares a statement whose parameters say their types."""
    return message(b"P", statement + b"\0", text + b"\0", _int16(0))


def bind(
    values: Sequence[bytes], statement: bytes = b"", portal: bytes = b"", *, binary: bool = False
) -> bytes:
    """Return what opens a portal: parameters as text, results as text or binary."""
    given = b"".join(len(value).to_bytes(4) + value for value in values)
    formats = _int16(1) + _int16(1) if binary else _int16(0)
    return message(
        b"B",
        portal + b"\0" + statement + b"\0" + _int16(0),
        _int16(len(values)) + given + formats,
    )


def describe(what: bytes, name: bytes = b"") -> bytes:
    """Return what asks for the columns of a statement (`S`) or a portal (`P`)."""
    return message(b"D", what + name + b"\0")


def execute(most_rows: int = 0, portal: bytes = b"") -> bytes:
    """Return what fetches rows of a portal; all of them for 0."""
    return message(b"E", portal + b"\0" + most_rows.to_bytes(4))


def close(what: bytes, name: bytes) -> bytes:
    """Return what closes a statement (`S`) or a portal (`P`)."""
    return message(b"C", what + name + b"\0")


def row_description(columns: Sequence[Column], *, binary: bool = False) -> bytes:
    """Return the columns of a result that is computed, not read from a table."""
    described = [
        each.name
        + b"\0"
        + bytes(6)
        + each.type_id.to_bytes(4)
        + each.size.to_bytes(2, signed=True)
        + _ANY_MODIFIER
        + _int16(binary)
        for each in columns
    ]
    return message(b"T", _int16(len(columns)), *described)


def data_row(values: Sequence[bytes | None]) -> bytes:
    """Return a row; None is NULL."""
    fields = [
        b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4) + value for value in values
    ]
    return message(b"D", _int16(len(values)), *fields)


def parameters(type_ids: Sequence[int]) -> bytes:
    """Return the types of a statement's parameters."""
    return message(b"t", _int16(len(type_ids)), *(each.to_bytes(4) for each in type_ids))


def complete(tag: bytes) -> bytes:
    """Return the end of a command's result."""
    return message(b"C", tag + b"\0")


def message_length(buffer: bytes | bytearray) -> int | None:
    """Return how long the message at the start is, or None while that is not there.

    Raises:
        MalformedReplyError: its length is less than that of the length itself.

    """
    if len(buffer) < 1 + _LEAST_LENGTH:
        return None
    length = int.from_bytes(buffer[1 : 1 + _LEAST_LENGTH])
    if length < _LEAST_LENGTH:
        raise MalformedReplyError(f"the length of a message is {length}, less than its own size")
    return 1 + length


def split(messages: bytes) -> list[bytes]:
    """Return messages one by one."""
    found = []
    while messages:
        end = message_length(messages)
        assert end is not None
        found.append(messages[:end])
        messages = messages[end:]
    return found


def error_fields(reply: bytes) -> dict[str, str]:
    """Return the fields of an error or a notice, by the letter of each."""
    fields = {}
    for field in reply[1 + _LEAST_LENGTH :].split(b"\0"):
        if field:
            fields[chr(field[0])] = field[1:].decode(errors="replace")
    return fields


def _int16(number: int) -> bytes:
    return int(number).to_bytes(2)
