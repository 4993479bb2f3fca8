import pytest

from wireproof.reporting.html.timeline import MAX_EVENTS, SEGMENT_BYTES, timelines
from wireproof.wire.transcript import Event, Kind


def _events(*kinds: Kind, connection: int = 0) -> list[Event]:
    return [Event(index * 1_000, connection, kind, b"x") for index, kind in enumerate(kinds)]


def test_two_sends_in_a_row_are_a_cut() -> None:
    """A border between two segments that we sent is marked; one before a reply is not."""
    (line,) = timelines(
        _events("open", "send", "send", "receive", "send", "end"), 0, by_absence=False
    )
    assert [cell.is_cut for cell in line.cells] == [False, True, False, False, False, False]


def test_it_went_wrong_at_what_the_peer_did_last() -> None:
    """The last thing seen of the peer on the failed connection carries the mark, and no other."""
    events = [*_events("send", "receive", "was-reset", "close"), *_events("receive", connection=1)]
    first, second = timelines(events, 0, by_absence=False)
    assert [cell.went_wrong for cell in first.cells] == [False, False, True, False]
    assert not any(cell.went_wrong for cell in second.cells)


def test_silence_went_wrong_where_it_is_noted() -> None:
    """What the peer did not do is marked where we stopped to wait for it, in the peer's lane."""
    events = _events("send", "receive", "note")
    (line,) = timelines(events, 0, by_absence=True)
    assert [cell.went_wrong for cell in line.cells] == [False, False, True]
    assert line.cells[2].lane == "received"
    (line,) = timelines(events, 0, by_absence=False)
    assert [cell.went_wrong for cell in line.cells] == [False, True, False]


def test_the_failed_connection_comes_first() -> None:
    """Of many connections, the reader sees the one that matters."""
    events = [*_events("send"), *_events("send", "end", connection=7)]
    assert [line.connection for line in timelines(events, 7, by_absence=False)] == [7, 0]


def test_a_long_transcript_keeps_its_two_ends() -> None:
    """Thousands of one-byte segments are cut in the middle, and the number is told."""
    (line,) = timelines(_events(*["send"] * 5_000, "end"), 0, by_absence=False)
    assert len(line.cells) == MAX_EVENTS
    assert line.left_out == 5_001 - MAX_EVENTS
    assert line.cells[-1].went_wrong


def test_a_segment_is_bounded_and_harmless() -> None:
    """A megabyte keeps its size in words; controls are escaped."""
    (line,) = timelines(
        [Event(5, 0, "receive", b"\x1b[31m<b>" + bytes(1_000_000), "\u202e")], 0, by_absence=False
    )
    (cell,) = line.cells
    assert len(cell.hexadecimal) == 2 * SEGMENT_BYTES
    assert "1,000,008 bytes" in cell.told
    assert cell.told.isprintable()
    assert cell.label.startswith("\\x1b[31m<b>\\x00")


@pytest.mark.parametrize(
    ("gap_ns", "words"), [(900_000, ""), (1_000_000, "+1.00 ms"), (520_000_000, "+520 ms")]
)
def test_gaps_worth_seeing_are_named(gap_ns: int, words: str) -> None:
    """From a millisecond on the time between two events is written out."""
    (line,) = timelines([Event(0, 0, "send"), Event(gap_ns, 0, "send")], 0, by_absence=False)
    assert line.cells[1].gap_words == words
    assert 0 < line.cells[1].gap <= 8
