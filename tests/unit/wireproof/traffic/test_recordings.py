import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.conversation import Conversation, End
from wireproof.errors import CannotRunError, UsageError
from wireproof.traffic.recordings import (
    RECORDING_FORMAT,
    Head,
    RecordingWriter,
    What,
    is_recording,
    read_recording,
)

HEAD = Head(RECORDING_FORMAT, "tcp://127.0.0.1:7", 1767441601.25)
FIRST_LINE = b'{"wireproof":"recording","format":1,"target":"x","begun_at_s":0}\n'
CLIENT_LINE = b'{"at_us":1,"connection":0,"what":"client","data":"eA=="}\n'
MANY = 1 << 20
Events = list[tuple[int, What, bytes]]


def _written(path: Path, events: Events, head: Head = HEAD, most_bytes: int = MANY) -> bytes:
    writer = RecordingWriter(path, head, most_bytes)
    for connection, what, data in events:
        writer.add(connection, what, data)
    writer.close()
    return path.read_bytes()


def _read(path: Path, events: Events, head: Head = HEAD) -> list[Conversation]:
    return list(read_recording(_written(path, events, head), "x"))


def _turns(conversation: Conversation) -> list[tuple[bytes, bytes]]:
    return [(turn.request, turn.reply) for turn in conversation.turns]


def test_what_passed_is_read_again(tmp_path: Path) -> None:
    """Bytes of both sides, whose they are and in which order."""
    events: Events = [
        (0, "open", b""),
        (0, "server", b"220 "),
        (0, "server", b"ready\r\n"),
        (1, "open", b""),
        (0, "client", b"a\xff"),
        (1, "client", b"other"),
        (0, "client", b"b"),
        (0, "server", bytes(range(256))),
        (0, "client", b"c"),
        (0, "client-end", b""),
        (1, "server-reset", b""),
    ]
    one, other = _read(tmp_path / "x", events)
    assert _turns(one) == [(b"", b"220 ready\r\n"), (b"a\xffb", bytes(range(256))), (b"c", b"")]
    assert (one.end, one.name) == (End.CLIENT, "connection 0")
    assert 1767441601.25 <= one.begun_at_s <= other.begun_at_s < 1767441602.25
    assert _turns(other) == [(b"other", b"")]
    assert other.end is End.SERVER_RESET
    assert [turn.at_s for turn in one.turns] == sorted(turn.at_s for turn in one.turns)


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([], End.OPEN),
        (["client-end"], End.CLIENT),
        (["client-end", "server", "server-end"], End.HALF_CLOSE),
        (["server", "client-end", "server-end"], End.CLIENT),
        (["server-end", "client-end"], End.SERVER),
        (["client-reset", "server-end"], End.CLIENT_RESET),
        (["server-reset"], End.SERVER_RESET),
    ],
)
def test_who_ended_it(events: list[What], end: End, tmp_path: Path) -> None:
    """The first who did, and whether the client still waited."""
    (found,) = _read(tmp_path / "x", [(0, "client", b"x"), *((0, one, b"y") for one in events)])
    assert found.end is end


def test_datagrams_stay_apart(tmp_path: Path) -> None:
    """Each request is one, empty ones too; the sizes of the replies are kept."""
    head = Head(RECORDING_FORMAT, "udp://127.0.0.1:7", 0.0, datagrams=True)
    events: Events = [
        (0, "client", b"one"),
        (0, "client", b""),
        (0, "server", b"a"),
        (0, "server", b""),
        (0, "client", b"two"),
    ]
    (found,) = _read(tmp_path / "x", events, head)
    assert found.datagrams
    assert _turns(found) == [(b"one", b""), (b"", b"a"), (b"two", b"")]
    assert [turn.reply_sizes_bytes for turn in found.turns] == [(), (1, 0), ()]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(["client", "server", "client-end", "server-end"]),
            st.binary(max_size=30),
        ),
        max_size=20,
    ),
    st.floats(0, 1),
)
def test_a_file_is_read_up_to_where_its_writer_was_killed(
    tmp_path_factory: pytest.TempPathFactory, events: Events, share: float
) -> None:
    """Every cut leaves a recording, as soon as its first line is whole."""
    path = tmp_path_factory.mktemp("recording") / "x"
    data = _written(path, [(0, "client", b"first"), *events])
    size = int(len(data) * share)
    whole = {one.name: one for one in read_recording(data, "x")}
    if data[:size].count(b"\n") < 2:
        with pytest.raises(UsageError, match=r"not a recording|holds no traffic"):
            read_recording(data[:size], "x")
        return
    for cut in read_recording(data[:size], "x"):
        assert b"".join(whole[cut.name].requests).startswith(b"".join(cut.requests))


