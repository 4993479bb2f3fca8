"""AMQP judged against a broker by another hand: all its ways are right, each defect is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.amqp_broker import Broker, Choice
from wireproof.protocols import MalformedReplyError, WrongReplyError
from wireproof.protocols.base import as_sent
from wireproof.protocols.built_in.amqp.frames import Method, Type, content, frame, method, read
from wireproof.protocols.built_in.amqp.oracle import Assembler, Numbers, acknowledgement
from wireproof.protocols.built_in.amqp.protocol import Amqp

CHOICES = st.builds(
    Choice, st.integers(1, 3), st.sampled_from([1, 100, 8184]), st.booleans(), st.booleans()
)


class Conversation:
    """A client that sends method by method, each when the one before is answered."""

    def __init__(self, broker: Broker, requests: list[bytes]) -> None:
        """Announce all that is sent."""
        protocol = Amqp()
        self.oracle = protocol.oracle()
        self.broker = broker
        sent = as_sent(protocol, [*protocol.opening(), *requests], 7)
        for request in sent:
            self.oracle.announce(request)
        self.parts = [part for request in sent for part in protocol.parts(request)]

    def play(self, spoil: int = -1, how: str = "none", cut: int = 10**6) -> bool:
        """Return whether the oracle takes it all, and nothing is missing.

        Args:
            spoil: the number of the method of the broker's that is spoilt.
            how: what becomes of it.
            cut: into how long pieces what the broker sends is cut.

        """
        said = 0
        for part in self.parts:
            if not self.oracle.settled:
                return False
            self.oracle.sent(len(part))
            for message in self.broker.answer(part) + self.broker.flush():
                came = spoilt(message, how) if said == spoil else message
                said += 1
                for start in range(0, len(came), cut):
                    try:
                        self.oracle.receive_data(came[start : start + cut])
                    except WrongReplyError:
                        return False
        return self.oracle.settled


def spoilt(message: bytes, how: str) -> bytes:
    """Return what comes in a method's place."""
    return {
        "none": message,
        "drop": b"",
        "double": message + message,
        "end": message[:-1] + b"\xcd",
        "channel": message[:2] + bytes((message[2] ^ 4,)) + message[3:],
        "method": message[:10] + bytes((message[10] ^ 1,)) + message[11:],
        "cut": message[:-1],
    }[how]


@settings(max_examples=40)
@given(data=st.data())
def test_whatever_a_right_broker_chooses_is_right(data: st.DataObject):
    """One acknowledgement for several, bodies cut anyhow, a heartbeat in between: all is taken."""
    kinds = {name: each for name, each in Amqp().kinds().items() if name != "close"}
    names = data.draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=4))
    requests = [data.draw(kinds[name]) for name in names]
    broker = Broker(data.draw(CHOICES))
    assert Conversation(broker, requests).play(cut=data.draw(st.sampled_from([1, 50, 10**6])))


@settings(max_examples=60)
@given(data=st.data())
def test_what_is_spoilt_is_wrong(data: st.DataObject):
    """A method that is missing, doubled or another is found, and a frame that does not end."""
    kinds = {name: each for name, each in Amqp().kinds().items() if name != "close"}
    requests = [data.draw(kinds[data.draw(st.sampled_from(sorted(kinds)))])]
    counted: list[bytes] = []

    class Heard(Broker):
        def answer(self, data: bytes) -> list[bytes]:
            counted.extend(found := super().answer(data))
            return found

        def flush(self) -> list[bytes]:
            counted.extend(found := super().flush())
            return found

    assert Conversation(Heard(Choice(multiple=10)), requests).play()
    number = data.draw(st.integers(0, len(counted) - 1))
    how = data.draw(st.sampled_from(["drop", "double", "end", "channel", "method", "cut"]))
    assert not Conversation(Broker(Choice(multiple=10)), requests).play(number, how)


