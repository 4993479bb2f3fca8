import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from wireproof.deadline import Deadline
from wireproof.wire.kernel import process
from wireproof.wire.kernel.process import (
    ancestors_of,
    anonymous_bytes,
    crowding,
    descendants_of,
    descriptors_of,
    is_stopped,
    open_descriptors,
    owners_of,
    parent_of,
    process_name,
    unix_listeners,
    waited_s,
)


def _inode(opened: socket.socket) -> int:
    return os.fstat(opened.fileno()).st_ino


def test_owners_share_a_socket() -> None:
    """All processes that hold a socket are found, those that inherited it among them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert owners_of({_inode(server)}) == [os.getpid()]
        with subprocess.Popen(
            [sys.executable, "-I", "-c", "input()"],
            stdin=subprocess.PIPE,
            pass_fds=[server.fileno()],
        ) as child:
            assert owners_of({_inode(server)}) == sorted([os.getpid(), child.pid])
            assert child.pid in descendants_of(os.getpid())
            child.communicate(b"\n")
        assert owners_of({_inode(server)}) == [os.getpid()]


def test_inode_0_belongs_to_nobody() -> None:
    """A connection that no process has accepted has inode 0, and no owner."""
    assert owners_of({0}) == []


def test_descriptors_are_counted() -> None:
    """One more open socket is one descriptor more; a process that is gone has no count."""
    before = open_descriptors(os.getpid())
    assert before is not None
    with socket.socket():
        assert open_descriptors(os.getpid()) == before + 1
    assert open_descriptors(2**22 + 1) is None


def test_descriptors_are_told_with_what_they_lead_to() -> None:
    """A socket's by its inode; a process that is gone has none."""
    with socket.socket() as one:
        link = f"socket:[{os.fstat(one.fileno()).st_ino}]"
        assert (os.getpid(), one.fileno(), link) in descriptors_of(os.getpid())
    assert link not in {leads_to for _, _, leads_to in descriptors_of(os.getpid())}
    assert descriptors_of(2**22 + 1) == frozenset()


def test_a_stopped_process_is_told_from_a_running_one() -> None:
    """A process is stopped from SIGSTOP until SIGCONT."""
    with subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert not is_stopped(child.pid)
        for number, wanted in ((signal.SIGSTOP, True), (signal.SIGCONT, False)):
            child.send_signal(number)
            deadline = Deadline(5)
            while is_stopped(child.pid) != wanted:
                assert not deadline.expired
        child.communicate(b"\n")
    assert not is_stopped(child.pid)


def test_names() -> None:
    """A process has its program's name; one that is gone has none."""
    assert process_name(os.getpid())
    assert process_name(2**22 + 1) == ""


def test_unix_listeners_are_found_by_path(tmp_path: Path) -> None:
    """Only the socket that listens on the path counts, not those connected to it."""
    path = str(tmp_path / "with blank.sock")
    assert unix_listeners(path) == set()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        assert unix_listeners(path) == {_inode(server)}


def test_the_ancestors_of_a_process_lead_to_the_first() -> None:
    """Our parent is the kernel's word for it, and the last one has none."""
    found = ancestors_of(os.getpid())
    assert found[0] == os.getppid()
    assert parent_of(found[-1]) == 0
    assert ancestors_of(2**22 + 1) == []


_MIB = 1024 * 1024
_FORKS = """
import os, sys
held = bytearray(64 * 1024 * 1024)
held[::4096] = bytes([1]) * len(held[::4096])
reading, writing = os.pipe()
child = os.fork()
if not child:
    os.close(writing)
    os.read(reading, 1)
    os._exit(0)
print(child, flush=True)
input()
"""


def test_memory_that_a_child_shares_counts_once() -> None:
    """A server that forks for each connection takes no more memory for that."""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", _FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        together = anonymous_bytes(parent.pid) + anonymous_bytes(child)
        assert 64 * _MIB < together < 96 * _MIB
        parent.communicate(b"\n")


def test_the_memory_of_nobody_is_none() -> None:
    """Of a process that is gone, or of the kernel."""
    assert anonymous_bytes(0) == 0


def test_how_many_share_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that run or would; where nothing tells, none has to share."""
    monkeypatch.setattr(process, "_PROC", tmp_path)
    assert crowding() == 1.0
    (tmp_path / "loadavg").write_text("0.20 0.18 0.12 1/80 11206\n")
    assert crowding() == 1.0
    running = 3 * (os.cpu_count() or 1)
    (tmp_path / "loadavg").write_text(f"0.20 0.18 0.12 {running}/80 11206\n")
    assert crowding() == 3.0


def test_a_thread_that_has_to_share_a_cpu_waits_for_it() -> None:
    """Beside another that is busy on the same CPU the time in which we are ready only grows."""
    allowed = os.sched_getaffinity(0)
    command = [sys.executable, "-I", "-c", "print(flush=True)\nwhile True: pass"]
    before_s = waited_s()
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as busy:
            assert busy.stdout is not None
            busy.stdout.readline()
            until = Deadline(10)
            while waited_s() <= before_s and not until.expired:
                pass
            busy.kill()
    finally:
        os.sched_setaffinity(0, allowed)
    assert waited_s() > before_s
