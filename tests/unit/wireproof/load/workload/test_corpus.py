"""What is sent: sizes, draws, groups and cuts."""

import re
from pathlib import Path

import pytest

from tests.unit.wireproof.load.swarm.connections.test_connection import Shout
from wireproof.errors import UsageError
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.corpus import Corpus
from wireproof.load.workload.drawing import draw_corpus
from wireproof.load.workload.predictor import predictor_of
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
from wireproof.protocols.loading.registry import find_protocol

SPEC = {"target": "tcp://127.0.0.1:1", "protocol": "echo"}


def ring(**options: object) -> list[Batch]:
    """Return what the spec makes of an echo."""
    return draw_corpus(LoadSpec(**SPEC, **options), Echo()).batches


def test_one_size_is_one_request():
    """A fixed size needs one request, which follows itself."""
    (batch,) = ring(payload="64")
    assert batch.size == 64
    assert batch.next is batch.previous is batch
    assert batch.reply == batch.payload


def test_a_range_is_drawn_and_a_seed_draws_it_again():
    """Sizes lie within the range; one seed, one corpus."""
    batches = ring(payload="1-100", seed=3)
    assert {1 <= batch.size <= 100 for batch in batches} == {True}
    assert len({batch.size for batch in batches}) > 20
    assert [one.payload for one in ring(payload="1-100", seed=3)] == [
        one.payload for one in batches
    ]
    assert [one.payload for one in ring(payload="1-100", seed=4)] != [
        one.payload for one in batches
    ]


def test_the_protocol_draws():
    """`any` takes the protocol's own requests, the same ones for a seed."""
    batches = ring(payload="any", seed=1)
    assert len(batches) > 50
    assert [one.payload for one in batches] == [one.payload for one in ring(payload="any", seed=1)]


def test_a_mix_is_kept_and_told_apart():
    """Of the kinds that are asked for each has its share, in each batch by its number."""
    spec = LoadSpec(target="x", protocol="memcached", mix={"get": 3, "set": 1}, pipeline=2)
    corpus = draw_corpus(spec, find_protocol("memcached", {}))
    assert corpus.kinds == ("get", "set")
    sent = [0, 0]
    for batch in corpus.batches:
        assert sum(share for _, share in batch.shares) == batch.count == 2
        for kind, request in zip(batch.kinds, batch.requests, strict=True):
            assert request.startswith(corpus.kinds[kind].encode())
            sent[kind] += 1
    assert sent[0] == 3 * sent[1]


def test_a_kind_that_a_protocol_does_not_have_is_refused():
    """With those that it has."""
    spec = LoadSpec(target="x", protocol="memcached", mix={"put": 1})
    with pytest.raises(UsageError, match=r"no kind of request 'put'.*\n.*get, .*set"):
        draw_corpus(spec, find_protocol("memcached", {}))


@pytest.mark.parametrize(
    ("text", "users", "refused"),
    [
        (rb"set k{connection} 0 0 1\r\na\r\n", 2, ""),
        (rb"set k 0 0 1\r\na\r\n", 1, ""),
        (rb"get k\r\n", 2, ""),
        (rb"set k 0 0 1\r\na\r\n", 2, "the same keys"),
    ],
)
def test_connections_do_not_change_what_another_is_told(
    text: bytes, users: int, refused: str, tmp_path: Path
):
    """Written requests that change what is kept are a connection's own, or there is one only."""
    path = tmp_path / "requests"
    path.write_bytes(text)
    spec = LoadSpec(target="x", protocol="memcached", requests_file=str(path), users=[users])
    if refused:
        with pytest.raises(UsageError, match=refused):
            draw_corpus(spec, find_protocol("memcached", {}))
        return
    corpus = draw_corpus(spec, find_protocol("memcached", {}))
    rings = [corpus.enter(serial, 0) for serial in (1, 2)]
    first, second = (ring.after(before).payload for ring, before in rings)
    assert (first != second) == (b"{connection}" in text)


def test_pipeline_puts_requests_together():
    """An batch of a pipeline counts its requests and foretells all replies."""
    (batch,) = ring(payload="8", pipeline=3)
    assert (batch.count, batch.size, batch.reply) == (3, 24, batch.payload)


def test_octets():
    """Every byte leaves alone; the first by the hot loop, the rest at the cuts."""
    (batch,) = ring(payload="4", segment="octets")
    assert (batch.first, batch.cuts) == (batch.payload[:1], (1, 2, 3))


def test_a_share_is_cut_and_the_rest_is_whole():
    """5 % is one in twenty, spread evenly."""
    batches = ring(payload="16", segment="random", segment_share=0.05)
    assert sum(bool(one.cuts) for one in batches) * 20 == len(batches)
    assert all(list(one.cuts) == sorted(set(one.cuts)) for one in batches)