DEFECTS = {
    "never acknowledges": "unrouted",
    "numbers from 2": "publish",
    "returns nothing": "mandatory",
    "cuts bodies": "001",
    "drops properties": "003",
    "counts one more": "004",
    "purges nothing": "004",
    "gives the last first": "004",
    "forgets that it came": "004",
    "gives again": "004",
    "a star is many": "005",
    "a hash is one": "005",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_caught(defect: str):
    """A broker that does one thing wrong is refused by what the rule, or the kind, sends."""
    where = DEFECTS[defect]
    rules = {rule.id: rule.conversations for rule in Amqp().rules()}
    conversations = rules.get(f"AMQP-{where}") or [[example_of(where)]]
    played = []
    for conversation in conversations:
        assert Conversation(Broker(Choice()), list(conversation)).play()
        played.append(Conversation(Broker(Choice(), defect), list(conversation)).play())
    assert not all(played)


def example_of(kind: str) -> bytes:
    """Return an example, the same each time."""
    found: list[bytes] = []

    @settings(max_examples=1, database=None, derandomize=True)
    @given(Amqp().kinds()[kind])
    def draw(request: bytes) -> None:
        found.append(request)

    draw()
    return found[0]


def test_channels_may_come_between_each_other():
    """The frames of each are put together by themselves."""
    whole = content(b"abc", channel=1)
    first, header, body = (frame(*each) for each in frames_of(method(60 << 16 | 60) + whole))
    other = method(20 << 16 | 11, bytes(4), channel=2)
    assembler = Assembler(4096)
    found = [len(each) for each in assembler.take(first + other + header + other + body[:3])]
    assert found == [1, 1]
    assert assembler.is_inside
    assert [len(each) for each in assembler.take(body[3:])] == [3]
    assert not assembler.is_inside


def frames_of(stream: bytes) -> list[tuple[int, int, bytes]]:
    """Return the frames of a stream as what makes them."""
    return [(each.type, each.channel, each.payload) for each in read(stream)]


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (frame(Type.BODY, 1, b"x"), "a frame of type 3 where a method is due"),
        (method(60 << 16 | 60) + method(60 << 16 | 60), "type 1 where a header is due"),
        (method(60 << 16 | 60) + content(b"abc")[:-11] + frame(3, 1, b"abcd"), "1 bytes longer"),
        (frame(Type.METHOD, 1, bytes(5000)), "a frame of 5008 bytes, more than 4096"),
        (method(20 << 16 | 11)[:-1] + b"\0", "does not end with CE"),
    ],
)
def test_what_is_no_message_is_malformed(stream: bytes, problem: str):
    """A frame that is not due, a body that is too long, a frame that is, or does not end."""
    with pytest.raises(MalformedReplyError, match=problem):
        list(Assembler(4096).take(stream))


def test_where_numbers_stand():
    """In deliveries, what is fetched and acknowledgements, but not where all are meant."""
    oracle = Amqp().oracle()
    deliver = method(Method.BASIC_DELIVER, b"\x03tag", (5).to_bytes(8), bytes(3))
    fetched = method(Method.BASIC_GET_OK, (6).to_bytes(8), bytes(7))
    all_of_them = method(Method.BASIC_ACK, bytes(8), b"\x01")
    stream = deliver + content(b"body") + acknowledgement(9) + all_of_them + fetched
    found = oracle.counters_in(stream)
    numbers = [int.from_bytes(stream[at : at + size]) for at, size, _ in found]
    assert numbers == [5, 9, 6]
    assert [which for *_, which in found] == [1, 0, 1]


def test_counters_are_no_part_of_the_state():
    """Who has counted further, and owes nothing else, is in the same state."""
    one, other = (Amqp().oracle() for _ in range(2))
    other.count_from((300, 200))
    assert other.counters == (300, 200)
    assert one.state() == other.state() is not None
    assert other.counters == (300, 200)


def test_acknowledgements_of_several():
    """One may stand for all before it, and zero for all; one that is none is judged as it is."""
    unconfirmed = Numbers()
    assert [unconfirmed.publish() for _ in range(5)] == [1, 2, 3, 4, 5]
    assert unconfirmed.take(2, multiple=False) == [2]
    assert unconfirmed.take(3, multiple=True) == [1, 3]
    assert unconfirmed.take(3, multiple=True) == [3]
    assert unconfirmed.take(0, multiple=True) == [4, 5]
    assert acknowledgement(7)[11:-1] == bytes(7) + b"\x07\0"
