import socket
from collections.abc import Callable

import pytest

from wireproof.target import Target, parse_target, resolve


@pytest.fixture
def target_of() -> Callable[[socket.socket], Target]:
    """Return the target of a listening socket."""

    def find(server: socket.socket) -> Target:
        if server.family == socket.AF_UNIX:
            return resolve(parse_target(f"unix:{server.getsockname()}"))[0]
        host, port = server.getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        return resolve(parse_target(f"tcp://{host}:{port}"))[0]

    return find
