"""Words that depend on a number, and bytes as people may see them."""

MAX_SHOWN_BYTES = 200


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 byte` or `2,048 bytes`; `plural` where an s will not do."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def printable(data: bytes | bytearray, limit: int = MAX_SHOWN_BYTES) -> str:
    r"""Return bytes as harmless ASCII, at most `limit` of them.

    >>> printable(b"a\x1b[31m")
    "b'a\\x1b[31m'"
    """
    shown = repr(bytes(data[:limit]))
    return shown if len(data) <= limit else f"{shown}… ({len(data)} bytes)"
