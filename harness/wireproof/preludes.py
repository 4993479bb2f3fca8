"""What comes before a conversation: bytes that nothing answers, such as a PROXY header.

https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
"""

import socket
import struct
from pathlib import Path

from wireproof.errors import UsageError
from wireproof.files import read_limited

SOURCE = (
    "PROXY protocol, section 2: the receiver may be tolerant to partial headers or may simply drop"
    " the connection; recommendation is to be tolerant"
)
MOST_BYTES = 4096
_CLIENT, _CLIENT_PORT = "192.0.2.10", 56324  # of RFC 5737: nobody's
_SERVER, _SERVER_PORT = "192.0.2.20", 443
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_PROXY, _TCP_OVER_IPV4 = 0x21, 0x11
_ADDRESSES = struct.Struct("!4s4sHH")


def proxy_v1() -> bytes:
    """Return a header of version 1 (section 2.1) for a client at an address of documentation."""
    return f"PROXY TCP4 {_CLIENT} {_SERVER} {_CLIENT_PORT} {_SERVER_PORT}\r\n".encode()


def proxy_v2() -> bytes:
    """Return the same of version 2 (section 2.2): signature, command, family, length, addresses."""
    addresses = _ADDRESSES.pack(
        socket.inet_aton(_CLIENT), socket.inet_aton(_SERVER), _CLIENT_PORT, _SERVER_PORT
    )
    return _SIGNATURE + struct.pack("!BBH", _PROXY, _TCP_OVER_IPV4, len(addresses)) + addresses


KNOWN = {"proxy-v1": proxy_v1, "proxy-v2": proxy_v2}


def find_prelude(name: str) -> bytes:
    """Return the bytes that `--prelude` names: a known header, or what a file holds.

    Raises:
        UsageError: there is no such file, it is empty, or too long to come before anything.

    """
    if name in KNOWN:
        return KNOWN[name]()
    if not Path(name).exists():
        raise UsageError(f"there is no prelude {name!r}", f"write {', '.join(KNOWN)} or a file")
    data = read_limited(Path(name), MOST_BYTES, "prelude")
    if not data:
        raise UsageError(f"the prelude {name} is empty")
    return data
