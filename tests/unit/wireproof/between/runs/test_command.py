"""A user's command: what it prints is kept within bounds, and it ends when it has to."""

import os
import select
import signal
import sys
import tracemalloc
from collections.abc import Iterator

import pytest

from wireproof.between.runs.command import Output, Running
from wireproof.target import parse_target, resolve
from wireproof.wire.kernel.process import descendants_of

_GIBIBYTE = 1 << 30
_PART = 65536
_IGNORES = "".join(
    f"signal.signal({int(number)}, signal.SIG_IGN);"
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
)
(TARGET,) = resolve(parse_target("tcp://127.0.0.1:7"))


@pytest.fixture
def before() -> Iterator[set[int]]:
    """Processes that there are; there are no more afterwards."""
    known = descendants_of(os.getpid())
    yield known
    assert descendants_of(os.getpid()) <= known


def python(program: str) -> list[str]:
    """A command that runs a program."""
    return [sys.executable, "-S", "-E", "-c", program]


def read_to_the_end(running: Running) -> None:
    """Take what it prints until it has ended."""
    while running.exit_code is None:
        select.select(running.descriptors, [], [])
        running.read()
    while running.descriptors != [running.ended]:
        running.read()


def test_head_and_tail_of_an_output_are_kept() -> None:
    """What lies between is counted; a short one is kept whole, however it comes."""
    short, long = Output(), Output()
    for at in range(10):
        short.add(b"%d" % at)
        long.add(b"%d" % at * 100_000)
    assert short.kept == b"0123456789"
    assert long.total_bytes == 1_000_000
    head, left_out, tail = long.kept.split(b"\n")
    assert (head[:1], tail[-1:]) == (b"0", b"9")
    assert left_out == b"... %d bytes left out ..." % (1_000_000 - len(head) - len(tail))


@pytest.mark.usefixtures("before")
def test_a_gigabyte_is_read_and_takes_no_room() -> None:
    """All of it, so that the command ends; a megabyte or so is held at any time."""
    parts = _GIBIBYTE // _PART
    program = f"import os\ndata = b'x' * {_PART}\nfor _ in range({parts}): os.write(1, data)"
    tracemalloc.start()
    try:
        running = Running(python(program), TARGET)
        try:
            read_to_the_end(running)
        finally:
            running.close()
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert running.exit_code == 0
    assert running.output.total_bytes == _GIBIBYTE
    assert len(running.output.kept) < 1024 * 1024
    assert most_bytes < 4 * 1024 * 1024


@pytest.mark.usefixtures("before")
def test_what_hears_no_signal_and_has_forked_away_ends_all_the_same() -> None:
    """With its children, those in sessions of their own among them."""
    program = (
        f"import os, signal, subprocess, sys, time; {_IGNORES}"
        f"subprocess.Popen([sys.executable, '-S', '-c', {'import time; time.sleep(600)'!r}],"
        " start_new_session=True); os.write(1, b'ready'); time.sleep(600)"
    )
    running = Running(python(program), TARGET)
    try:
        select.select(running.descriptors, [], [])
        running.read()
        assert running.output.kept == b"ready"
        assert running.exit_code is None
    finally:
        running.close()
    assert running.exit_code is not None
