"""A ring of a connection's own: closed by the state of the model, open again by what differs."""

from wireproof.load.workload.batch import Batch
from wireproof.load.workload.ring import PrivateRing

SECOND = 1_000_000_000


class Model:
    """A dialogue whose oracle accepts everything, and whose state the test sets."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.state: object = 0
        self.judged = 0
        self.counters: tuple[int, ...] = ()

    def counters_in(self, replies: bytes):
        """Say that each reply ends with the first counter, in a byte."""
        return [(len(replies) - 1, 1, 0)]

    def ends_of(self, batch: Batch, reply: bytes):
        """Return the end of the one reply."""
        assert batch.count == 1
        return (len(reply),)


class Walk:
    """A connection that goes round a ring."""

    def __init__(self, size: int, *, waits: int | None = None) -> None:
        """Begin; the client waits within the request at a place."""

        def make(place: int) -> Batch:
            batch = Batch([b"request %d" % place])
            batch.waits = place == waits
            return batch

        self.ring = PrivateRing(size, make)
        self.model = Model()
        self.at = self.ring.before
        self.ring.begin(self.model)

    def step(self, heard: bytes | None = b"reply", now_ns: int = 0) -> bool:
        """Have the oracle accept the next batch; returns whether the next is known."""
        self.at = self.ring.after(self.at)
        return self.ring.learn(self.at, heard, now_ns, self.model)

    def lap(self, size: int, state: object) -> bool:
        """Have it accept a lap that ends in `state`."""
        for _ in range(size - 1):
            assert not self.step()
        self.model.state = state
        return self.step()


def test_a_lap_that_ends_as_it_began_is_closed():
    """Each place then has the reply that was accepted there."""
    walk = Walk(3)
    assert not walk.lap(3, state=1)  # began with 0
    assert walk.ring.after(walk.at).reply is None
    assert walk.lap(3, state=1)
    first = walk.ring.after(walk.at)
    assert [first.payload, first.next.payload, first.next.next.payload] == [
        b"request 0",
        b"request 1",
        b"request 2",
    ]
    assert first.next.next.next is first
    assert first.previous is walk.at
    assert {first.reply, first.next.reply, walk.at.reply} == {b"reply"}


def test_a_state_that_only_grows_is_given_up():
    """After some laps nothing more is kept."""
    walk = Walk(2)
    laps = 0
    while walk.ring.learns:
        laps += 1
        assert not walk.lap(2, state=laps)
        assert laps < 20
    assert walk.at.reply is None


def test_an_unknown_state_closes_nothing():
    """Two states that nobody knows are not the same."""
    walk = Walk(1)
    walk.model.state = None
    assert not any(walk.step() for _ in range(5))


def test_what_waits_within_a_request_is_never_known():
    """Wherever it stands in the ring, for what is known leaves in one piece."""
    for place in range(3):
        walk = Walk(3, waits=place)
        assert not any(walk.step() for _ in range(12))


def test_what_is_no_reply_spoils_its_lap():
    """A lap in which the server said something of its own teaches nothing; the next one may."""
    walk = Walk(2)
    walk.step(None)
    assert not walk.step()
    assert walk.lap(2, state=0)


def test_a_reply_that_differs_opens_the_ring_until_a_lap_is_whole_again():
    """From the place where it came on the oracle judges, to the end of the lap at least."""
    walk = Walk(3)
    assert walk.lap(3, state=0)
    first = walk.ring.after(walk.at)
    middle = first.next
    walk.at = first  # went as known
    assert list(walk.ring.missed(first.previous, first)) == [first]
    assert not walk.step(b"another")
    assert walk.step()  # the lap's last, in the state in which it began
    assert (first.reply, middle.reply) == (b"reply", b"another")


def test_an_oracle_is_shown_a_lap_at_most():
    """What lies more than a lap back left the same state."""
    walk = Walk(3)
    assert walk.lap(3, state=0)
    last = walk.at
    first = last.next
    assert list(walk.ring.missed(last, last)) == []
    assert list(walk.ring.missed(last, first.next)) == [first, first.next]
    assert list(walk.ring.missed(first, last)) == [first.next, last]


def test_only_what_is_not_known_to_the_byte_is_judged_again():
    """A pattern or a judge may take a clock that stands still; what it accepted grows old."""
    for judged, reply in ((0, b"reply"), (1, None)):
        walk = Walk(1)
        walk.step(now_ns=0)
        walk.model.judged += judged
        assert walk.step(now_ns=0)
        walk.ring.forget(SECOND)
        assert walk.at.reply == b"reply"
        walk.ring.forget(3600 * SECOND)
        assert walk.at.reply == reply
        assert walk.at.accepted == b"reply"


def test_numbers_that_only_grow_keep_no_lap_open():
    """They grow by as much in each lap, and so do those in the replies."""
    walk = Walk(2)
    walk.model.counters = (7,)
    walk.ring.begin(walk.model)
    assert not walk.step(b"a\x08")
    walk.model.counters = (9,)
    assert walk.step(b"b\x09")
    last = walk.at
    first = last.next
    assert (first.reply, last.reply) == (b"a\x0a", b"b\x0b")
    for _ in range(3):  # laps that come as known
        first.passed()
        last.passed()
    first.passed()
    assert (first.accepted, first.reply) == (b"a\x10", b"a\x12")
    assert walk.ring.counted(last, first) == (15,)
    assert list(walk.ring.missed(last, first)) == [first]
    walk.model.counters = (17,)  # the oracle has judged the last one
    walk.at = first
    assert walk.step(b"b\x11")
    assert (first.reply, last.reply) == (b"a\x12", b"b\x13")


def test_a_whole_number_of_laps_needs_no_reply_shown():
    """Where the oracle goes on at the place where it stopped, counters are all that it missed."""
    walk = Walk(1)
    walk.model.counters = (1,)
    walk.ring.begin(walk.model)
    walk.model.counters = (2,)
    assert walk.step(b"\x02")
    for _ in range(5):
        walk.at.passed()
    assert walk.ring.counted(walk.at, walk.at) == (7,)
    assert list(walk.ring.missed(walk.at, walk.at)) == []


def test_no_reply_is_none_that_could_be_compared():
    """The end of a stream reads as no bytes, and must not be taken for a reply."""
    walk = Walk(1)
    assert walk.step(b"")
    assert walk.at.reply is None
