import socket
import time
from pathlib import Path

from wireproof.deadline import Deadline
from wireproof.wire.kernel.timestamps import enable_timestamps, receive_stamped


def test_the_stamp_lies_between_send_and_read() -> None:
    """What arrived has the time of its arrival, however late it is read."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
    ):
        theirs, _ = server.accept()
        with theirs:
            assert enable_timestamps(ours)
            deadline = Deadline(10)
            stamp_ns = 0
            # The first socket to ask turns stamping on for the whole machine, a moment later.
            while not stamp_ns and not deadline.expired:
                before_ns = time.time_ns()
                theirs.sendall(b"abc")
                data, stamp_ns = receive_stamped(ours, 100)
                assert data == b"abc"
            assert before_ns <= stamp_ns <= time.time_ns()


def test_a_unix_socket_has_no_stamps(tmp_path: Path) -> None:
    """It says so, and what it receives is stamped 0."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not enable_timestamps(ours)
        theirs.sendall(b"abc")
        assert receive_stamped(ours, 100) == (b"abc", 0)
