"""The parts of `make scores` that need no server."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reference_server.faults import FAULTS
from reference_server.variants.base import flood, hold, open_, say
from tests.scores import record, table, zone, zoos
from tests.scores.minima import Extent, nearest, noted
from tests.scores.record import Finding, Record, Run
from wireproof.deadline import Deadline
from wireproof.target import parse_target, resolve
from wireproof.wire.connection import Connection


@pytest.mark.parametrize(
    ("steps", "extent"),
    [
        ((), None),
        ((say(b"a"), hold(3.0), say(b"bc")), Extent(1, 3, 0)),
        ((open_(0), open_(1), say(b"a")), Extent(2, 1, 0)),
        ((flood(100), say(b"a")), Extent(1, 101, 1)),
        ((flood(100), say(b"a", 1)), Extent(2, 101, 0)),
    ],
)
def test_the_extent_of_a_noted_conversation(steps: tuple, extent: Extent | None) -> None:
    """Connections, bytes, and cuts: a step that waits for its reply cuts nothing."""
    assert noted(steps) == extent


def test_within_is_by_each_measure() -> None:
    """Fewer bytes do not make up for a connection more; the nearest of several is that within."""
    wanted = Extent(1, 5, 1)
    assert Extent(1, 5, 1).within(wanted)
    assert not Extent(2, 1, 0).within(wanted)
    assert nearest([Extent(1, 1, 2), Extent(1, 4, 1)], wanted) == Extent(1, 4, 1)


def test_the_zone_shows_every_fault_of_time() -> None:
    """On any day of a year it is the afternoon of one of the first days, off UTC by 45 minutes."""
    for hours in range(0, 366 * 24, 7):
        now = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        offset = zone.offset_at(now)
        local = now + offset
        assert local.day <= 8
        assert local.hour >= 13
        assert offset % timedelta(hours=1) == timedelta(minutes=45)


def test_the_zone_is_read_as_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Local time is that far from UTC, and a local time leads back to the same second."""
    now = datetime.now(UTC)
    (tmp_path / "zone").write_bytes(zone.encode(now))
    monkeypatch.setenv("TZ", f":{tmp_path / 'zone'}")
    try:
        time.tzset()
        local = datetime.fromtimestamp(now.timestamp())  # noqa: DTZ006 - local by design
        assert local == (now + zone.offset_at(now)).replace(tzinfo=None)
        assert local.timestamp() == pytest.approx(now.timestamp())
    finally:
        monkeypatch.undo()
        time.tzset()


def test_records_are_kept_for_their_code_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A record comes back as it was written, and not for other code or for scripts it lacks."""
    monkeypatch.setattr(record, "REPORT", tmp_path)
    run = Run(variant="greets", depth="quick", seed=0, scripts=False)
    found = Finding(
        requirement="A", verdict="FAIL", message="m", after_s=0.5, extent=(1, 1, 0), exits=(1, 0)
    )
    made = Record(run=run, code="this", findings=[found])
    made.keep()
    assert record.kept(run, "this") == made
    assert record.kept(run, "other") is None
    with_scripts = Run(variant="greets", depth="quick", seed=0)
    assert record.kept(with_scripts, "this") is None


def test_both_zoos_are_judged() -> None:
    """Stores are variants like any other: found by name, with what is odd about them, served."""
    variant = zoos.find("store-short-queue")
    assert variant in zoos.FAULTS
    assert "past the 64th are lost" in variant.difference
    assert len({one.name for one in (*zoos.FAULTS, *zoos.SOUND)}) == len(zoos.FAULTS + zoos.SOUND)
    protocol, _ = zoos.protocol_of(variant)
    with (
        zoos.serving(variant) as target,
        Connection.open(resolve(parse_target(target))[0], Deadline(5)),
    ):
        assert protocol.name == "store"


def test_the_scores_in_words() -> None:
    """Missed faults, long minima, bad scripts and false alarms are each named."""
    fault = next(one for one in FAULTS if one.name == "greets")
    found = Finding(
        requirement="A", verdict="FAIL", message="m", after_s=0.5, extent=(1, 9, 0), exits=(0, 0)
    )
    records = [
        Record(run=Run(variant=fault.name, depth="quick", seed=0), code="c", findings=[found]),
        Record(run=Run(variant="utc", depth="quick", seed=0), code="c", seconds=61.0),
        Record(run=Run(variant="nagle", depth="quick", seed=4), code="c", findings=[found]),
    ]
    words = "\n".join(table.scores(records))
    assert "1 of 2 faults caught; missed: utc" in words
    assert "a fault takes 61.0 s in the median, 61.0 s at most (utc)" in words
    assert "greets: found 1 conn, 9 B, 0 cuts; noted 1 conn, 1 B, 0 cuts" in words
    assert "greets A: exits [0, 0]" in words
    assert "1 false alarms in 1 runs" in words
    assert "nagle seed 4 quick: A FAIL: m" in words
    assert not table.is_perfect(records)
    assert "| greets | sends a banner" in table.markdown(records)


def test_a_score_depends_on_what_judges_and_what_is_judged() -> None:
    """Load and reports change without a run of the scores, whatever room of theirs it is in."""
    files = {str(path.relative_to(record.ROOT)) for path in record.scored_files()}
    assert {
        "harness/wireproof/conformance/runner.py",
        "harness/wireproof/protocols/built_in/timestamp_echo.py",
        "reference_server/variants/base.py",
        "tests/zoo/defects.py",
    } <= files
    others = ("load", "reporting", "accept_queue", "cli")
    assert not [
        file for file in files if file.startswith(tuple(f"harness/wireproof/{x}/" for x in others))
    ]
