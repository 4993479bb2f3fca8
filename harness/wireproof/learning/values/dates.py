"""Dates and times as servers write them: found by their form, read as seconds of the epoch.

A form says how a date is written, never whether it means now: that takes a clock to compare with,
and more than one reading (see `clocks`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_DAY_S: Final = 86400.0
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FULL_WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip

LONGEST_BYTES: Final = 64
"""No form of a date is longer."""

_PARTS: Final = {
    "weekday": "|".join(_WEEKDAYS),
    "full_weekday": "|".join(_FULL_WEEKDAYS),
    "month_name": "|".join(_MONTHS),
    "year": r"(?:19|20)[0-9]{2}",
    "short_year": r"[0-9]{2}",
    "month": r"0[1-9]|1[0-2]",
    "day": r"0[1-9]|[12][0-9]|3[01]",
    "any_day": r"0?[1-9](?![0-9])|0[1-9]|[12][0-9]|3[01]",
    "padded_day": r" [1-9]|0[1-9]|[12][0-9]|3[01]",
    "hour": r"[01][0-9]|2[0-3]",
    "minute": r"[0-5][0-9]",
    "second": r"[0-5][0-9]|60",
    "fraction": r"[.,][0-9]{1,9}",
    "zone": r"Z|[+-][0-9]{2}:?[0-9]{2}",
    "zone_name": r"GMT|UTC|[+-][0-9]{4}|[A-Z]{3,4}",
    "half": r"AM|PM|am|pm",
    "epoch_s": r"[0-9]{10}",
    "epoch_ms": r"[0-9]{13}",
    "epoch_us": r"[0-9]{16}",
    "epoch_ns": r"[0-9]{19}",
}
_TIME = "<hour>:<minute>:<second><fraction>?"

# Longer forms stand before those that they contain.
_WRITTEN: Final = {
    "RFC 5322": f"<weekday>, <any_day> <month_name> <year> {_TIME}(?: <zone_name>)?",
    "RFC 850": f"<full_weekday>, <day>-<month_name>-<short_year> {_TIME} <zone_name>",
    "ctime": f"<weekday> <month_name> <padded_day> {_TIME}(?: <zone_name>)? <year>",
    "log": f"<day>/<month_name>/<year>:{_TIME}(?: <zone>)?",
    "day, month name": f"<any_day>[- ]<month_name>[- ]<year> {_TIME}(?: <zone_name>)?",
    "ISO 8601": f"<year>-<month>-<day>[T ]{_TIME}(?: ?<zone>| <zone_name>)?",
    "year/month/day": f"<year>/<month>/<day> {_TIME}",
    "month/day/year": f"<month>/<day>/<year>,? {_TIME}(?: <half>)?",
    "day/month/year": f"<day>[./]<month>[./]<year>,? {_TIME}",
    "syslog": f"<month_name> <padded_day> {_TIME}",
    "compact": "<year><month><day>[T-]?<hour>:?<minute>:?<second><fraction>?<zone>?",
    "compact to the minute": "<year><month><day>T?<hour><minute><zone>?",
    "ISO day": "<year>-<month>-<day>",
    "compact day": "<year><month><day>",
    "time of day": _TIME,
    "epoch in ns": "<epoch_ns>",
    "epoch in µs": "<epoch_us>",
    "epoch in ms": "<epoch_ms>",
    "epoch in s": "<epoch_s><fraction>?",
}
_COARSE: Final = {"compact to the minute": 60.0, "ISO day": _DAY_S, "compact day": _DAY_S}
_DAY_PARTS: Final = {"day", "any_day", "padded_day"}
_EPOCHS: Final = {"epoch_s": 1.0, "epoch_ms": 1e3, "epoch_us": 1e6, "epoch_ns": 1e9}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a date says.

    Attributes:
        seconds: of the epoch; as if it were UTC where no zone is written.
        unit_s: what it is rounded down to.

    """

    seconds: float
    unit_s: float


@dataclass(frozen=True, slots=True)
class Form:
    """One way of writing dates.

    Attributes:
        name: of the form, unique.
        written: matches a date at the start of what it is given.

    """

    name: str
    written: re.Pattern[bytes]

    def read(self, text: bytes, near_s: float) -> Reading | None:
        """Return what `text` says, or None where it is no date of this form, or no day there is.

        Args:
            text: the whole date.
            near_s: seconds of the epoch; a form without a year, or without a day, is read as the
                one nearest to this.

        """
        found = self.written.fullmatch(text)
        if found is None:
            return None
        parts = {name: part.decode() for name, part in found.groupdict().items() if part}
        fraction_digits = len(parts.get("fraction", "x")) - 1
        for name, factor in _EPOCHS.items():
            if name in parts:
                seconds = int(parts[name]) / factor + _fraction(parts)
                return Reading(seconds, 10.0**-fraction_digits / factor)
        try:
            seconds = _seconds(parts, near_s)
        except ValueError:  # the 31st of February; a weekday of another date
            return None
        return Reading(seconds, _COARSE.get(self.name, 10.0**-fraction_digits))


