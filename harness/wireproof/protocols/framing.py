"""Where a frame ends: the ready-made answers."""


def delimited(buffer: bytearray, delimiter: bytes) -> int | None:
    r"""Return the length of what ends with `delimiter`, or None while it is not there.

    >>> delimited(bytearray(b"OK\r\nnext"), b"\r\n")
    4
    """
    at = buffer.find(delimiter)
    return None if at < 0 else at + len(delimiter)


def length_prefixed(
    buffer: bytearray, size_bytes: int, *, little_endian: bool = False, inclusive: bool = False
) -> int | None:
    r"""Return the length of a frame that starts with its own length, or None before that is read.

    Args:
        buffer: what was received.
        size_bytes: how many bytes the length field has.
        little_endian: the field's byte order.
        inclusive: whether the length counts the field itself.

    >>> length_prefixed(bytearray(b"\x00\x02hi"), 2)
    4
    """
    if len(buffer) < size_bytes:
        return None
    length = int.from_bytes(buffer[:size_bytes], "little" if little_endian else "big")
    return length if inclusive else size_bytes + length


def header_with_length(
    buffer: bytearray,
    header_bytes: int,
    length_at: int,
    size_bytes: int,
    *,
    little_endian: bool = False,
    adjust: int = 0,
) -> int | None:
    r"""Return the length of a frame whose header holds the length of what follows it.

    Args:
        buffer: what was received.
        header_bytes: how long the header is.
        length_at: where in it the length field begins.
        size_bytes: how many bytes the length field has.
        little_endian: the field's byte order.
        adjust: added to the length; minus `header_bytes` where the field counts the header too.

    >>> header_with_length(bytearray(b"\x07\x00\x02hi"), 3, 1, 2)
    5
    """
    if len(buffer) < header_bytes:
        return None
    field = buffer[length_at : length_at + size_bytes]
    return header_bytes + adjust + int.from_bytes(field, "little" if little_endian else "big")
