"""The model of Modbus registers: exact when alone, as lenient as the order when not."""

import struct

import pytest

from harness.protocols import Oracle, WrongReplyError
from harness.protocols.modbus_tcp import ModbusTcp


def write(number: int, value: int) -> bytes:
    """Return a write of register 0; its right reply is the same."""
    return struct.pack(">HHHBBHH", number, 0, 6, 1, 6, 0, value)


READ = struct.pack(">HHHBBHH", 9, 0, 6, 1, 3, 0, 1)


def held(value: int) -> bytes:
    """Return the reply to `READ`."""
    return struct.pack(">HHHBBBH", 9, 0, 5, 1, 3, 2, value)


def ask(oracle: Oracle, *requests: bytes) -> None:
    """Send whole requests."""
    for request in requests:
        oracle.announce(request)
        oracle.sent(len(request))


def test_a_write_that_is_answered_is_read_back():
    """After its reply a written value is the only right one."""
    oracle = ModbusTcp().oracle()
    ask(oracle, READ)
    oracle.receive_data(held(77))  # what an earlier connection left is unknown
    ask(oracle, write(1, 5))
    oracle.receive_data(write(1, 5))
    ask(oracle, READ)
    with pytest.raises(WrongReplyError):
        oracle.receive_data(held(77))


@pytest.mark.parametrize("value", [5, 6])
def test_requests_under_way_together_have_no_order(value: int):
    """Of two writes under way together either may hold; a third value may not."""
    oracle = ModbusTcp().oracle()
    ask(oracle, write(1, 5), write(2, 6))
    oracle.receive_data(write(2, 6) + write(1, 5))
    ask(oracle, READ, READ)
    oracle.receive_data(held(value))
    with pytest.raises(WrongReplyError):
        oracle.receive_data(held(7))


def test_a_read_may_return_what_was_written_and_overwritten_while_it_was_under_way():
    """A read that is answered last may have been carried out between two writes."""
    for value, right in ((1, True), (2, True), (3, True), (4, False)):
        oracle = ModbusTcp().oracle()
        ask(oracle, write(1, 1))
        oracle.receive_data(write(1, 1))
        ask(oracle, READ)
        for written in (2, 3):
            ask(oracle, write(written, written))
            oracle.receive_data(write(written, written))
        if right:
            assert oracle.receive_data(held(value)) == 1
        else:
            with pytest.raises(WrongReplyError):
                oracle.receive_data(held(value))


def test_a_write_that_was_surely_overwritten_is_not_read():
    """Of writes that overlap in a chain, the first is over when the third, sent after it, is."""
    for value, right in ((1, False), (2, True), (3, True)):
        oracle = ModbusTcp().oracle()
        ask(oracle, write(1, 1), write(2, 2))
        oracle.receive_data(write(1, 1))
        ask(oracle, write(3, 3))
        oracle.receive_data(write(3, 3))
        ask(oracle, READ)
        if right:
            assert oracle.receive_data(held(value)) == 1
        else:
            with pytest.raises(WrongReplyError):
                oracle.receive_data(held(value))
