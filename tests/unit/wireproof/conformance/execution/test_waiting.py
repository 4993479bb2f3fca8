import pytest

from wireproof.conformance.execution import waiting
from wireproof.conformance.execution.waiting import Clock, DeliveryTimeout, Ended, Wait, never

LONG = 3600.0


def test_nothing_moves() -> None:
    """Silence is over when its time is."""
    assert Clock(Wait(never, LONG, LONG), 0).look(0) is None
    assert Clock(Wait(never, 0.0, LONG), 0).look(0) is Ended.SILENT


def test_what_moves_begins_silence_anew() -> None:
    """Each byte more does; the same count again does not."""
    clock = Clock(Wait(never, 0.0, LONG), 5)
    assert clock.look(6) is None
    assert clock.moving
    assert clock.look(6) is Ended.SILENT
    assert not clock.moving


def test_a_fixed_time_is_not_renewed() -> None:
    """A pause is as long as it is said to be."""
    clock = Clock(Wait(never, LONG, LONG, renewed=False), 0)
    before = clock.until().expires_at_s
    clock.look(9)
    assert clock.until().expires_at_s == before


def test_silence_is_renewed_for_who_is_at_work() -> None:
    """It begins anew, however short it was, and all the time lasts as long."""
    clock = Clock(Wait(never, 0.0, 0.0), 0)
    assert clock.look(0) is Ended.SILENT
    clock.renew()
    assert clock.look(0) is None


def test_not_for_ever() -> None:
    """What moves on and on ends the wait, too, unless it has just reached what is waited for."""
    assert Clock(Wait(never, LONG, 0.0), 0).look(1) is Ended.OUT_OF_TIME
    assert Clock(Wait(lambda: True, LONG, 0.0), 0).look(1) is None


def test_what_cannot_come_in_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there was time to tell the pace, what would take far longer ends the wait."""

    def ended(came: int, left: int) -> Ended | None:
        return Clock(Wait(never, 0.0, 10.0, left=lambda: (came, left)), 0).look(1)

    assert ended(1, 10**9) is None  # so soon a busy machine is as slow
    monkeypatch.setattr(waiting, "_LEAST_MEASURED_S", 0.0)
    assert ended(1, 10**9) is Ended.OUT_OF_TIME
    assert ended(10**9, 1) is None
    assert ended(0, 10**9) is None  # nothing tells how long the first takes
    assert Clock(Wait(never, LONG, LONG, left=lambda: (1, 10**9)), 0).look(1) is None


def test_what_no_event_tells_of_is_looked_at_soon() -> None:
    """The next look is within the time that is given, not at the end of the wait."""
    clock = Clock(Wait(never, LONG, LONG, look_again_s=0.001), 0)
    assert clock.until().remaining_s() <= 0.001


def test_the_second_wait_for_a_read_is_shorter() -> None:
    """A server that does not read is waited for at length once."""
    timeout = DeliveryTimeout(2.0)
    timeout.shorten()
    assert timeout.seconds < 0.1
