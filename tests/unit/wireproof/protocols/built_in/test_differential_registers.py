"""The oracle of Modbus/TCP against every order in which requests may be carried out."""

import struct
from collections.abc import Callable
from functools import partial
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.slow_judges import cut, spoilt
from wireproof.protocols import WrongReplyError
from wireproof.protocols.built_in.modbus_tcp import ModbusTcp

Step = tuple[str, bytes]
"""`send` and a request, or `receive` and bytes that arrive before anything else is sent."""

UNIT = 1


def _frame(number: int, *pdu: int) -> bytes:
    return struct.pack(">HHHB", number, 0, len(pdu) + 1, UNIT) + bytes(pdu)


PDUS = [
    (3, 0, 0, 0, 1),  # read register 0, register 1, both
    (3, 0, 1, 0, 1),
    (3, 0, 0, 0, 2),
    (6, 0, 0, 0, 7),  # write register 0, register 1, both
    (6, 0, 0, 0, 8),
    (6, 0, 1, 0, 7),
    (16, 0, 0, 0, 2, 4, 0, 9, 0, 7),
]


def _written(request: bytes) -> dict[int, int]:
    """Register and value of all that a request writes."""
    if request[7] == 6:
        return {request[9]: request[11]}
    if request[7] == 16:
        return {0: request[14], 1: request[16]}
    return {}


def _carried_out(request: bytes, memory: dict[int, int]) -> bytes:
    """The reply of a server that carries a request out at once."""
    memory.update(_written(request))
    number, kind = request[1], request[7]
    if kind != 3:
        return _frame(number, *request[7:12])
    values = [memory[at] for at in range(request[9], request[9] + request[11])]
    return _frame(number, 3, 2 * len(values), *(byte for value in values for byte in (0, value)))


def _is_right(steps: list[Step]) -> bool:
    """Say whether each request is answered once, by a reply that some order explains.

    An order has a request before each that is sent after its reply. Each register that is read is
    judged for itself: nothing says that a server reads several at one moment.
    """
    sent: dict[int, tuple[int, bytes]] = {}  # by id: when, and what
    answered: dict[int, tuple[int, bytes]] = {}
    buffer = b""
    for time, (action, data) in enumerate(steps):
        if action == "send":
            sent[data[1]] = (time, data)
            continue
        buffer += data
        while len(buffer) >= 6 and len(buffer) >= 6 + struct.unpack(">H", buffer[4:6])[0]:
            end = 6 + struct.unpack(">H", buffer[4:6])[0]
            reply, buffer = buffer[:end], buffer[end:]
            number = int.from_bytes(reply[:2])
            if number not in sent or number in answered:
                return False
            answered[number] = (time, reply)
    if buffer or set(answered) != set(sent):
        return False
    orders = [
        order
        for order in permutations(sent)
        if not any(
            answered[later][0] < sent[earlier][0]
            for at, earlier in enumerate(order)
            for later in order[at + 1 :]
        )
    ]
    return all(
        _explains(number, [[sent[each][1] for each in order] for order in orders], reply)
        for number, (_, reply) in answered.items()
    )


def _explains(number: int, orders: list[list[bytes]], reply: bytes) -> bool:
    """Say whether each register of a reply holds what is there in some order."""
    request = next(each for each in orders[0] if each[1] == number)
    if request[7] != 3:
        return reply == _frame(number, *request[7:12])
    count = request[11]
    if reply[:9] != _frame(number, 3, 2 * count, *bytes(2 * count))[:9]:
        return False
    if len(reply) != 9 + 2 * count:
        return False
    for at in range(count):
        possible: set[int] = set()
        for order in orders:
            before = order[: order.index(request)]
            values = [_written(each).get(request[9] + at) for each in before]
            last = [value for value in values if value is not None][-1:]
            if not last:  # nobody knows what was there at first
                break
            possible.add(last[0])
        else:
            if int.from_bytes(reply[9 + 2 * at : 11 + 2 * at]) not in possible:
                return False
    return True