def _compiled(written: str, *, named: bool) -> str:
    """Return the regular expression of a form."""
    for name, part in _PARTS.items():
        written = written.replace(f"<{name}>", f"(?P<{name}>{part})" if named else f"(?:{part})")
    return written


FORMS: Final = {
    name: Form(name, re.compile(_compiled(written, named=True).encode()))
    for name, written in _WRITTEN.items()
}
"""Every form, by name; the more telling before those that they contain."""

WRITTEN: Final = "|".join(_compiled(written, named=False) for written in _WRITTEN.values())
"""A regular expression, without groups, that matches any date."""

_ANY = re.compile(rf"(?:{WRITTEN})(?![0-9A-Za-z])".encode())
_BEGINNING = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Z]")
_LONGEST_BEFORE_HINT_BYTES: Final = 24  # Wednesday, 06-Nov-94 08:49
_HINT = re.compile(rb"[0-9]{2}:[0-9]{2}|[0-9]{8}|[0-9]{4}-[0-9]{2}-")


def may_hold_dates(text: bytes) -> bool:
    """Say quickly whether it is worth looking for dates in `text`."""
    return _HINT.search(text) is not None


def find_dates(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where dates of any form begin and end, in their order, none overlapping another."""
    end = 0
    for hint in _HINT.finditer(text):  # much quicker than trying every form everywhere
        if hint.start() < end:
            continue
        earliest = max(end, hint.start() - _LONGEST_BEFORE_HINT_BYTES)
        for begin in _BEGINNING.finditer(text, earliest, hint.start() + 1):
            found = _ANY.match(text, begin.start())
            if found is not None and found.end() > hint.start():
                end = found.end()
                yield found.span()
                break


def forms_of(text: bytes, near_s: float) -> list[Form]:
    """Return the forms that `text` is a date of, the most telling first."""
    if len(text) > LONGEST_BYTES or not may_hold_dates(text):
        return []
    return [form for form in FORMS.values() if form.read(text, near_s) is not None]


def _seconds(parts: dict[str, str], near_s: float) -> float:
    """Return the seconds of the epoch that a form's parts make.

    Raises:
        ValueError: there is no such day, or it is another day of the week.

    """
    now = datetime.fromtimestamp(near_s, UTC)
    hour = int(parts.get("hour", 0))
    if half := parts.get("half", "").upper():
        if not 1 <= hour <= 12:
            raise ValueError(f"hour {hour} of twelve")
        hour = hour % 12 + (12 if half == "PM" else 0)
    minute = int(parts.get("minute", 0))
    date = datetime(*_day(parts, now), hour, minute, tzinfo=UTC)
    for key, names in (("weekday", _WEEKDAYS), ("full_weekday", _FULL_WEEKDAYS)):
        if key in parts and names[date.weekday()] != parts[key]:
            raise ValueError(f"{parts[key]} is not the weekday of {date:%Y-%m-%d}")
    date -= _zone(parts.get("zone") or parts.get("zone_name") or "")
    seconds = date.timestamp() + int(parts.get("second", 0)) + _fraction(parts)
    if not _DAY_PARTS & parts.keys():  # a time of day, of the day that brings it next to now
        seconds += round((near_s - seconds) / _DAY_S) * _DAY_S
    return seconds


def _fraction(parts: dict[str, str]) -> float:
    return float(f"0{parts.get('fraction', '.0').replace(',', '.')}")


def _day(parts: dict[str, str], now: datetime) -> tuple[int, int, int]:
    """Return year, month and day."""
    if not _DAY_PARTS & parts.keys():
        return now.year, now.month, now.day
    named = parts.get("month_name")
    month = _MONTHS.index(named) + 1 if named else int(parts["month"])
    day = next(int(parts[key]) for key in ("day", "any_day", "padded_day") if key in parts)
    if "year" in parts:
        return int(parts["year"]), month, day
    if "short_year" in parts:  # RFC 6265, 5.1.1
        short = int(parts["short_year"])
        return short + (1900 if short >= 70 else 2000), month, day
    years = (now.year - 1, now.year, now.year + 1)
    near = [year for year in years if abs((year - now.year) * 12 + month - now.month) <= 6]
    return near[0], month, day


def _zone(text: str) -> timedelta:
    """Return how far east of Greenwich; names other than GMT's are told by comparing with now."""
    if text[:1] not in {"+", "-"}:
        return timedelta()
    digits = text[1:].replace(":", "")
    east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -east if text[0] == "-" else east
