"""Requests that a user has written down, and what fills them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.errors import UsageError
from wireproof.load.workload.requests_file import (
    MOST_REQUESTS,
    read_requests,
    read_values,
    unescaped,
)


def _written(folder: Path, text: bytes, name: str = "requests.txt") -> str:
    path = folder / name
    path.write_bytes(text)
    return str(path)


def test_a_line_is_a_request_and_its_end_is_not_part_of_it(tmp_path: Path):
    """Whichever way the editor ends lines; an empty one is none."""
    path = _written(tmp_path, b"get a\\r\\n\n\nset b 0 0 1\\r\\n\\x00\\r\\n\r\n")
    assert read_requests(path) == [b"get a\r\n", b"set b 0 0 1\r\n\0\r\n"]


@given(st.binary(min_size=1, max_size=50))
def test_any_bytes_can_be_written(request_bytes: bytes):
    """Each byte as an escape is that byte."""
    line = b"".join(b"\\x%02x" % byte for byte in request_bytes)
    assert unescaped(line, 1, "file") == request_bytes


@pytest.mark.parametrize("line", [rb"\q", rb"\x4", rb"\xzz", b"\\"])
def test_what_is_no_escape_is_refused_with_its_line(line: bytes):
    """Nobody guesses what was meant."""
    with pytest.raises(UsageError, match=r"file, line 7: .* is not an escape"):
        unescaped(line, 7, "file")


def test_each_row_fills_each_request(tmp_path: Path):
    """From a CSV file by the names in its first line; what is no name stays as it stands."""
    requests = _written(tmp_path, b"get {key}\n{key}={value} {other}\n")
    feed = _written(tmp_path, 'key,value\na,"1,2"\nb,\u00fc\n'.encode(), "feed.CSV")
    assert read_requests(requests, feed) == [
        b"get a",
        b"a=1,2 {other}",
        b"get b",
        "b=\u00fc {other}".encode(),
    ]


def test_a_feed_of_lines_fills_the_place_of_a_line(tmp_path: Path):
    """Also with bytes that are no UTF-8."""
    requests, feed = _written(tmp_path, b"GET {line}"), _written(tmp_path, b"/a\n/\xff\n", "paths")
    assert read_requests(requests, feed) == [b"GET /a", b"GET /\xff"]


def test_there_are_so_many_at_most(tmp_path: Path):
    """In number and in bytes; the first is always there."""
    requests, feed = _written(tmp_path, b"{line}" * 10), _written(tmp_path, b"a\n" * 70_000, "feed")
    assert len(read_requests(requests, feed)) == MOST_REQUESTS
    assert len(read_requests(requests, feed, room_bytes=25)) == 2
    assert len(read_requests(requests, feed, room_bytes=1)) == 1


@pytest.mark.parametrize(("form", "width"), [("u8", 1), ("u16", 2), ("u32", 4), ("u64", 8)])
def test_a_length_in_front_of_each_says_where_it_ends(form: str, width: int, tmp_path: Path):
    """Then a byte is itself, line ends and backslashes too; a feed fills places as in lines."""
    found = [b"a\n\r\n\\x", b"", b"{line}\0"]
    data = b"".join(len(each).to_bytes(width) + each for each in found)
    path, feed = _written(tmp_path, data), _written(tmp_path, b"1\n2\n", "feed")
    assert read_requests(path, form=form) == [found[0], found[2]]
    assert read_requests(path, feed, form=form)[1::2] == [b"1\0", b"2\0"]
    with pytest.raises(UsageError, match=r"offset \d+: request number 4 "):
        read_requests(_written(tmp_path, data + b"\xff"), form=form)


def test_values_are_lines_or_the_first_column(tmp_path: Path):
    """Of a feed without requests."""
    assert read_values(_written(tmp_path, b"a\n\nb\n", "keys")) == [b"a", b"b"]
    assert read_values(_written(tmp_path, b"key,size\na,1\nb,2\n", "keys.csv")) == [b"a", b"b"]


@pytest.mark.parametrize(
    ("requests", "feed", "name", "problem"),
    [
        (b"\n \n", b"a\n", "feed", "has no request"),
        (b"get a\n", b"a\n", "feed", "no request has a place"),
        (b"get {line}\n", b"\n", "feed", "has no value"),
        (b"get {a}\n", b"a\n", "feed.csv", "has no value"),
        (b"get {a}\n", b"a,b\n1\n", "feed.csv", "more or fewer values"),
        (b"get {a}\n", b"a,b\n1,2,3\n", "feed.csv", "more or fewer values"),
        (b"get {a}\n", b'a,b\n"1"2,3\n', "feed.csv", "not a CSV file"),
    ],
)
def test_what_cannot_be_used_is_refused(
    requests: bytes, feed: bytes, name: str, problem: str, tmp_path: Path
):
    """With what is wrong with it."""
    with pytest.raises(UsageError, match=problem):
        read_requests(_written(tmp_path, requests), _written(tmp_path, feed, name))
