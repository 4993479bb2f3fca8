"""Requests in a replay file: one that is sent many times in a row stands there once.

Sixteen connections with 6 MB of one request each would make a file of 180 MB. Shorter runs stay
written out, as they always were, and are read all the same.
"""

from collections.abc import Iterator
from itertools import groupby

import msgspec

from wireproof.errors import UsageError

_LONG_RUN = 8
_MOST_REQUESTS = 1_000_000
_MOST_BYTES = 1024 * 1024 * 1024
"""Of all connections together, as they are sent; what a plan of ours sends is a tenth of that."""


class Repeated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request that is sent `times` times in a row."""

    request: bytes
    times: int


Stored = tuple[tuple[bytes | Repeated, ...], ...]


def stored(requests: tuple[tuple[bytes, ...], ...]) -> Stored:
    """Return what stands in the file for the requests of each connection."""
    return tuple(tuple(_with_runs(each)) for each in requests)


def restored(found: Stored) -> tuple[tuple[bytes, ...], ...]:
    """Return the requests of each connection again; equal ones are one object in memory.

    Raises:
        UsageError: they are more than any run of ours sends. A file may come from anyone.

    """
    runs = [one for each in found for one in each if isinstance(one, Repeated)]
    count = sum(max(0, one.times) for one in runs)
    size_bytes = sum(max(0, one.times) * len(one.request) for one in runs)
    if count > _MOST_REQUESTS or size_bytes > _MOST_BYTES:
        raise UsageError(
            f"it repeats {count:,} requests of {size_bytes:,} bytes; "
            f"{_MOST_REQUESTS:,} and {_MOST_BYTES:,} are the most"
        )
    return tuple(tuple(_without_runs(each)) for each in found)


def _with_runs(requests: tuple[bytes, ...]) -> Iterator[bytes | Repeated]:
    for request, run in groupby(requests):
        times = sum(1 for _ in run)
        if times < _LONG_RUN:
            yield from (request,) * times
        else:
            yield Repeated(request, times)


def _without_runs(found: tuple[bytes | Repeated, ...]) -> Iterator[bytes]:
    for one in found:
        if isinstance(one, Repeated):
            yield from (one.request,) * one.times
        else:
            yield one
