"""From targets to connections."""

import sys

import pytest

from tests.support.servers import Serving, echoing, over_tls
from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.target import Target, parse_target
from wireproof.wire.connecting import connect, reachable, speaks_tls
from wireproof.wire.observations import Data


def test_a_socket_and_a_process_are_both_connections() -> None:
    """They are spoken to alike."""
    with Serving(echoing) as serving:
        for target in (serving.target, parse_target("exec:cat")):
            with connect(target) as connection:
                connection.send(b"hello")
                assert connection.next_observation(Deadline(20)) == Data(b"hello")


def test_what_can_not_be_started_is_not_reachable() -> None:
    """The user is told what to write instead."""
    with pytest.raises(CannotRunError, match="can't be started"):
        reachable((Target("exec", path=f"{sys.executable}-none"),))


def test_a_server_that_speaks_tls_is_told_from_one_that_does_not() -> None:
    """By a handshake, which the one that echoes answers with its own bytes."""
    with Serving(over_tls) as secured, Serving(echoing) as clear:
        assert speaks_tls(secured.target)
        assert not speaks_tls(clear.target)
