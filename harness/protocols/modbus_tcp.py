"""Modbus/TCP: holding registers, written and read back.

The registers belong to the server, so each connection is given a block of its own; what an earlier
connection left there is unknown to the model until it is overwritten.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from harness.protocols.bases import HeaderWithLength
from harness.protocols.oracle import printable
from harness.protocols.replies import Judge, Matcher

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

BLOCK = 16
_READ, _WRITE_ONE, _WRITE_SEVERAL = 3, 6, 16
_HEADER = struct.Struct(">HHHB")
_HEADER_BYTES = 7  # the length field counts from its last byte on


class ModbusTcp(HeaderWithLength):
    """Modbus/TCP: write and read holding registers; the transaction id comes back.

    Replies may come in any order, since the id tells whose they are, and requests under way at the
    same time may be carried out in any order. What a read may return is what that leaves possible.
    """

    name = "modbus-tcp"
    source = "MODBUS Messaging on TCP/IP Implementation Guide V1.0b; Application Protocol V1.1b3"
    ordered = False
    header_bytes = 6
    length_at = 4
    length_bytes = 2
    max_request_bytes: int = 260
    unit: int = 1
    """The unit that is addressed."""
    registers: int = 9984
    """How many holding registers there are, from address 0 on."""

    def __init__(self) -> None:
        """Start knowing no register."""
        self._registers: dict[int, _Register] = {}

    def requests(self) -> SearchStrategy[bytes]:
        """Return one read or write within the connection's block."""
        from hypothesis import strategies as st

        ids = st.integers(0, 65535)
        values = st.integers(0, 65535)

        @st.composite
        def read(draw: st.DrawFn) -> bytes:
            count = draw(st.integers(1, BLOCK))
            address = draw(st.integers(0, BLOCK - count))
            return self._frame(draw(ids), struct.pack(">BHH", _READ, address, count))

        @st.composite
        def write_several(draw: st.DrawFn) -> bytes:
            new = draw(st.lists(values, min_size=1, max_size=BLOCK))
            address = draw(st.integers(0, BLOCK - len(new)))
            head = struct.pack(">BHHB", _WRITE_SEVERAL, address, len(new), 2 * len(new))
            return self._frame(draw(ids), head + struct.pack(f">{len(new)}H", *new))

        write_one = st.builds(
            lambda number, address, value: self._frame(
                number, struct.pack(">BHH", _WRITE_ONE, address, value)
            ),
            ids,
            st.integers(0, BLOCK - 1),
            values,
        )
        return st.one_of(read(), write_one, write_several())

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Move the addresses into the connection's block."""
        start = serial % max(self.registers // BLOCK, 1) * BLOCK
        (address,) = struct.unpack_from(">H", request, 8)
        return request[:8] + struct.pack(">H", address % BLOCK + start) + request[10:]

    def numbered(self, request: bytes, number: int) -> bytes:
        """Set the transaction id: a request under way has its own (How to build a Request)."""
        return (number % 65536).to_bytes(2) + request[2:]

    def expected(self, request: bytes) -> Matcher:
        """Carry the request out on the model."""
        function, address, count = struct.unpack_from(">BHH", request, _HEADER_BYTES)
        if function == _READ:
            return self._read_reply(request, address, count)
        if function == _WRITE_ONE:
            return self._write_reply(request, address, (count,))
        values = struct.unpack_from(f">{count}H", request, 13)
        return self._write_reply(_reply(request, request[7:12]), address, values)

    def _write_reply(self, right: bytes, address: int, values: tuple[int, ...]) -> Matcher:
        written = [
            self._registers.setdefault(address + at, _Register()) for at in range(len(values))
        ]
        for register, value in zip(written, values, strict=True):
            register.begin(value)

        def accepts(reply: bytes) -> bool:
            if reply != right:
                return False
            for register in written:
                register.end()
            return True

        return Judge(accepts, printable(right))

    def _read_reply(self, request: bytes, address: int, count: int) -> Matcher:
        read = [self._registers.setdefault(address + at, _Register()) for at in range(count)]
        before = [set(register.possible) if register.known else None for register in read]

        def holds(reply: bytes) -> bool:
            head = _reply(request, bytes((_READ, 2 * count)) + bytes(2 * count))
            if len(reply) != len(head) or not reply.startswith(head[:9]):
                return False
            found = struct.unpack_from(f">{count}H", reply, 9)
            return all(
                values is None or value in values or value in register.possible
                for values, register, value in zip(before, read, found, strict=True)
            )

        shown = ", ".join("any" if each is None else str(sorted(each))[1:-1] for each in before)
        return Judge(holds, f"{count} registers: {shown}")

    def _frame(self, number: int, pdu: bytes) -> bytes:
        return _HEADER.pack(number, 0, len(pdu) + 1, self.unit) + pdu


class _Register:
    """What one register may hold, while writes are under way and after them.

    Attributes:
        known: whether it holds one of `possible`; before the first write is done, who knows.
        possible: each value that it may hold.

    """

    __slots__ = ("_together", "_under_way", "known", "possible")

    def __init__(self) -> None:
        self.known = False
        self.possible: set[int] = set()
        self._under_way = 0
        self._together: set[int] = set()  # written since no write was under way

    def begin(self, value: int) -> None:
        """Say that `value` is sent."""
        self._under_way += 1
        self._together.add(value)
        self.possible.add(value)

    def end(self) -> None:
        """Say that a write is answered; with the last of several, one of them holds."""
        self._under_way -= 1
        if not self._under_way:
            self.known = True
            self.possible, self._together = self._together, set()


def _reply(request: bytes, pdu: bytes) -> bytes:
    """Return `pdu` behind the request's transaction id and unit."""
    number, _, _, unit = _HEADER.unpack_from(request)
    return _HEADER.pack(number, 0, len(pdu) + 1, unit) + pdu
