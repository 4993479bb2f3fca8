import struct

from hypothesis import given
from hypothesis import strategies as st

from wireproof.wire.pcapng import synthesise
from wireproof.wire.transcript import Event

Block = tuple[int, bytes]


def _blocks(text: bytes) -> list[Block]:
    """Parse a file as its format says: type, length, body, the same length again."""
    found = []
    while text:
        kind, size = struct.unpack("<II", text[:8])
        assert size % 4 == 0
        assert struct.unpack("<I", text[size - 4 : size]) == (size,)
        found.append((kind, text[8 : size - 4]))
        text = text[size:]
    return found


def _packets(text: bytes) -> list[tuple[int, bytes]]:
    """Nanoseconds and IP packet of every packet block."""
    found = []
    for kind, body in _blocks(text):
        if kind == 6:
            _, high, low, captured, original = struct.unpack("<IIIII", body[:20])
            assert captured == original
            found.append(((high << 32) + low, body[20 : 20 + captured]))
    return found


def _sums_to_nothing(data: bytes) -> bool:
    """Whether the Internet checksum of data that holds its own checksum is zero."""
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    return total % 0xFFFF == 0


def _tcp(packet: bytes) -> tuple[int, int, int, int, int, bytes]:
    """Ports, sequence, acknowledgement, flags and payload."""
    header = struct.unpack(">HHIIBB", packet[20:34])
    return (*header[:4], header[5], packet[40:])


def test_it_says_what_it_is() -> None:
    """The first block says that nothing was captured, the second that times are nanoseconds."""
    section, interface = _blocks(synthesise([]))
    assert section[0] == 0x0A0D0D0A
    assert b"Synthesised by Wireproof" in section[1]
    assert interface[0] == 1
    assert struct.unpack("<H", interface[1][:2]) == (101,)
    assert interface[1][8:13] == struct.pack("<HH", 9, 1) + b"\x09"


def test_a_conversation() -> None:
    """Handshake, request, reply and both ends, with numbers that follow each other."""
    packets = _packets(
        synthesise(
            [
                Event(1, 0, "open"),
                Event(2, 0, "send", b"hello"),
                Event(3, 0, "receive", b"HELLO!"),
                Event(4, 0, "note", note="no packet"),
                Event(5, 0, "half-close"),
                Event(2**33, 0, "end"),
            ]
        )
    )
    assert [at for at, _ in packets] == [1, 1, 1, 2, 3, 5, 2**33]
    seen = [_tcp(packet) for _, packet in packets]
    assert [(source, flags) for source, _, _, _, flags, _ in seen] == [
        (40000, 2),
        (1, 18),
        (40000, 16),
        (40000, 24),
        (1, 24),
        (40000, 17),
        (1, 17),
    ]
    assert seen[3][2:4] == (1, 1)
    assert seen[3][5] == b"hello"
    assert seen[4][2:4] == (1, 6)
    assert seen[4][5] == b"HELLO!"
    assert seen[5][2:4] == (6, 7)
    assert seen[6][2:4] == (7, 7)


def test_connections_have_ports_of_their_own() -> None:
    """Two connections are two streams; what happens before a connection opens is left out."""
    packets = _packets(synthesise([Event(0, 1, "note"), Event(1, 0, "open"), Event(2, 1, "open")]))
    assert {min(_tcp(packet)[:2]) for _, packet in packets} == {1}
    assert {max(_tcp(packet)[:2]) for _, packet in packets} == {40000, 40001}


@given(
    st.lists(st.tuples(st.sampled_from(["send", "receive"]), st.binary(max_size=70)), max_size=5)
)
def test_checksums(moves: list[tuple[str, bytes]]) -> None:
    """Every packet's two checksums are right, so that readers do not cry wolf."""
    events = [Event(0, 0, "open")]
    events += [Event(n, 0, kind, data) for n, (kind, data) in enumerate(moves)]  # type: ignore[arg-type]
    for _, packet in _packets(synthesise(events)):
        assert struct.unpack(">H", packet[2:4]) == (len(packet),)
        assert _sums_to_nothing(packet[:20])
        pseudo = packet[12:20] + struct.pack(">BBH", 0, 6, len(packet) - 20)
        assert _sums_to_nothing(pseudo + packet[20:])


def test_a_large_segment_is_several_packets() -> None:
    """An IP packet has 65,535 bytes at most; nothing is lost."""
    data = bytes(range(256)) * 800
    packets = _packets(synthesise([Event(0, 0, "open"), Event(1, 0, "send", data)]))[3:]
    assert all(len(packet) <= 65535 for _, packet in packets)
    assert b"".join(_tcp(packet)[5] for _, packet in packets) == data
