r"""Requests that a user has written down, and values to fill them with.

A line is a request. Its end is not part of it: what ends a request on the wire is written as
`\r\n`, and any other byte as `\x00` or as itself. Or a length is in front of each request, in so
many bytes as is said, big-endian and without itself; then a byte stands for itself. Where a feed is
given, `{name}` stands for the value in the column of that name, and each row of the feed fills each
request once.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from wireproof.errors import UsageError
from wireproof.files import read_limited

MAX_FILE_BYTES = 64 * 1024 * 1024
MOST_REQUESTS = 65536
LINES = "lines"
FORMS = {LINES: 0, "u8": 1, "u16": 2, "u32": 4, "u64": 8}
"""How requests stand in a file: in how many bytes their length is in front of them."""
LINE = "line"
"""What the one column of a feed is called that is not a `.csv` file."""
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.?))", re.DOTALL)
_ESCAPED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}


def read_requests(
    requests: str, feed: str = "", *, form: str = LINES, room_bytes: int = MAX_FILE_BYTES
) -> list[bytes]:
    """Return the requests of a file, filled in from a feed if there is one.

    Args:
        requests: the path of the file.
        feed: that of the values: `.csv` with a line of names first, or a value a line.
        form: one of `FORMS`.
        room_bytes: how many bytes of requests there may be; what comes behind is left out.

    Raises:
        UsageError: a file cannot be read, has no request, or an escape that there is not; or the
            feed has no value for any of the requests.

    """
    data = _read(requests, "file of requests")
    templates = list(_lines(data, requests) if form == LINES else _counted(data, form, requests))
    if not templates:
        raise UsageError(f"{requests} has no request", "write one a line, ended by \\\\r\\\\n")
    found: list[bytes] = []
    size = 0
    for request in _filled(templates, feed) if feed else templates:
        size += len(request)
        if found and (size > room_bytes or len(found) == MOST_REQUESTS):
            break
        found.append(request)
    return found


def read_values(feed: str) -> list[bytes]:
    """Return the values of a feed that are used by themselves: the lines, or the first column.

    Raises:
        UsageError: the file cannot be read, or has none.

    """
    rows = _rows(feed)
    (first, *_) = rows[0]
    return [_bytes(row[first]) for row in rows[:MOST_REQUESTS]]


def _lines(text: bytes, path: str) -> Iterator[bytes]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield unescaped(line, number, path)


def _counted(data: bytes, form: str, path: str) -> Iterator[bytes]:
    at, number = 0, 1
    while at < len(data):
        start = at + FORMS[form]
        end = start + int.from_bytes(data[at:start])
        if end > len(data):
            raise UsageError(
                f"{path}, offset {at}: request number {number} has a length of {end - start} bytes,"
                f" and {max(0, len(data) - start)} follow",
                "write --requests-as for the length that the file has: u8, u16, u32, u64 or lines",
            )
        if end > start:
            yield data[start:end]
        at, number = end, number + 1


def unescaped(line: bytes, number: int, path: str) -> bytes:
    r"""Return the bytes that a line stands for.

    >>> unescaped(rb"GET \x41\r\n", 1, "file")
    b'GET A\r\n'
    """

    def byte(found: re.Match[bytes]) -> bytes:
        if found[1]:
            return bytes.fromhex(found[1].decode())
        if found[2] not in _ESCAPED:
            shown = ascii(found[0].decode("latin-1"))
            raise UsageError(
                f"{path}, line {number}: {shown} is not an escape",
                r"write \r, \n, \t, \0, \xNN, or \\ for the character itself",
            )
        return _ESCAPED[found[2]]

    return _ESCAPE.sub(byte, line)


def _filled(templates: list[bytes], feed: str) -> Iterator[bytes]:
    rows = _rows(feed)
    names = {b"{%b}" % _bytes(name): name for name in rows[0]}
    if not any(each in template for each in names for template in templates):
        wanted = " or ".join("{" + name + "}" for name in rows[0])
        raise UsageError(f"no request has a place for a value of {feed}", f"write {wanted} there")
    places = re.compile(b"|".join(map(re.escape, names)))
    for row in rows:
        values = {place: _bytes(row[name]) for place, name in names.items()}
        for template in templates:
            yield places.sub(partial(_value, values), template)


def _rows(feed: str) -> Sequence[Mapping[str, str]]:
    text = _read(feed, "feed").decode("utf-8", "surrogateescape")
    if feed.lower().endswith(".csv"):
        try:
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise UsageError(f"{feed} is not a CSV file: {error}") from None
        if any(None in row or None in row.values() for row in rows):
            raise UsageError(f"{feed} has a row with more or fewer values than its first line")
    else:
        rows = [{LINE: line} for line in text.splitlines() if line]
    if not rows:
        raise UsageError(
            f"{feed} has no value", "write one a line, or a .csv file with names first"
        )
    return rows


def _value(values: Mapping[bytes, bytes], place: re.Match[bytes]) -> bytes:
    return values[place[0]]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _read(path: str, what: str) -> bytes:
    return read_limited(Path(path), MAX_FILE_BYTES, what)
