import pytest

from tests.support.servers import Serving, shouting
from wireproof.cli.shared.common import find_target
from wireproof.errors import CannotRunError, UsageError


def test_find_target() -> None:
    """A target is parsed, resolved and answers; otherwise it is said which of them fails."""
    with Serving(shouting) as server:
        assert find_target(str(server.target)) == server.target
        text = str(server.target)
    with pytest.raises(CannotRunError, match="nothing answers"):
        find_target(text)
    with pytest.raises(UsageError, match="--allow-host"):
        find_target("tcp://192.0.2.1:9")
