"""Queries over literals, and what a right server answers: the model of the oracle.

Each column has a name and each literal a type, so that a result is known to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wireproof.protocols.built_in.postgres import messages as pg
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Judge, Reply

_SYNTAX_ERROR, _DIVISION_BY_ZERO, _NO_STATEMENT = "42601", "22012", "26000"
_LITERAL = re.compile(rb"('(?:[^']|'')*'|-?[0-9]+)::(text|integer) AS (\w+)")
_SERIES = re.compile(rb"SELECT generate_series\(1, ([0-9]+)\)::integer AS n")
_ECHO = b"SELECT $1::text AS t, $2::integer AS i"
_ECHO_COLUMNS = (pg.text_column(b"t"), pg.integer_column(b"i"))
_STATEMENT = b"wireproof"
DIVISION = b"SELECT 1/0 AS z"


def _quoted(value: bytes | int) -> bytes:
    if isinstance(value, int):
        return b"%d::integer" % value
    return b"'%b'::text" % value.replace(b"'", b"''")


def select(values: Sequence[bytes | int]) -> bytes:
    """Return a query of literals."""
    columns = [b"%b AS c%d" % (_quoted(value), at) for at, value in enumerate(values)]
    return b"SELECT " + b", ".join(columns)


def series(count: int) -> bytes:
    """Return a query of rows that count up from 1."""
    return b"SELECT generate_series(1, %d)::integer AS n" % count


def extended(text: bytes, number: int, *, binary: bool = False) -> bytes:
    """Return an extended query that gives its two parameters back."""
    values = (text, b"%d" % number)
    bound = pg.bind(values, binary=binary)
    return pg.parse(_ECHO) + bound + pg.describe(b"P") + pg.execute() + pg.SYNC


def named(text: bytes, number: int) -> bytes:
    """Return a statement that is prepared, described, used twice and closed."""
    used = pg.bind((text, b"%d" % number), _STATEMENT) + pg.execute()
    prepared = pg.parse(_ECHO, _STATEMENT) + pg.describe(b"S", _STATEMENT)
    return prepared + used + used + pg.close(b"S", _STATEMENT) + pg.SYNC


def in_portions(count: int, most_rows: int) -> bytes:
    """Return a query whose rows are fetched in portions, once more than there are."""
    opened = pg.parse(series(count)) + pg.bind(())
    return opened + pg.execute(most_rows) * (count // most_rows + 1) + pg.SYNC


def failing(text: bytes) -> bytes:
    """Return a query of a statement that does not exist, and more that is to be skipped."""
    skipped = pg.parse(_ECHO) + pg.bind((text, b"7")) + pg.execute()
    return pg.bind((text,), b"wireproof_none") + pg.execute() + skipped + pg.SYNC


def error(state: str) -> Judge:
    """Return what accepts an error with that SQLSTATE; another one is malformed."""

    def is_error(reply: bytes) -> bool:
        if not reply.startswith(b"E"):
            return False
        found = pg.error_fields(reply).get("C")
        if found != state:
            raise MalformedReplyError(f"an error with SQLSTATE {found}")
        return True

    return Judge(is_error, f"an error with SQLSTATE {state}")


def _result(text: bytes) -> tuple[list[pg.Column], list[list[bytes]]]:
    """Return the columns and rows of one of the queries above."""
    if counted := _SERIES.fullmatch(text):
        rows = [[b"%d" % number] for number in range(1, int(counted[1]) + 1)]
        return [pg.integer_column(b"n")], rows
    columns, row = [], []
    for literal, kind, name in _LITERAL.findall(text):
        is_text = kind == b"text"
        columns.append(pg.text_column(name) if is_text else pg.integer_column(name))
        row.append(literal[1:-1].replace(b"''", b"'") if is_text else literal)
    return columns, [row]


def simple_answers(text: bytes) -> list[bytes | Reply]:
    """Return what answers a simple query, without its end."""
    if not text.strip(b" ;"):
        return [pg.EMPTY]
    if text == DIVISION:  # found when it is planned, or only when it is run
        columns = pg.row_description([pg.integer_column(b"z")])
        return [Reply(columns, optional=True), Reply(error(_DIVISION_BY_ZERO))]
    if not text.startswith(b"SELECT"):
        return [Reply(error(_SYNTAX_ERROR))]
    found: list[bytes | Reply] = []
    for statement in _statements(text):
        columns_of, rows = _result(statement)
        found += [pg.row_description(columns_of), *map(pg.data_row, rows)]
        found.append(pg.complete(b"SELECT %d" % len(rows)))
    return found


def _statements(text: bytes) -> list[bytes]:
    """Return the statements of a query; a semicolon within quotes parts none."""
    found, quotes = [b""], 0
    for piece in text.split(b"; SELECT "):
        if quotes % 2:
            found[-1] += b"; SELECT " + piece
        elif found[-1]:
            found.append(b"SELECT " + piece)
        else:
            found[-1] = piece
        quotes = found[-1].count(b"'")
    return found


def extended_answers(sent: Sequence[bytes]) -> list[bytes | Reply]:
    """Return what answers an extended query, up to its Sync."""
    found: list[bytes | Reply] = []
    rows: list[list[bytes]] = []
    echoes = binary = False
    for message in sent:
        body = message[5:]
        match message[:1]:
            case b"P":
                text = body.split(b"\0")[1]
                echoes = text == _ECHO
                rows = [] if echoes else _result(text)[1]
                found.append(pg.PARSED)
            case b"B":
                statement, values, binary = _bound(body)
                if statement not in {b"", _STATEMENT}:
                    return [Reply(error(_NO_STATEMENT)), pg.READY]
                rows = [values] if echoes else rows
                found.append(pg.BOUND)
            case b"D" if body[:1] == b"S":
                found += [pg.parameters([25, 23]), pg.row_description(_ECHO_COLUMNS)]
            case b"D":
                found.append(pg.row_description(_ECHO_COLUMNS, binary=binary))
            case b"E":
                most = int.from_bytes(body[-4:]) or len(rows) + 1
                given, rows = rows[:most], rows[most:]
                found += [pg.data_row(_encoded(row, binary=binary)) for row in given]
                is_over = len(given) < most
                found.append(pg.complete(b"SELECT %d" % len(given)) if is_over else pg.SUSPENDED)
            case b"C":
                found.append(pg.CLOSED)
            case _:
                found.append(pg.READY)
    return found


def _bound(body: bytes) -> tuple[bytes, list[bytes], bool]:
    """Return statement, parameters, and whether results are binary, of a Bind."""
    _, statement, rest = body.split(b"\0", 2)
    values, at = [], 4  # behind the formats of the parameters, none, and their number
    for _ in range(int.from_bytes(rest[2:4])):
        end = at + 4 + int.from_bytes(rest[at : at + 4])
        values.append(rest[at + 4 : end])
        at = end
    return statement, values, int.from_bytes(rest[at : at + 2]) == 1


def _encoded(row: list[bytes], *, binary: bool) -> list[bytes]:
    if not binary:
        return row
    text, number = row
    return [text, int(number).to_bytes(4, signed=True)]
