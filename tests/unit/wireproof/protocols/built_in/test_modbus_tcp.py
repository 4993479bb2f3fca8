"""The model of Modbus registers: exact when alone, as lenient as the order when not."""

import struct

import pytest

from wireproof.protocols import Oracle, WrongReplyError
from wireproof.protocols.built_in.modbus_tcp import ModbusTcp
from wireproof.protocols.loading.self_check import check_code


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


def test_every_function_is_drawn_within_the_block():
    """Reads and writes, of one register and of several, touch the first 16 registers only.

    Those that read more begin at the first.
    """
    protocol = ModbusTcp()
    protocol.unit = 7
    seen: set[tuple[int, int, int]] = set()
    many: set[int] = set()
    for request in check_code(protocol, 500):
        _, zero, length, unit, function, address, count = struct.unpack_from(">HHHBBHH", request)
        assert (zero, length, unit) == (0, len(request) - 6, 7)
        if function == 6:
            assert len(request) == 12
            count = 1
        elif function == 16:
            assert request[12] == 2 * count == len(request) - 13
        else:
            assert function == 3
            assert len(request) == 12
        if function == 3 and count > 16:
            assert not address
            many.add(count)
            continue
        assert 1 <= count <= 16 - address
        seen.add((function, address, count))
    assert many == {17, 63, 64, 65, 125}
    assert {(3, 0, 1), (3, 0, 16), (6, 0, 1), (6, 15, 1), (16, 0, 1)} < seen
    ends = {(function, address + count) for function, address, count in seen if address}
    assert {(3, 16), (6, 16), (16, 16)} < ends


@pytest.mark.parametrize(
    ("registers", "serial", "address"),
    [(64, 0, 3), (64, 3, 51), (64, 5, 19), (79, 4, 3), (16, 1, 3), (8, 1, 3), (65536, 4095, 2035)],
)
def test_each_connection_has_a_block_of_registers(registers: int, serial: int, address: int):
    """Connections take the blocks in turn, of those that are there whole; one there is always."""
    protocol = ModbusTcp()
    protocol.registers = registers
    for before in (3, 19):
        for function, count in ((3, 13), (6, 513)):
            request = struct.pack(">HHHBBHH", 9, 0, 6, 1, function, before, count)
            right = struct.pack(">HHHBBHH", 9, 0, 6, 1, function, address, count)
            assert protocol.personalise(request, serial) == right


