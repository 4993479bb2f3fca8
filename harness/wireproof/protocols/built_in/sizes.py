"""Requests of an exact size, for protocols that put a length before a payload."""

from collections.abc import Callable

ALL_OCTETS = bytes(range(256))
_MOST_DIGITS = 20


def octets(size_bytes: int, alphabet: bytes = ALL_OCTETS) -> bytes:
    """Return `alphabet` over and over, `size_bytes` of it."""
    return (alphabet * (size_bytes // len(alphabet) + 1))[:size_bytes]


def padded(
    size_bytes: int, build: Callable[[bytes], bytes], alphabet: bytes = ALL_OCTETS
) -> bytes | None:
    r"""Return `build(payload)` with a payload that makes it exactly `size_bytes`, or None.

    Lengths written in digits make some sizes impossible: where the length goes from 9 to 10, the
    request grows by two bytes.

    >>> padded(6, lambda payload: b"%d:%b," % (len(payload), payload))
    b'3:\x00\x01\x02,'
    """
    # From an upper bound down by what the request is too long; that may overstep by a digit or two.
    size = size_bytes - len(build(b""))
    while size >= 0 and len(build(octets(size, alphabet))) > size_bytes:
        size -= len(build(octets(size, alphabet))) - size_bytes
    for candidate in range(max(size, 0), size + _MOST_DIGITS):
        request = build(octets(candidate, alphabet))
        if len(request) >= size_bytes:
            return request if len(request) == size_bytes else None
    return None
