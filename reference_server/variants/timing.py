"""Faults of time."""

import time

from reference_server.framing import Framer
from reference_server.variants.base import Fault, SteppedConnection, hold, say, worker_of


class Frozen(Framer):
    def set_time(self, now_s: float) -> None:
        if not self.header:
            super().set_time(now_s)


class Utc(Framer):
    def ctime(self, second: int) -> bytes:
        return time.asctime(time.gmtime(second)).encode()


class HourAhead(Framer):
    def ctime(self, second: int) -> bytes:
        return super().ctime(second + 3600)


class FiveSecondsBehind(Framer):
    def ctime(self, second: int) -> bytes:
        return super().ctime(second - 5)


class WrongWeekday(Framer):
    def ctime(self, second: int) -> bytes:
        return super().ctime(second + 86_400)[:4] + super().ctime(second)[4:]


class GoesBack(Framer):
    late = False

    def frames(self, data: bytes) -> bytes:
        self.late = not self.late
        self._second = -1
        self.set_time(time.time() - (0 if self.late else 1))
        return super().frames(data)


class DayWithZero(Framer):
    def ctime(self, second: int) -> bytes:
        return time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(second)).encode()


class IsoDate(Framer):
    def ctime(self, second: int) -> bytes:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)).encode()


class TwelveHours(Framer):
    def ctime(self, second: int) -> bytes:
        return time.strftime("%a %b %e %I:%M:%S %Y", time.localtime(second)).encode()


class WithNewline(Framer):
    def ctime(self, second: int) -> bytes:
        return super().ctime(second) + b"\n"


class GermanNames(Framer):
    def ctime(self, second: int) -> bytes:
        names = (b"Mo.", b"Di.", b"Mi.", b"Do.", b"Fr.", b"Sa.", b"So.")
        return names[time.localtime(second).tm_wday] + super().ctime(second)[3:]


class TimeOfFirstReply(SteppedConnection):
    header = b""

    def answer(self, data: bytes) -> None:
        self.header = self.header or self._framer.header
        framer = Framer(self._framer.buffer_bytes)
        framer.header = self.header
        self.send(framer.frames(data))


FAULTS = (
    Fault(
        "frozen-time",
        "time",
        "the timestamp is made once, at the start",
        "a default argument `now=ctime()`",
        (say(b"a"), hold(3.5), say(b"b")),
        service=worker_of(framer=Frozen),
    ),
    Fault(
        "utc",
        "time",
        "UTC where local time was promised",
        "asctime(gmtime())",
        (),
        "a reply, where local time is not UTC",
        service=worker_of(framer=Utc),
    ),
    Fault(
        "an-hour-ahead",
        "time",
        "daylight saving is added twice",
        "tm_isdst left at 1",
        (say(b"a"),),
        service=worker_of(framer=HourAhead),
    ),
    Fault(
        "five-seconds-behind",
        "time",
        "the time is refreshed too rarely",
        "a cached time whose refresh is driven by traffic",
        (say(b"a"),),
        service=worker_of(framer=FiveSecondsBehind),
    ),
    Fault(
        "wrong-weekday",
        "time",
        "the weekday belongs to another day",
        "an own calendar",
        (say(b"a"),),
        service=worker_of(framer=WrongWeekday),
    ),
    Fault(
        "time-goes-back",
        "time",
        "two caches of the time, one a second late, take turns",
        "a cache a thread",
        (say(b"a"), say(b"b"), say(b"c")),  # of two, only every other pair goes back
        service=worker_of(framer=GoesBack),
    ),
    Fault(
        "day-with-zero",
        "time",
        "the day is padded with a zero",
        "%d for %e",
        (),
        "a reply, on the first nine days of a month",
        service=worker_of(framer=DayWithZero),
    ),
    Fault(
        "iso-date",
        "time",
        "another format of time",
        "str(datetime.now())",
        (say(b"a"),),
        service=worker_of(framer=IsoDate),
    ),
    Fault(
        "twelve-hours",
        "time",
        "12 hours for 24",
        "%I for %H",
        (),
        "a reply, before one in the morning and after noon",
        service=worker_of(framer=TwelveHours),
    ),
    Fault(
        "ctime-newline",
        "time",
        "ctime's newline is left in",
        "C's ctime",
        (say(b"a"),),
        service=worker_of(framer=WithNewline),
    ),
    Fault(
        "german-names",
        "time",
        "names of days follow the locale",
        "setlocale and %a",
        (say(b"a"),),
        service=worker_of(framer=GermanNames),
    ),
    Fault(
        "time-of-first-reply",
        "time",
        "the time is that of the connection, not of the reply",
        "a header built in the handler's constructor",
        (say(b"a"), hold(3.5), say(b"b")),
        service=worker_of(connection=TimeOfFirstReply),
    ),
)
