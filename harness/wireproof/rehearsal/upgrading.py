"""Requests that ask for TLS on the connection that they are sent on, such as STARTTLS.

By their words a request may ask for it; whether the server then does a handshake is tried.
"""

import re
from typing import Final

from wireproof.deadline import Deadline
from wireproof.wire.connection import Connection
from wireproof.wire.tls_connection import TlsConnection, shake_hands

_HANDSHAKE_S: Final = 2.0
_IN_WORDS: Final = re.compile(rb"(?i)(?<![a-z])(?:(?:start[_-]?)?tls|stls|auth +ssl)(?![a-z])")
_IN_BINARY: Final = bytes.fromhex("0000000804d2162f")
"""PostgreSQL's SSLRequest (its documentation, section 55.7)."""


def may_ask_for_tls(request: bytes) -> bool:
    r"""Say whether a request asks for TLS by its words.

    >>> may_ask_for_tls(b"a1 STARTTLS\r\n"), may_ask_for_tls(b"NOOP\r\n")
    (True, False)
    """
    return request == _IN_BINARY or bool(_IN_WORDS.search(request))


def secured(connection: Connection, host: str) -> Connection:
    """Do the handshake of a client, and return the same connection inside TLS.

    Raises:
        OSError: the server doesn't.

    """
    tls = TlsConnection(connection.socket, host)
    shake_hands(tls, Deadline(_HANDSHAKE_S))
    return tls
