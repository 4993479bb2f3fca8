from pathlib import Path

import pytest

from wireproof.errors import CannotRunError
from wireproof.target import parse_target, resolve
from wireproof.wire.connection import Connection
from wireproof.wire.reference import ReferenceServer


def test_it_serves_until_it_is_closed() -> None:
    """It listens when it is there, on the target that it names, and is gone afterwards."""
    with ReferenceServer("--workers", "1") as server:
        Connection.open(resolve(parse_target(server.target))[0]).close()
        pid = server.pid
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_wrong_option_is_told_in_its_own_words() -> None:
    """A server that does not start says why, in one line."""
    with pytest.raises(CannotRunError, match=r"does not start: .*no-such-option"):
        ReferenceServer("--no-such-option")