def _conversation(data: st.DataObject) -> list[Step]:
    """Draw a conversation with a server that carries requests out, and answers, in any order."""
    pdus = data.draw(st.lists(st.sampled_from(PDUS), min_size=1, max_size=4))
    unsent = [_frame(number, *pdu) for number, pdu in enumerate(pdus)]
    memory = {0: 200, 1: 201}
    steps: list[Step] = []
    if data.draw(st.booleans()):  # both registers are known
        first = _frame(4, *PDUS[-1])
        steps = [("send", first), ("receive", _carried_out(first, memory))]
    under_way: list[bytes] = []
    replies: list[bytes] = []
    in_turn = data.draw(st.booleans())
    while unsent or under_way or replies:
        can = ["answer"] * bool(replies) + ["work"] * bool(under_way) + ["send"] * bool(unsent)
        can = can[:1] if in_turn else can
        match data.draw(st.sampled_from(can)):
            case "send":
                under_way.append(unsent.pop(0))
                steps.append(("send", under_way[-1]))
            case "work":
                request = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
                replies.append(_carried_out(request, memory))
            case _:
                reply = replies.pop(data.draw(st.integers(0, len(replies) - 1)))
                steps.append(("receive", reply))
    return steps


def _accepts(steps: list[Step], pieces_of: Callable[[bytes], list[bytes]]) -> bool:
    oracle = ModbusTcp().oracle()
    try:
        for action, whole in steps:
            if action == "send":
                oracle.announce(whole)
                oracle.sent(len(whole))
            else:
                for piece in pieces_of(whole):
                    oracle.receive_data(piece)
        oracle.receive_eof()
    except WrongReplyError:
        return False
    return True


@pytest.mark.parametrize("value", [7, 8, 9, 200])
def test_every_order_of_three_requests_and_their_replies(value: int) -> None:
    """All sequences of sending and answering two writes and a read are judged alike."""
    first = _frame(4, *PDUS[-1])
    begun: list[Step] = [("send", first), ("receive", _frame(4, *PDUS[-1][:5]))]
    for pdus in product([PDUS[0], PDUS[3], PDUS[4]], repeat=3):
        requests = [_frame(number, *pdu) for number, pdu in enumerate(pdus)]
        for order in set(permutations([0, 1, 2] * 2)):
            if sorted(order, key=order.index)[::2] != [0, 1, 2]:  # not sent in turn
                continue
            steps = list(begun)
            for at, number in enumerate(order):
                is_sent = order.index(number) == at
                reply = _carried_out(requests[number], {0: value, 1: 0})
                steps.append(("send", requests[number]) if is_sent else ("receive", reply))
            assert _accepts(steps, lambda whole: [whole]) == _is_right(steps), steps


@settings(max_examples=200)
@given(st.data())
def test_whatever_a_right_server_does_is_accepted(data: st.DataObject) -> None:
    """A server that carries out what is under way in any order, and answers so, is right."""
    steps = _conversation(data)
    assert _is_right(steps)
    assert _accepts(steps, partial(cut, data))


@settings(max_examples=200)
@given(st.data())
def test_agrees_with_every_order_tried(data: st.DataObject) -> None:
    """The oracle accepts a conversation exactly if each reply has an order that explains it."""
    steps = _conversation(data)
    received = [at for at, (action, _) in enumerate(steps) if action == "receive"]
    damage = data.draw(st.sampled_from(["spoil", "another value", "exchange", "other", "again"]))
    reads = [at for at in received if steps[at][1][7] == 3]
    at = data.draw(st.sampled_from(reads if reads and damage == "another value" else received))
    reply = steps[at][1]
    match damage:
        case "spoil":
            reply = spoilt(data, reply)
        case "another value":
            reply = reply[:-1] + bytes([data.draw(st.sampled_from([7, 8, 9, 200, 201]))])
        case "exchange":
            other = data.draw(st.sampled_from(received))
            reply, steps[other] = steps[other][1], ("receive", reply)
        case "other":
            reply = _frame(data.draw(st.integers(0, 5)), *data.draw(st.sampled_from(PDUS))[:5])
        case _:
            reply += reply
    steps[at] = ("receive", reply)
    assert _accepts(steps, partial(cut, data)) == _is_right(steps)
