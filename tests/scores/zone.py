"""A time zone of our own, in which every fault of time shows on every day.

A day padded with a zero shows on the first nine days of a month only, an hour from 1 to 12 after
noon only, and UTC in place of local time where they differ. In this zone it is shortly after noon
of one of the first days of the month, and the minutes differ from UTC, too. The server and its
judge both read it, as both would read /etc/localtime.

Invariant: python refuses zones that are more than 48 hours from UTC at the turn of the year or in
the middle of it. So the clock is put back around now only, and put on where those dates are near.
"""

import os
import struct
import time
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path

_LATEST_DAY = 8
_FIRST_HOUR, _LAST_HOUR = 13, 18
_HOUR = timedelta(hours=1)
_USUAL = timedelta(minutes=45)
_ALWAYS_TAKEN = timedelta(hours=46)
_MARGIN = timedelta(days=1)
_ABBREVIATION = b"ZOO\0"


def offset_at(now: datetime) -> timedelta:
    """Return how far the zone is ahead of UTC.

    It is 45 minutes and whole hours: on to a moment that fits, if there is one within what python
    takes at any time of the year, or else back to one.
    """
    hours = chain(range(int(_ALWAYS_TAKEN / _HOUR)), count(-1, -1))
    return next(ahead for n in hours if _shows_all(now + (ahead := _USUAL + n * _HOUR)))


def _shows_all(local: datetime) -> bool:
    """Whether each fault of time shows at this moment, and for some hours to come."""
    return local.day <= _LATEST_DAY and _FIRST_HOUR <= local.hour <= _LAST_HOUR


def encode(now: datetime) -> bytes:
    """Return the zone as a file of RFC 9636, version 1.

    Of its two local time types the second holds for a day around now, and around the time that is
    shown as now, since a local time is looked up as if it were UTC first.
    """
    offset = offset_at(now)
    borders = (min(now, now + offset) - _MARGIN, max(now, now + offset) + _MARGIN)
    counts = struct.pack(">6l", 0, 0, 0, len(borders), 2, len(_ABBREVIATION))
    times = struct.pack(">2l", *(int(border.timestamp()) for border in borders))
    types = b"".join(
        struct.pack(">lBB", int(ahead.total_seconds()), 0, 0) for ahead in (_USUAL, offset)
    )
    return b"TZif" + bytes(16) + counts + times + b"\1\0" + types + _ABBREVIATION


def enter(path: Path) -> None:
    """Write the zone, and make it that of this process and of its children."""
    path.write_bytes(encode(datetime.now(UTC)))
    os.environ["TZ"] = f":{path.resolve()}"
    time.tzset()
