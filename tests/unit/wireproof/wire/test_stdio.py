"""Connections that are the pipes of a process."""

import os
import select
import shlex
import sys

import pytest

from wireproof.deadline import Deadline
from wireproof.target import Target, parse_target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError
from wireproof.wire.delivery import PipeWatch, watch
from wireproof.wire.observations import END_OF_STREAM, Data
from wireproof.wire.stdio import PipeConnection, StdioSocket

_S = 20.0
_ECHO = "import os\nwhile data := os.read(0, 65536): os.write(1, data)"


def python(program: str) -> Target:
    """A server that is a few lines of Python."""
    return parse_target(f"exec:{shlex.join([sys.executable, '-S', '-E', '-c', program])}")


def opened(program: str) -> PipeConnection:
    """A connection to one."""
    connection = connect(python(program))
    assert isinstance(connection, PipeConnection)
    return connection


def all_of(connection: PipeConnection) -> bytes:
    """What comes until the end."""
    got = b""
    while isinstance(seen := connection.next_observation(Deadline(_S)), Data):
        got += seen.data
    assert seen == END_OF_STREAM
    return got


def test_each_part_is_read_as_it_was_cut() -> None:
    """Once the pipe is empty the next part is a read of its own."""
    with opened("import os\nwhile data := os.read(0, 99): os.write(1, b'%d ' % len(data))") as pipe:
        watched = watch(pipe, None, 0.0)
        assert isinstance(watched, PipeWatch)
        for size in (5, 14, 3, 1):
            assert pipe.send(b"x" * size) == size
            while not watched.delivered():
                os.sched_yield()
        pipe.half_close()
        assert all_of(pipe) == b"5 14 3 1 "


def test_what_is_not_read_is_counted() -> None:
    """A process that reads nothing leaves all in the pipe."""
    with opened("import time; time.sleep(600)") as pipe:
        pipe.send(b"abc")
        assert watch(pipe, None, 0.0).unread_bytes() == 3


@pytest.mark.parametrize(
    ("program", "ending"),
    [
        (
            "import sys; sys.exit('no such thing')",
            "its process ended with exit status 1, saying: no such thing",
        ),
        ("import os; os.kill(os.getpid(), 9)", "its process ended with signal 9"),
        ("print(end='')", "its process ended with exit status 0"),
    ],
)
def test_how_the_process_ended_is_told(program: str, ending: str) -> None:
    """Its exit status or signal, and the last line of its standard error."""
    with opened(program) as pipe:
        assert all_of(pipe) == b""
        assert pipe.ending == ending


def test_a_full_pipe_takes_no_more_for_now() -> None:
    """A process that does not read blocks nobody."""
    with opened("import time; time.sleep(600)") as pipe:
        sent = 0
        while taken := pipe.send(b"x" * 65536):
            sent += taken
        assert taken == 0
        assert not pipe.wait(Deadline(0), readable=False, writable=True)
        assert sent >= 65536


def test_a_gigabyte_of_words_is_survived() -> None:
    """What a process says on standard error is read, and its end kept."""
    program = (
        "import os\nfor _ in range(200): os.write(2, b'x' * (1 << 20))\n"
        "os.write(2, b'\\nlast')\nos.read(0, 1)"
    )
    with opened(program) as pipe:
        pipe.half_close()
        assert all_of(pipe) == b""
        assert pipe.ending.endswith("saying: last")


def test_a_command_that_there_is_not_is_told() -> None:
    """With the system's words, not as an end of stream."""
    with pytest.raises(ConnectError, match="No such file"):
        connect(Target("exec", path="/no/such/program"))


def test_a_process_that_ignores_its_end_is_killed() -> None:
    """Closing the connection is enough."""
    program = "import os, signal, time\nsignal.signal(15, signal.SIG_IGN)\nos.write(1, b'!')\n"
    pipe = opened(f"{program}time.sleep(600)")
    assert pipe.next_observation(Deadline(_S)) == Data(b"!")
    ended = os.pidfd_open(pipe.pid)
    pipe.close()
    assert select.select([ended], [], [], _S)[0]
    os.close(ended)


def test_a_server_may_end_by_itself() -> None:
    """What it does when its input has ended is not cut off at once."""
    program = "import os, sys\nos.read(0, 1)\nopen(sys.argv[1], 'w').close()"
    read, write = os.pipe()
    target = python(program.replace("sys.argv[1]", f"'/proc/{os.getpid()}/fd/{write}'"))
    connect(target).close()
    os.close(write)
    assert select.select([read], [], [], _S)[0]
    os.close(read)


def test_for_load_both_are_one_socket() -> None:
    """As inetd gives it, and closing it ends the process."""
    with StdioSocket.open(python(_ECHO)) as sock:
        sock.setblocking(True)
        sock.settimeout(_S)
        sock.sendall(b"hello")
        assert sock.recv(99) == b"hello"
