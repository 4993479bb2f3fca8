"""What a user has written, or named, as a protocol takes it."""

from collections import Counter
from pathlib import Path

import pytest

from wireproof.errors import UsageError
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.corpus import Corpus
from wireproof.load.workload.drawing import draw_corpus
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol

FEEDABLE = [name for name in BUILT_IN if find_protocol(name, {}).exchange is Exchange.REQUEST_REPLY]


def fed(
    folder: Path, name: str, feed: bytes, *, datagrams: bool = False, **options: object
) -> Corpus:
    """Return what a load of a protocol sends about the values of a feed."""
    path = folder / "feed"
    path.write_bytes(feed)
    spec = LoadSpec(target="x", protocol=name, feed_file=str(path), **options)
    return draw_corpus(spec, find_protocol(name, {}), datagrams=datagrams)


def sent(corpus: Corpus) -> list[bytes]:
    """Return all requests."""
    return [request for batch in corpus.batches for request in batch.requests]


@pytest.mark.parametrize(
    ("name", "value", "kinds"),
    [
        ("redis", b"user:1", ("get", "set")),
        ("memcached", b"user:1", ("get", "set")),
        ("http1", b"/a?b=c", ()),
        ("dns", b"www.example.org", ()),
        ("mqtt", b"floor/1/lamp", ("publish-qos0", "publish-qos1")),
        ("echo", b"hello", ()),
        ("nats", b"hello", ()),
        ("websocket", b"hello", ()),
    ],
)
def test_a_value_is_in_each_request_about_it(
    name: str, value: bytes, kinds: tuple[str, ...], tmp_path: Path
):
    """A key, a path, a name, a topic, a payload; in the kinds that ordinary clients send."""
    corpus = fed(tmp_path, name, value + b"\n")
    assert corpus.kinds == kinds
    on_the_wire = {"dns": b"\x03www\x07example\x03org\x00", "websocket": b""}.get(name, value)
    assert all(on_the_wire in request for request in sent(corpus))


@pytest.mark.parametrize("name", FEEDABLE)
def test_each_built_in_takes_a_feed_or_says_what_to_write(name: str, tmp_path: Path):
    """Nothing else becomes of it, over either transport."""
    kind = find_protocol(name, {})
    for datagrams in {False, isinstance(kind, Datagrams)}:
        try:
            assert fed(tmp_path, name, b"/a\n", datagrams=datagrams).batches
        except UsageError as error:
            assert "--requests FILE" in str(error)  # noqa: PT017 - either is right


def test_names_are_asked_for_over_udp(tmp_path: Path):
    """Without the length that stands in front of them over TCP."""
    (query,) = sent(fed(tmp_path, "dns", b"a.example\n", datagrams=True))
    assert query.endswith(b"\x01a\x07example\x00\x00\x01\x00\x01")


def test_a_mix_says_how_often(tmp_path: Path):
    """About each value, so that what is asked for has been stored by the same connection."""
    keys = b"".join(b"k%d\n" % number for number in range(40))
    corpus = fed(tmp_path, "redis", keys, mix={"get": 3, "set": 1})
    counts = Counter((b"SET" in request, request.split(b":")[-1][:4]) for request in sent(corpus))
    assert Counter(counts.values()) == {3: 40, 1: 40}
    with pytest.raises(UsageError, match="no kind of request 'ping' about a value"):
        fed(tmp_path, "redis", keys, mix={"ping": 1})


@pytest.mark.parametrize(
    ("name", "value"), [("memcached", b"a b"), ("http1", b"a"), ("mqtt", b"#")]
)
def test_what_is_no_key_is_refused(name: str, value: bytes, tmp_path: Path):
    """With its number, and what it is."""
    with pytest.raises(UsageError, match="no request about value number 2"):
        fed(tmp_path, name, b"/ok\n" + value + b"\n")


@pytest.mark.parametrize("name", ["redis", "memcached"])
def test_what_an_earlier_run_stored_is_forgotten(name: str, tmp_path: Path):
    """Each key of a connection's own ring is deleted before it begins, and no other."""
    corpus = fed(tmp_path, name, b"".join(b"k%d\n" % number for number in range(200)))
    ring, _ = corpus.enter(3, 5)
    forgotten = b"".join(ring.opening)
    size = min(corpus._privacy.places, len(corpus.batches))
    assert size < len(corpus.batches)
    places = [corpus.batches[(5 + place) % len(corpus.batches)].payload for place in range(size)]
    keys = {word for payload in places for word in payload.split() if b"wp00000000:" in word}
    assert {word for word in forgotten.split() if b"wp00000000:" in word} == keys