@pytest.mark.parametrize(
    ("registers", "serial", "start"),
    [
        (9984, 0, 7936),
        (9984, 15, 7936 + 15 * 128),
        (9984, 16, 7936),
        (65536, 1, 63488 + 128),
        (4096, 2, 2048 + 256),
    ],
)
def test_what_is_longer_than_a_block_has_an_area(registers: int, serial: int, start: int):
    """The last 2,048 registers are areas of 128, which no block of any connection reaches."""
    protocol = ModbusTcp()
    protocol.registers = registers
    for request in protocol.sized_conversation(246) or []:
        personal = protocol.personalise(request, serial)
        assert personal[:8] + personal[10:] == request[:8] + request[10:]
        assert int.from_bytes(personal[8:10]) == start
    for each in range(registers // 16):
        personal = protocol.personalise(read(1, 16), each)
        assert int.from_bytes(personal[8:10]) + 16 <= registers - 2048


def test_where_there_are_few_registers_a_value_is_short():
    """Without areas a value has a block's size at the most."""
    protocol = ModbusTcp()
    protocol.registers = 4095
    assert protocol.sized_conversation(34) is None
    assert protocol.sized_conversation(32)
    assert "read-many" not in protocol.kinds()


def test_transactions_are_numbered():
    """The transaction id counts up, begins anew behind its greatest, and is all that changes."""
    for number, first in ((1, b"\0\1"), (65535, b"\xff\xff"), (65536, b"\0\0")):
        assert ModbusTcp().numbered(READ, number) == first + READ[2:]


def several(number: int, *values: int) -> bytes:
    """Return a write of registers from 0 on."""
    size = 2 * len(values)
    head = struct.pack(">HHHBBHHB", number, 0, size + 7, 4, 16, 0, len(values), size)
    return head + struct.pack(f">{len(values)}H", *values)


def read(number: int, count: int) -> bytes:
    """Return a read of registers from 0 on."""
    return struct.pack(">HHHBBHH", number, 0, 6, 4, 3, 0, count)


def values_of(number: int, *values: int) -> bytes:
    """Return the reply to a read."""
    size = 2 * len(values)
    head = struct.pack(">HHHBBB", number, 0, size + 3, 4, 3, size)
    return head + struct.pack(f">{len(values)}H", *values)


EXCHANGES = [
    (several(258, 7, 8, 9), several(258, 7, 8, 9)[:5] + b"\x06" + several(258, 7, 8, 9)[6:12]),
    (read(259, 3), values_of(259, 7, 8, 9)),
    (
        struct.pack(">HHHBBHH", 260, 0, 6, 4, 6, 1, 5),
        struct.pack(">HHHBBHH", 260, 0, 6, 4, 6, 1, 5),
    ),
    (read(261, 2), values_of(261, 7, 5)),
]


@pytest.mark.parametrize("at", range(len(EXCHANGES)))
def test_every_byte_of_a_reply_counts(at: int):
    """Each reply is right as it is, and wrong with any byte of it changed."""
    for position in range(len(EXCHANGES[at][1]) + 1):
        oracle = ModbusTcp().oracle()
        for request, right in EXCHANGES[:at]:
            ask(oracle, request)
            assert oracle.receive_data(right) == 1
        request, right = EXCHANGES[at]
        ask(oracle, request)
        if position == len(right):
            assert oracle.receive_data(right) == 1
            continue
        changed = bytearray(right)
        changed[position] ^= 1
        with pytest.raises(WrongReplyError):
            oracle.receive_data(bytes(changed))
            oracle.receive_eof()


@pytest.mark.parametrize("value", [0, 255, 256, 0x1234, 0x8000, 0xFFFF])
def test_a_register_holds_sixteen_bits(value: int):
    """What is written, alone or as one of several, is read back, and wrong with a bit changed."""
    for request, right in (
        (write(1, value), write(1, value)),
        (several(1, value), several(1, value)[:5] + b"\x06" + several(1, value)[6:12]),
    ):
        for read_back in (value, value ^ 1, value ^ 0x100, value ^ 0x8000):
            oracle = ModbusTcp().oracle()
            ask(oracle, request)
            oracle.receive_data(right)
            ask(oracle, READ)
            if read_back == value:
                assert oracle.receive_data(held(value)) == 1
            else:
                with pytest.raises(WrongReplyError):
                    oracle.receive_data(held(read_back))


def test_what_a_register_may_hold_is_said():
    """A wrong reply is told with what each register may hold, anything where nobody knows."""
    oracle = ModbusTcp().oracle()
    ask(oracle, several(1, 6), several(2, 5))
    oracle.receive_data(b"\0\1\0\0\0\6\4\x10\0\0\0\1\0\2\0\0\0\6\4\x10\0\0\0\1")
    ask(oracle, read(3, 2))
    with pytest.raises(WrongReplyError) as wrong:
        oracle.receive_data(values_of(3, 7, 7))
    assert "2 registers: 5, 6, any" in wrong.value.expected
    oracle = ModbusTcp().oracle()
    ask(oracle, write(1, 5))
    with pytest.raises(WrongReplyError) as wrong:
        oracle.receive_data(write(1, 6))
    assert repr(write(1, 5)) in wrong.value.expected


def test_a_read_that_is_answered_frees_no_other():
    """Of two reads under way, what is written then is right for the one that is not answered."""
    oracle = ModbusTcp().oracle()
    ask(oracle, write(1, 5))
    oracle.receive_data(write(1, 5))
    ask(oracle, read(2, 1), read(3, 1))
    oracle.receive_data(values_of(2, 5))
    ask(oracle, write(4, 6))
    oracle.receive_data(values_of(3, 6))
    ask(oracle, read(5, 1))
    with pytest.raises(WrongReplyError):
        oracle.receive_data(values_of(5, 7))
