"""Whether the kernel lists sockets here, for tests that look at them."""

import socket

from wireproof.errors import CannotRunError
from wireproof.wire.kernel.sock_diag import SockDiag


def no_sock_diag() -> str:
    """Return why sock_diag cannot be used here, or nothing when it can.

    It may be usable and yet blind to a server: one in another network namespace, such as a
    container, is not on its list.
    """
    try:
        with SockDiag() as diag, socket.create_server(("127.0.0.1", 0)) as probe:
            if diag.listener(probe.getsockname()) is None:
                return "the kernel does not list this process's own listener"
            if diag.exact_listener(socket.AF_INET, probe.getsockname()).read() is None:
                return "the kernel answers lists of sockets only"
    except CannotRunError as error:
        return error.problem
    except OSError as error:
        return f"no socket can be made on 127.0.0.1: {error.strerror}"
    return ""
