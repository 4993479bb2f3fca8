from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.learning.values.dates import FORMS, find_dates, forms_of

NOW_S = 1767441601.0  # Sat, 03 Jan 2026 12:00:01 GMT


@pytest.mark.parametrize(
    ("text", "form", "ahead_s", "unit_s"),
    [
        (b"Sat, 03 Jan 2026 12:00:01 GMT", "RFC 5322", 0, 1),
        (b"Sat, 3 Jan 2026 13:00:01 +0100", "RFC 5322", 0, 1),
        (b"Saturday, 03-Jan-26 12:00:01 GMT", "RFC 850", 0, 1),
        (b"Sat Jan  3 12:00:01 2026", "ctime", 0, 1),
        (b"Sat Jan  3 12:00:01 UTC 2026", "ctime", 0, 1),
        (b"03/Jan/2026:12:00:01 +0000", "log", 0, 1),
        (b"03 Jan 2026 12:00:01.500", "day, month name", 0.5, 0.001),
        (b"2026-01-03T12:00:01.5+02:00", "ISO 8601", 0.5 - 7200, 0.1),
        (b"2026-01-03 12:00:01", "ISO 8601", 0, 1),
        (b"2026/01/03 12:00:01", "year/month/day", 0, 1),
        (b"01/03/2026 12:00:01 PM", "month/day/year", 0, 1),
        (b"01/03/2026 12:00:01 AM", "month/day/year", -43200, 1),
        (b"03.01.2026 12:00:01", "day/month/year", 0, 1),
        (b"Jan  3 12:00:01", "syslog", 0, 1),
        (b"20260103120001", "compact", 0, 1),
        (b"20260103-12:00:01.123", "compact", 0.123, 0.001),
        (b"20260103T120001Z", "compact", 0, 1),
        (b"202601031200", "compact to the minute", -1, 60),
        (b"2026-01-03", "ISO day", -43201, 86400),
        (b"20260103", "compact day", -43201, 86400),
        (b"12:00:01", "time of day", 0, 1),
        (b"1767441601", "epoch in s", 0, 1),
        (b"1767441601.25", "epoch in s", 0.25, 0.01),
        (b"1767441601250", "epoch in ms", 0.25, 0.001),
        (b"1767441601250000", "epoch in µs", 0.25, 1e-6),
        (b"1767441601250000000", "epoch in ns", 0.25, 1e-9),
    ],
)
def test_forms_are_read(text: bytes, form: str, ahead_s: float, unit_s: float) -> None:
    """Each form, its value and its resolution; found in the middle of other text, too."""
    (found, *_) = forms_of(text, NOW_S)
    assert found.name == form
    reading = found.read(text, NOW_S)
    assert reading is not None
    assert reading.seconds - NOW_S == pytest.approx(ahead_s, abs=1e-3)
    assert reading.unit_s == pytest.approx(unit_s)
    around = b"12:99 at [" + text + b"] 7\r\n"
    assert list(find_dates(around)) == [(10, 10 + len(text))]


@pytest.mark.parametrize(
    "text",
    [
        b"Mon, 03 Jan 2026 12:00:01 GMT",  # a Saturday
        b"Sat, 33 Jan 2026 12:00:01 GMT",
        b"2026-02-30 12:00:01",
        b"2026-01-03 24:00:01",
        b"01/03/2026 13:00:01 PM",
        b"12:60:01",
        b"17674416",
        b"",
    ],
)
def test_what_is_no_date_is_none(text: bytes) -> None:
    """Neither a day that there isn't, nor a weekday of another date."""
    assert not [form for form in forms_of(text, NOW_S) if form.name != "compact day"]


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    """What a server sends is hostile."""
    for form in FORMS.values():
        form.read(text, NOW_S)
    for begin, end in find_dates(text):
        assert 0 <= begin < end <= len(text)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 30)).map(  # noqa: DTZ001
        lambda at: at.replace(microsecond=0, tzinfo=UTC)
    )
)
def test_a_year_that_is_not_written_is_the_nearest(at: datetime) -> None:
    """At the turn of a year, too, and on the 29th of February."""
    text = f"{at:%b} {at.day:2d} {at:%H:%M:%S}".encode()
    for away in (timedelta(), timedelta(days=3), timedelta(days=-3)):
        reading = FORMS["syslog"].read(text, (at + away).timestamp())
        assert reading is not None
        assert reading.seconds == at.timestamp()
