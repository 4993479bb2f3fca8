import resource
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.wire.connects import (
    NO_ANSWER,
    QUEUE_FULL,
    Connects,
    count_causes,
    require_descriptors,
)

TargetOf = Callable[[socket.socket], Target]


def test_connects_complete(target_of: TargetOf) -> None:
    """Connects to a listener complete, each with its time and without a retry."""
    with socket.create_server(("127.0.0.1", 0), backlog=20) as server:
        with Connects(target_of(server)) as connects:
            connects.start(10)
            connects.wait_for_all(Deadline(5))
            assert [one.completed for one in connects.attempts] == [True] * 10
            assert all(one.seconds is not None and one.seconds > 0 for one in connects.attempts)
            assert {one.retries for one in connects.attempts} == {0}
            opened = [one.connection for one in connects.attempts]
        assert all(one is not None and one.fileno() == -1 for one in opened)


def test_they_complete_where_locust_was_imported(target_of: TargetOf) -> None:
    """A test file may import Locust, which has gevent take `select.epoll` away."""
    program = """
        import sys
        import gevent.monkey; gevent.monkey.patch_all()
        from wireproof.deadline import Deadline
        from wireproof.target import parse_target, resolve
        from wireproof.wire.connects import Connects
        with Connects(resolve(parse_target(sys.argv[1]))[0]) as connects:
            connects.start(3)
            connects.wait_for_all(Deadline(5))
            assert [one.completed for one in connects.attempts] == [True] * 3
    """
    with socket.create_server(("127.0.0.1", 0), backlog=20) as server:
        command = [sys.executable, "-c", textwrap.dedent(program), str(target_of(server))]
        subprocess.run(command, check=True, timeout=60)


def test_refused(target_of: TargetOf) -> None:
    """A connect to a port where nobody listens fails with its cause."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = target_of(server)
    with Connects(target) as connects:
        connects.start(3)
        connects.wait_for_all(Deadline(5))
        assert count_causes(connects.attempts) == {"refused": 3}


def test_no_answer(target_of: TargetOf) -> None:
    """A connect that a full queue leaves pending has no answer once we give up."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        Connects(target_of(server)) as connects,
    ):
        (first,) = connects.start(1)
        connects.wait_for_all(Deadline(5))
        assert first.completed
        (second,) = connects.start(1)
        connects.wait(Deadline(0.05))
        assert second.pending
        assert connects.pending
        connects.give_up()
        assert not connects.pending
        assert count_causes(connects.attempts) == {NO_ANSWER: 1}


def test_a_full_unix_queue_is_told_at_once(target_of: TargetOf, tmp_path: Path) -> None:
    """On a Unix socket the connect beyond the queue fails by itself, without a wait."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen(2)
        with Connects(target_of(server)) as connects:
            connects.start(5)
            assert sum(one.completed for one in connects.attempts) == 3
            assert count_causes(connects.attempts) == {QUEUE_FULL: 2}


def test_taken_connections_stay_open(target_of: TargetOf) -> None:
    """What the caller took is the caller's to close."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Connects(target_of(server)) as connects:
            connects.start(2)
            connects.wait_for_all(Deadline(5))
            taken = connects.take()
        assert len(taken) == 2
        for connection in taken:
            assert connection.getpeername() == server.getsockname()
            connection.close()


def test_descriptors_are_ours_to_ask_for() -> None:
    """The soft limit is raised as far as is needed, and the hard limit is told in words."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        require_descriptors(100)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 256
        require_descriptors(500)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 500
        if hard != resource.RLIM_INFINITY:
            with pytest.raises(CannotRunError, match="ulimit -Hn"):
                require_descriptors(hard + 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
