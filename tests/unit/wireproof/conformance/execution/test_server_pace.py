"""What went well tells how fast a server is."""

from wireproof.conformance.execution.server_pace import ServerPace
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan

LONG = single([b"x" * 10_000])


def _paced(*plans: tuple[Plan, float]) -> ServerPace:
    pace = ServerPace()
    pace.plain(0.02)
    for plan, took_s in plans:
        pace.whole(plan, took_s)
    return pace


def test_the_quickest_long_request_tells_of_bytes() -> None:
    """What an exchange takes anyway is none of it."""
    assert _paced((LONG, 0.52), (LONG, 0.22)).byte_s == 0.2 / 10_000
    assert _paced((LONG, 0.01)).byte_s == 0.0


def test_what_tells_nothing_of_bytes() -> None:
    """Short requests, many of them, several connections, holds, and what no exchange preceded."""
    short, many = single([b"x" * 100]), single([b"x" * 1000] * 10)
    held = single([b"x" * 10_000], [5], hold_s=1.0)
    two = Plan((*LONG.requests, *LONG.requests), ())
    assert _paced(*((plan, 9.0) for plan in (short, many, held, two))).byte_s is None
    unknown = ServerPace()
    unknown.whole(LONG, 1.0)
    assert unknown.byte_s is None
    assert unknown.exchange_s == 0.0


def test_patience_follows_the_plain_exchanges() -> None:
    """A glance is no longer than a try, and a single slow one is remembered by the latter."""
    pace = ServerPace()
    assert (pace.glance_timeout_s, pace.shrink_timeout_s) == (0.03, 0.25)
    for took_s in (1.0, *[0.01] * 4):
        pace.plain(took_s)
    assert (pace.glance_timeout_s, pace.shrink_timeout_s) == (0.2, 3.0)
    assert pace.exchange_s == 0.01
