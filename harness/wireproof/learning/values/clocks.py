"""Whether a date follows the clock: its form, its nearness to now, and its movement, together.

A date that stands still is none, unless the plays were too close to each other to tell; then one
that says just now is taken for one. A number is none until it has moved as time has.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import msgspec

from wireproof.learning.memory import Circumstances, Judged
from wireproof.learning.plays import Moment
from wireproof.learning.values.dates import FORMS, Reading, forms_of

TOLERANCE_S: Final = 2.0
"""How far from now a date may be: servers remember the date for a second or two."""

_SLACK_S: Final = 1.0
_ZONE_S: Final = 900.0  # zones, and what is told as so many hours from now, are multiples of it
_FARTHEST_ZONE_S: Final = 14 * 3600.0
_WEAK: Final = {"time of day", "epoch in s", "epoch in ms", "epoch in µs", "epoch in ns"}
"""Forms that a plain number, or a duration, may have by accident."""

BINARY_FORMS: Final = {
    "epoch in s, binary": (4, 0.0, 1.0),
    "RFC 868, binary": (4, 2208988800.0, 1.0),
    "epoch in s, binary, 8 bytes": (8, 0.0, 1.0),
    "epoch in ms, binary": (8, 0.0, 1e3),
    "epoch in µs, binary": (8, 0.0, 1e6),
    "epoch in ns, binary": (8, 0.0, 1e9),
}
"""By name: the width in bytes, what is to be subtracted, how many of it make a second."""


class Clock(msgspec.Struct, frozen=True, tag="clock"):
    """A date that follows the clock.

    Attributes:
        form: how it is written, a key of `FORMS` or of `BINARY_FORMS`.
        offset_s: how far ahead of now it is: a zone's offset where none is written, or an expiry.
        little_endian: the byte order of a binary one.

    """

    judged: ClassVar[Judged] = "by kind"
    form: str
    offset_s: float
    little_endian: bool = False

    def read(self, text: bytes, near_s: float) -> Reading | None:
        """Return what `text` says, or None where it isn't written so."""
        if self.form in FORMS:
            return FORMS[self.form].read(text, near_s + self.offset_s)
        width, base_s, per_second = BINARY_FORMS[self.form]
        if len(text) != width:
            return None
        number = int.from_bytes(text, "little" if self.little_endian else "big")
        return Reading((number - base_s) / per_second, 1 / per_second)

    def problem(self, value: bytes, when: Circumstances) -> str:
        """Return what is wrong with `value`, or nothing."""
        moment = when.moment
        reading = self.read(value, moment.latest_s if moment is not None else 0.0)
        if reading is None:
            return "is not a date of this form"
        if moment is None:
            return ""
        said_s = reading.seconds - self.offset_s
        if (ahead_s := said_s - moment.latest_s) > TOLERANCE_S:
            return f"is {ahead_s:.0f} s ahead of the clock"
        if (behind_s := moment.earliest_s - said_s - reading.unit_s) > TOLERANCE_S:
            return f"is {behind_s:.0f} s behind the clock"
        return ""

    def expected(self, when: Circumstances) -> str:
        """Return what would be right."""
        del when
        away = f"{self.offset_s:+.0f} s from now" if self.offset_s else "now"
        return f"a date ({self.form}), {away}, within {TOLERANCE_S:.0f} s"


def clock_of(values: Sequence[bytes], moments: Sequence[Moment]) -> Clock | None:
    """Return the clock that dates in text follow, or None where they follow none."""
    if not values[0] or not all(values):
        return None
    for form in forms_of(values[0], moments[0].latest_s):
        readings = _readings(values, moments, form.read)
        if readings is None:
            continue
        offset_s = _offset_s(readings, moments, weak=form.name in _WEAK)
        if offset_s is not None:
            return Clock(form.name, offset_s)
    return None


def binary_clock_of(values: Sequence[bytes], moments: Sequence[Moment]) -> Clock | None:
    """Return the clock that binary fields follow, or None where they follow none."""
    for form, (width, _, _) in BINARY_FORMS.items():
        if width != len(values[0]):
            continue
        for little_endian in (False, True):
            clock = Clock(form, 0.0, little_endian)
            readings = _readings(values, moments, clock.read)
            if readings is not None and _offset_s(readings, moments, weak=True) == 0.0:
                return clock
    return None


def _readings(
    values: Sequence[bytes],
    moments: Sequence[Moment],
    read: Callable[[bytes, float], Reading | None],
) -> list[Reading] | None:
    found = []
    for value, moment in zip(values, moments, strict=True):
        reading = read(value, moment.latest_s)
        if reading is None:
            return None
        found.append(reading)
    return found


def _offset_s(
    readings: Sequence[Reading], moments: Sequence[Moment], *, weak: bool
) -> float | None:
    """Return how far ahead of now the readings all are, or None where they don't follow it."""
    unit_s = max(reading.unit_s for reading in readings)
    pairs = list(zip(readings, moments, strict=True))
    # now + offset lies in [reading, reading + unit), for some now between earliest and latest.
    least_s = max(one.seconds - moment.latest_s for one, moment in pairs) - _SLACK_S
    most_s = min(one.seconds + unit_s - moment.earliest_s for one, moment in pairs) + _SLACK_S
    if least_s > most_s:
        return None
    rounded_s = round((least_s + most_s) / 2 / _ZONE_S) * _ZONE_S
    is_near = least_s <= rounded_s <= most_s and abs(rounded_s) <= _FARTHEST_ZONE_S
    if least_s <= 0 <= most_s:  # the unit may be longer than a zone's step
        rounded_s, is_near = 0.0, True
    if len({reading.seconds for reading in readings}) > 1:
        if is_near:
            return rounded_s
        return None if weak else (least_s + most_s) / 2
    passed_s = max(one.earliest_s for one in moments) - min(one.latest_s for one in moments)
    might_stand_still = passed_s < unit_s + 2 * _SLACK_S
    return rounded_s if might_stand_still and is_near and not weak else None
