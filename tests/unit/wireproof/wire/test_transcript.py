import time

import pytest

from wireproof.wire.transcript import Event, Transcript, lines_of


def test_events_in_order_with_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times count from the beginning, on the monotonic clock."""
    now = [1_000]
    monkeypatch.setattr(time, "monotonic_ns", lambda: now[0])
    transcript = Transcript()
    now[0] += 5
    transcript.add(0, "open")
    now[0] += 2_000_000_000
    transcript.add(0, "send", b"x", "note")
    assert transcript.events == [
        Event(5, 0, "open"),
        Event(2_000_000_005, 0, "send", b"x", "note"),
    ]
    assert transcript.seconds == pytest.approx(2.0)


def test_memory_is_bounded() -> None:
    """A peer that sends for ever does not fill this machine, and what is cut is said to be."""
    transcript = Transcript(limit_bytes=1000)
    for _ in range(10_000):
        transcript.add(0, "receive", b"x" * 300)
    assert transcript.events[-1].note == "the rest is left out"
    assert [event.kind for event in transcript.events].count("note") == 1
    assert sum(len(event.data) for event in transcript.events) <= 1000
    assert len(transcript.events) < 10


def test_empty_events_are_bounded_too() -> None:
    """Events without bytes cost memory as well."""
    transcript = Transcript(limit_bytes=1000)
    for _ in range(10_000):
        transcript.add(0, "end")
    assert transcript.events[-1].note == "the rest is left out"
    assert len(transcript.events) < 20


def test_events_are_read_a_line_each() -> None:
    """When, on which connection, what, its bytes harmless to print, and the note."""
    events = [Event(1_500_000, 0, "open"), Event(2_000_000_000, 12, "send", b"a\x1b", "in one")]
    assert lines_of(events) == [
        "       1.500 ms  #0   open",
        r"    2000.000 ms  #12  send        b'a\x1b' (in one)",
    ]
