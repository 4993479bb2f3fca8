import gzip
import io
from pathlib import Path

import pytest

from tests.support import packets
from tests.support.packets import Write, captured, exchanged
from wireproof.conversation import Conversation, End, Turn
from wireproof.errors import UsageError
from wireproof.traffic import sources
from wireproof.traffic.recordings import RECORDING_FORMAT, Head, RecordingWriter
from wireproof.traffic.sources import choose, read_sources


def _file(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def _recording(folder: Path) -> str:
    writer = RecordingWriter(folder / "traffic.wireproof", Head(RECORDING_FORMAT, "x", 0.0), 9999)
    writer.add(0, "client", b"recorded\n")
    writer.close()
    return str(writer.path)


CAPTURE = captured(exchanged([Write(True, b"captured\n")]))


def _refused(*names: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_sources(names)
    assert len(str(caught.value).splitlines()) <= 2
    return str(caught.value)


def test_files_of_requests_are_one_conversation(tmp_path: Path) -> None:
    """In the order given; nothing is known of the replies."""
    names = [_file(tmp_path, name, name.encode()) for name in ("b", "a")]
    (found,) = read_sources(names).conversations
    assert found.requests == (b"b", b"a")
    assert not found.replies_known


def test_a_request_may_come_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among files, too."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped\xff")))
    (found,) = read_sources(["-", _file(tmp_path, "a", b"filed")]).conversations
    assert found.requests == (b"piped\xff", b"filed")
    assert "named twice" in _refused("-", "-")


def test_captures_and_recordings_are_told_by_their_bytes(tmp_path: Path) -> None:
    """Whatever their names are; all conversations of all files are there."""
    found = read_sources([_file(tmp_path, "x.txt", CAPTURE), _recording(tmp_path)])
    assert [one.requests for one in found.conversations] == [(b"captured\n",), (b"recorded\n",)]
    assert found.left_out == ()


def test_what_cannot_be_used_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a line or two, with what to do instead."""
    capture, request = _file(tmp_path, "c", CAPTURE), _file(tmp_path, "r", b"request")
    assert "is a request by itself" in _refused(capture, request)
    assert "cannot read" in _refused(str(tmp_path / "none"))
    assert "cannot read" in _refused(str(tmp_path))
    assert "cannot read" in _refused("a\0b")
    assert "is empty" in _refused(_file(tmp_path, "empty", b""))
    assert "gunzip" in _refused(_file(tmp_path, "packed", gzip.compress(CAPTURE)))
    monkeypatch.setattr(sources, "MOST_BYTES", 100)
    assert "tcpdump -r" in _refused(capture)
    assert "larger than the" in _refused(_file(tmp_path, "long", b"x" * 101))


def test_a_capture_of_two_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    """Memory is bounded; a device that never ends is refused as well."""
    huge = tmp_path / "huge.pcap"
    with huge.open("wb") as file:
        file.write(CAPTURE)
        file.truncate(2 << 30)
    assert "larger than the 256 MiB that are read\nsave the part" in _refused(str(huge))
    assert "/dev/zero is larger" in _refused("/dev/zero")


def _conversation(*requests: bytes, end: End = End.CLIENT) -> Conversation:
    return Conversation("x", tuple(map(Turn, requests)), end)


def test_the_shortest_that_differ_are_chosen() -> None:
    """Not many times the same with other numbers; in the order in which they were."""
    alike = [_conversation(b"GET key:%d\n" % number) for number in range(1000)]
    longer = [_conversation(*[b"%c\n" % letter] * 3) for letter in b"abcdefghijklmnop"]
    chosen = choose([*longer, *alike])
    assert len(chosen) == 12
    assert chosen[-1] is alike[0]
    assert list(chosen[:-1]) == longer[:11]
    other_end = _conversation(b"GET key:1\n", end=End.SERVER)
    assert choose([*alike, other_end]) == (alike[0], other_end)


def test_one_may_be_named() -> None:
    """By its number, from 1."""
    several = [_conversation(b"a"), _conversation(b"b")]
    assert choose(several, 2) == (several[1],)
    for number in (0, 3, -1):
        with pytest.raises(UsageError, match="only 2 conversations\nwrite a number from 1 to 2"):
            choose(several, number)


@pytest.mark.parametrize(
    ("begins", "told"),
    [
        (b"snoop\0\0\0\0\0\0\2", "editcap"),
        (b"GMBU", "Network Monitor"),
        (b"\xa1\xb2\xcd\x34", "editcap"),
        (b"\x34\xcd\xb2\xa1", "editcap"),
        (b"\x28\xb5\x2f\xfd", "unzstd"),
        (b"\xfd7zXZ\0", "unxz"),
        (b"\x04\x22\x4d\x18", "unlz4"),
    ],
)
def test_what_nobody_sends_as_a_request_is_told(tmp_path: Path, begins: bytes, told: str) -> None:
    """A capture of another form would be played as one otherwise."""
    assert told in _refused(_file(tmp_path, "x", begins + bytes(40)))


def test_a_capture_is_read_for_what_the_target_speaks(tmp_path: Path) -> None:
    """Of datagrams or of streams."""
    path = _file(tmp_path, "x.pcap", packets.pcap([(0, packets.udp(b"a?", 9, 53))], 101))
    (found,) = read_sources([path], datagrams=True).conversations
    assert found.datagrams
    assert "name a udp:// target" in _refused(path)
