"""Modbus/TCP: holding registers, written and read back.

The registers belong to the server, so each connection is given a block of its own; what an earlier
connection left there is unknown to the model until it is overwritten.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from wireproof.protocols.built_in.registers import Register
from wireproof.protocols.framed import HeaderWithLength
from wireproof.protocols.oracle import printable
from wireproof.protocols.replies import Judge, Matcher

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
        self._registers: dict[int, Register] = {}

    def requests(self) -> SearchStrategy[bytes]:
        """Return one read or write within the connection's block; `numbered` gives it its id."""
        from hypothesis import strategies as st

        values = st.integers(0, 65535)

        @st.composite
        def read(draw: st.DrawFn) -> bytes:
            count = draw(st.integers(1, BLOCK))
            address = draw(st.integers(0, BLOCK - count))
            return self._frame(struct.pack(">BHH", _READ, address, count))

        @st.composite
        def write_several(draw: st.DrawFn) -> bytes:
            new = draw(st.lists(values, min_size=1, max_size=BLOCK))
            address = draw(st.integers(0, BLOCK - len(new)))
            head = struct.pack(">BHHB", _WRITE_SEVERAL, address, len(new), 2 * len(new))
            return self._frame(head + struct.pack(f">{len(new)}H", *new))

        write_one = st.builds(
            lambda address, value: self._frame(struct.pack(">BHH", _WRITE_ONE, address, value)),
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

    def message_id(self, message: bytes) -> bytes:
        """Return the transaction id, which the reply repeats."""
        return message[:2]

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
        written = self._block(address, len(values))
        begun = [register.begin(value) for register, value in zip(written, values, strict=True)]

        def accepts(reply: bytes) -> bool:
            if reply != right:
                return False
            for register, value, when in zip(written, values, begun, strict=True):
                register.end(value, when)
            return True

        return Judge(accepts, printable(right))

    def _read_reply(self, request: bytes, address: int, count: int) -> Matcher:
        read = self._block(address, count)
        begun = [register.begin_read() for register in read]

        def holds(reply: bytes) -> bool:
            head = _reply(request, bytes((_READ, 2 * count)) + bytes(2 * count))
            if len(reply) != len(head) or not reply.startswith(head[:9]):
                return False
            found = struct.unpack_from(f">{count}H", reply, 9)
            if not all(
                register.may_hold(value, when)
                for register, value, when in zip(read, found, begun, strict=True)
            ):
                return False
            for register, when in zip(read, begun, strict=True):
                register.end_read(when)
            return True

        def description() -> str:
            held = (each.shown(when) for each, when in zip(read, begun, strict=True))
            return f"{count} registers: {', '.join(held)}"

        return Judge(holds, description)

    def _block(self, address: int, count: int) -> list[Register]:
        return [self._registers.setdefault(address + at, Register()) for at in range(count)]

    def _frame(self, pdu: bytes) -> bytes:
        return _HEADER.pack(0, 0, len(pdu) + 1, self.unit) + pdu


def _reply(request: bytes, pdu: bytes) -> bytes:
    """Return `pdu` behind the request's transaction id and unit."""
    number, _, _, unit = _HEADER.unpack_from(request)
    return _HEADER.pack(number, 0, len(pdu) + 1, unit) + pdu
