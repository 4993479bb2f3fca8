"""Modbus/TCP: holding registers, written and read back.

The registers belong to the server, so each connection is given a block of its own; what an earlier
connection left there is unknown to the model until it is overwritten. What is longer than a block
has an area at the end of the registers. There are few of them, so that drawn requests only read
there, and `sized_conversation`, which no two connections have at a time, writes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from wireproof.protocols.built_in.registers import Register
from wireproof.protocols.framed import HeaderWithLength
from wireproof.protocols.replies import Judge, Matcher
from wireproof.protocols.sizes import integers
from wireproof.words import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

BLOCK = 16
AREA = 128
"""What is read or written in one request beyond a block; the last registers consist of areas."""
_AREAS = 16
_MOST_READ, _MOST_WRITTEN = 125, 123
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""Application Protocol V1.1b3, section 7."""
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

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return a read of one register."""
        return self._read(0, 1)

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return reads and writes of one register and of several, and reads of many."""
        from hypothesis import strategies as st

        values = integers(0, 65535)

        @st.composite
        def read(draw: st.DrawFn) -> bytes:
            count = draw(st.integers(1, BLOCK))
            address = draw(st.integers(0, BLOCK - count))
            return self._read(address, count)

        @st.composite
        def write_several(draw: st.DrawFn) -> bytes:
            new = draw(st.lists(values, min_size=1, max_size=BLOCK))
            address = draw(st.integers(0, BLOCK - len(new)))
            return self._write(address, new)

        write_one = st.builds(
            lambda address, value: self._frame(struct.pack(">BHH", _WRITE_ONE, address, value)),
            st.integers(0, BLOCK - 1),
            values,
        )
        found = {"read": read(), "write-one": write_one, "write-several": write_several()}
        if self._areas:
            many = [BLOCK + 1, 63, 64, 65, _MOST_READ]
            found["read-many"] = st.sampled_from(many).map(lambda count: self._read(0, count))
        return found

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return 80 reads to 20 writes."""
        kinds = self.kinds()
        weights = {"read": 80, "write-one": 10, "write-several": 10}
        return {kind: (kinds[kind], weight) for kind, weight in weights.items()}

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return a write of several registers, and a read of them."""
        count, odd = divmod(size_bytes, 2)
        if odd or not 1 <= count <= (_MOST_WRITTEN if self._areas else BLOCK):
            return None
        values = [(at * 257 + 1) % 65536 for at in range(count)]
        return [self._write(0, values), self._read(0, count)]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Move the addresses into the connection's block, or area where it needs more."""
        function, address, count = struct.unpack_from(">BHH", request, _HEADER_BYTES)
        behind = self.registers - self._areas * AREA
        if function != _WRITE_ONE and count > BLOCK and self._areas:
            address = address % AREA + behind + serial % self._areas * AREA
        else:
            address = address % BLOCK + serial % max(behind // BLOCK, 1) * BLOCK
        return request[:8] + struct.pack(">H", address) + request[10:]

    def numbered(self, request: bytes, number: int) -> bytes:
        """Set the transaction id: a request under way has its own (How to build a Request)."""
        return (number % 65536).to_bytes(2) + request[2:]

    def message_id(self, message: bytes) -> bytes:
        """Return the transaction id, which the reply repeats."""
        return message[:2]

    def refused(self, reply: bytes) -> bool:
        """Say whether it is an exception response."""
        return len(reply) > _HEADER_BYTES and reply[_HEADER_BYTES] & 0x80 != 0

    def in_words(self, reply: bytes) -> str:
        """Return the code of an exception, and what it means."""
        if not self.refused(reply) or len(reply) < _HEADER_BYTES + 2:
            return ""
        code = reply[_HEADER_BYTES + 1]
        return f"exception {code}, {_EXCEPTIONS.get(code, 'which has no name')}"

    @property
    def _areas(self) -> int:
        """How many areas there are for what is longer than a block."""
        return _AREAS if self.registers >= 2 * _AREAS * AREA else 0

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

    def _read(self, address: int, count: int) -> bytes:
        return self._frame(struct.pack(">BHH", _READ, address, count))

    def _write(self, address: int, values: Sequence[int]) -> bytes:
        head = struct.pack(">BHHB", _WRITE_SEVERAL, address, len(values), 2 * len(values))
        return self._frame(head + struct.pack(f">{len(values)}H", *values))

    def _frame(self, pdu: bytes) -> bytes:
        return _HEADER.pack(0, 0, len(pdu) + 1, self.unit) + pdu


def _reply(request: bytes, pdu: bytes) -> bytes:
    """Return `pdu` behind the request's transaction id and unit."""
    number, _, _, unit = _HEADER.unpack_from(request)
    return _HEADER.pack(number, 0, len(pdu) + 1, unit) + pdu
