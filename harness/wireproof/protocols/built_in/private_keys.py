"""Keys that belong to one connection, on servers that keep what every client stores.

Requests are drawn with a placeholder in their keys; when a connection is planned, its number takes
the placeholder's place. Both have the same length, so that a drawn cut stays where it was.
"""

PLACEHOLDER = b"wp00000000"
_NUMBERS = 4096
"""More than are ever open at a time; numbers come again so that a store does not grow for ever."""


def with_serial(request: bytes, serial: int) -> bytes:
    """Return `request` with the number of the connection in its keys.

    >>> with_serial(b"get wp00000000a", 17)
    b'get wp00000017a'
    """
    return request.replace(PLACEHOLDER, b"wp%08d" % (serial % _NUMBERS))