def test_what_was_added_is_on_disk_within_a_second(tmp_path: Path) -> None:
    """A writer that is killed at once loses no more than that."""
    path = tmp_path / "x"
    program = (
        "import sys, time; from pathlib import Path\n"
        "from wireproof.traffic.recordings import *\n"
        f"writer = RecordingWriter(Path({str(path)!r}), Head(1, 'tcp://h:1', 0.0), 1 << 20)\n"
        "writer.add(0, 'client', b'kept')\n"
        "while (wait_s := writer.flush_if_due()) is not None: time.sleep(wait_s)\n"
        "writer.add(0, 'client', b'lost')\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (found,) = read_recording(path.read_bytes(), "x")
    assert found.requests == (b"kept",)


def test_a_recording_has_a_limit(tmp_path: Path) -> None:
    """Beyond it nothing is written, and the turn that was under way is not taken for whole."""
    path = tmp_path / "x"
    events: Events = [(0, "client", b"one"), (0, "server", b"ONE"), (0, "client", b"two")]
    data = _written(path, [*events, *[(0, "server", b"x" * 100)] * 50], most_bytes=1000)
    assert len(data) < 1100
    (found,) = read_recording(data, "x")
    assert _turns(found) == [(b"one", b"ONE")]
    asked: Events = [(0, "client", b"one"), (0, "server", b"ONE"), (0, "client", b"x" * 2000)]
    (found,) = read_recording(_written(tmp_path / "z", asked, most_bytes=1000), "x")
    assert _turns(found) == [(b"one", b"ONE")]
    writer = RecordingWriter(tmp_path / "y", HEAD, 200)
    assert not writer.is_full
    writer.add(0, "client", b"x" * 300)
    assert writer.is_full
    writer.close()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A recording may be all that is left of what it shows."""
    path = tmp_path / "x"
    path.write_bytes(b"precious")
    with pytest.raises(UsageError, match="already exists"):
        RecordingWriter(path, HEAD, MANY)
    assert path.read_bytes() == b"precious"
    with pytest.raises(CannotRunError, match="No such file"):
        RecordingWriter(tmp_path / "no" / "x", HEAD, MANY)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """Once, in words; then nothing more is written."""
    path = tmp_path / "x"
    writer = RecordingWriter(path, HEAD, MANY)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._file.fileno())
    os.close(full)
    writer.add(0, "client", b"x")
    with pytest.raises(CannotRunError, match="No space left"):
        writer.flush()
    assert writer.is_full
    writer.close()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a recording"),
        (b"[]\n", "not a recording"),
        (b'{"wireproof":"recording","format":99,"target":"x","begun_at_s":0}\n', "of format 99"),
        (b'{"wireproof":"recording","format":1}\n', "not a recording"),
        (FIRST_LINE, "holds no traffic"),
        (FIRST_LINE + CLIENT_LINE + b"nonsense\n", "is damaged in line 3"),
        (FIRST_LINE + CLIENT_LINE.replace(b"client", b"eaten"), "is damaged in line 2"),
    ],
)
def test_what_is_no_recording_is_refused(data: bytes, words: str) -> None:
    """In a line or two."""
    with pytest.raises(UsageError) as caught:
        read_recording(data, "x")
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(garbage: bytes) -> None:
    """A recording may come from anyone."""
    for data in (garbage, FIRST_LINE + garbage, FIRST_LINE + CLIENT_LINE + garbage + b"\n"):
        try:
            assert read_recording(data, "x")
        except UsageError as error:
            lines = str(error).splitlines()
            if len(lines) > 2:
                raise
    assert is_recording(FIRST_LINE)
