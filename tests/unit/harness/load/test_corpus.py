"""What is sent: sizes, draws, groups and cuts."""

import pytest

from harness.errors import UsageError
from harness.load.corpus import Exchange, draw_corpus
from harness.load.plan import LoadPlan
from harness.protocols.echo import Echo
from harness.protocols.timestamp_echo import TimestampEcho
from tests.unit.harness.load.test_channel import Shout

PLAN = {"target": "tcp://127.0.0.1:1", "protocol": "echo"}


def ring(**options: object) -> list[Exchange]:
    """Return what the plan makes of an echo."""
    return draw_corpus(LoadPlan(**PLAN, **options), Echo()).exchanges


def test_one_size_is_one_request():
    """A fixed size needs one request, which follows itself."""
    (exchange,) = ring(payload="64")
    assert exchange.size == 64
    assert exchange.next is exchange.previous is exchange
    assert exchange.reply == exchange.payload


def test_a_range_is_drawn_and_a_seed_draws_it_again():
    """Sizes lie within the range; one seed, one corpus."""
    exchanges = ring(payload="1-100", seed=3)
    assert {1 <= exchange.size <= 100 for exchange in exchanges} == {True}
    assert len({exchange.size for exchange in exchanges}) > 20
    assert [one.payload for one in ring(payload="1-100", seed=3)] == [
        one.payload for one in exchanges
    ]
    assert [one.payload for one in ring(payload="1-100", seed=4)] != [
        one.payload for one in exchanges
    ]


def test_the_protocol_draws():
    """`any` takes the protocol's own requests, the same ones for a seed."""
    exchanges = ring(payload="any", seed=1)
    assert len(exchanges) > 50
    assert [one.payload for one in exchanges] == [
        one.payload for one in ring(payload="any", seed=1)
    ]


def test_pipeline_puts_requests_together():
    """An exchange of a pipeline counts its requests and foretells all replies."""
    (exchange,) = ring(payload="8", pipeline=3)
    assert (exchange.count, exchange.size, exchange.reply) == (3, 24, exchange.payload)


def test_octets():
    """Every byte leaves alone; the first by the hot loop, the rest at the cuts."""
    (exchange,) = ring(payload="4", segment="octets")
    assert (exchange.first, exchange.cuts) == (exchange.payload[:1], (1, 2, 3))


def test_a_share_is_cut_and_the_rest_is_whole():
    """5 % is one in twenty, spread evenly."""
    exchanges = ring(payload="16", segment="random", segment_share=0.05)
    assert sum(bool(one.cuts) for one in exchanges) * 20 == len(exchanges)
    assert all(list(one.cuts) == sorted(set(one.cuts)) for one in exchanges)


def test_coalesced():
    """Several requests in one segment, at their share."""
    exchanges = ring(payload="16", segment="coalesced 4", segment_share=0.5)
    assert {one.count for one in exchanges} == {1, 4}
    assert sum(one.count == 4 for one in exchanges) * 2 == len(exchanges)


def test_a_protocol_without_sizes_says_so():
    """Asked for sizes that a protocol does not have, we name what to write instead."""
    plan = LoadPlan(**PLAN, payload="64")
    with pytest.raises(UsageError, match="--payload any"):
        draw_corpus(plan, Shout())


def test_without_a_payload_such_a_protocol_draws():
    """The default suits every protocol."""
    exchanges = draw_corpus(LoadPlan(**PLAN), Shout()).exchanges
    assert {one.payload for one in exchanges} <= {b"a\n", b"b\n", b"ab\n"}


def test_no_pipeline_where_the_protocol_forbids_it():
    """A protocol that allows one request at a time gets one at a time."""
    protocol = TimestampEcho()
    protocol.pipelining = False
    with pytest.raises(UsageError, match="before the last reply"):
        draw_corpus(LoadPlan(target="x", pipeline=2), protocol)