def test_coalesced():
    """Several requests in one segment, at their share."""
    batches = ring(payload="16", segment="coalesced 4", segment_share=0.5)
    assert {one.count for one in batches} == {1, 4}
    assert sum(one.count == 4 for one in batches) * 2 == len(batches)


def test_a_protocol_without_sizes_says_so():
    """Asked for sizes that a protocol does not have, we name what to write instead."""
    spec = LoadSpec(**SPEC, payload="64")
    with pytest.raises(UsageError, match="--payload any"):
        draw_corpus(spec, Shout())


def test_without_a_payload_such_a_protocol_draws():
    """The default suits every protocol."""
    batches = draw_corpus(LoadSpec(**SPEC), Shout()).batches
    assert {one.payload for one in batches} <= {b"a\n", b"b\n", b"ab\n"}


def test_no_pipeline_where_the_protocol_forbids_it():
    """A protocol that allows one request at a time gets one at a time."""
    protocol = TimestampEcho()
    protocol.pipelining = False
    with pytest.raises(UsageError, match="before the last reply"):
        draw_corpus(LoadSpec(target="x", pipeline=2), protocol)


class Vague(Shout):
    """Any capitals are right."""

    def expected(self, request: bytes):
        """Match a pattern."""
        del request
        return re.compile(rb"[A-Z]+\n")


def test_an_accepted_reply_is_known_until_it_is_old():
    """What the oracle accepted is right for the same batch again; then it is judged anew."""
    first, second = Batch([b"a\n"]), Batch([b"ab\n"])
    corpus = Corpus([first, second], predictor_of(Vague()))
    assert first.reply is None
    corpus.learn(first, b"QQ\n", now_ns=100)
    corpus.learn(second, b"R\n", now_ns=200)
    assert (first.reply, first.receive_bytes, second.reply) == (b"QQ\n", 4, b"R\n")
    corpus.forget(now_ns=1_000_000_150)
    assert (first.reply, second.reply) == (None, b"R\n")
    corpus.learn(second, b"S\n", now_ns=210)
    assert second.reply == b"S\n"


def test_what_is_foretold_does_not_grow_old():
    """Replies known to the byte need no oracle ever again."""
    batch = Batch([b"a\n"])
    corpus = Corpus([batch], predictor_of(Shout()))
    corpus.forget(now_ns=10**18)
    assert batch.reply == b"A\n"


def test_few_requests_are_learnt():
    """Each reply that has to be learnt costs the oracle a visit a second."""
    spec = LoadSpec(target="tcp://127.0.0.1:1", protocol="vague", payload="any")
    assert 1 < len(draw_corpus(spec, Vague()).batches) <= 64


def drawn(name: str, **options: object) -> Corpus:
    """Return what a load of a built-in protocol sends."""
    protocol = find_protocol(name, {})
    return draw_corpus(LoadSpec(target="x", protocol=name, **options), protocol)


def test_the_default_is_the_protocols_mix():
    """80 reads to 20 writes, as the protocol says; not what was made to find faults."""
    requests = [each for batch in drawn("memcached").batches for each in batch.requests]
    gets = sum(request.startswith(b"get ") for request in requests)
    assert gets / len(requests) == pytest.approx(0.8, abs=0.02)
    assert {request[:3] for request in requests} == {b"get", b"set"}


def test_sizes_in_a_range_leave_out_those_that_do_not_exist():
    """Where a length gains a digit, no request has the size between; the next one is taken."""
    batches = drawn("redis", payload="1-300").batches
    assert all(batch.size <= 300 for batch in batches)
    assert len({batch.size for batch in batches}) > 50
    with pytest.raises(UsageError, match="of 3 bytes"):
        drawn("redis", payload="3")


def test_what_has_no_reply_leaves_with_the_next():
    """A closed loop sends that at once; an open one when it is due."""
    batches = drawn("mqtt").batches
    assert max(batch.count for batch in batches) > 1
    assert not any(batch.requests[-1].startswith(b"\x30") for batch in batches)
    assert {batch.count for batch in drawn("mqtt", rate_per_s=100.0).batches} == {1}


def test_each_place_has_its_own_number():
    """Requests that are under way together differ, and a place has the same in each lap."""
    batches = drawn("dns", pipeline=2).batches
    numbers = [request[2:4] for batch in batches for request in batch.requests]
    assert len(set(numbers)) == len(numbers)


def test_a_ring_of_its_own_is_private_and_bounded():
    """Keys have the connection's number; many connections have few places each."""
    corpus = drawn("redis", users=[1000])
    first, second = (corpus.enter(serial, 0) for serial in (17, 18))
    payloads = []
    for ring, before in (first, second):
        places, batch = [], before
        for _ in range(8):
            batch = ring.after(batch)
            places.append(batch)
        assert ring.after(batch) is places[0]
        payloads.append(b"".join(batch.payload for batch in places))
    assert b"wp00000017" in payloads[0]
    assert payloads[0].replace(b"wp00000017", b"wp00000018") == payloads[1]
