import itertools
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import packets
from tests.support.packets import ACK, FIN, RST, SYN, Packet, Wire, Write, captured, exchanged
from wireproof.conversation import Conversation, End
from wireproof.errors import UsageError
from wireproof.traffic.captured.captures import Captured, read_capture

DATA = Path(__file__).parents[4] / "data" / "captures"
ASKED = [Write(True, b"PING\r\n"), Write(False, b"+PONG\r\n"), Write(True, b"QUIT\r\n")]

_WRITES = st.lists(
    st.builds(Write, st.booleans(), st.binary(min_size=1, max_size=40), st.booleans()), max_size=12
)
_NUMBERS = st.one_of(st.integers(0, 2**32 - 1), st.integers(2**32 - 60, 2**32 - 1))


def _turns(conversation: Conversation) -> list[tuple[bytes, bytes]]:
    return [(turn.request, turn.reply) for turn in conversation.turns]


def _only(file: bytes, server_port: int | None = None) -> Conversation:
    (conversation,) = read_capture(file, "test.pcap", server_port).conversations
    return conversation


@given(
    _WRITES.filter(bool),
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.tuples(_NUMBERS, _NUMBERS),
    st.integers(0, 2**32),
)
def test_a_conversation_is_read_whatever_became_of_its_packets(
    writes: list[Write], sizes: list[int], first: tuple[int, int], seed: int
) -> None:
    """Reordered over sixty packets, repeated, overlapping, across the end of the numbers."""
    sent = exchanged(writes, sizes, first)
    for order in (sent, packets.mangled(sent, seed)):
        assert _turns(_only(captured(order))) == packets.turns_of(writes)


@given(_WRITES.filter(lambda writes: any(one.from_client for one in writes)), _NUMBERS, st.data())
def test_a_conversation_without_its_beginning(
    writes: list[Write], first: int, data: st.DataObject
) -> None:
    """The port tells which side is the server; what was seen of both streams is read."""
    sent = exchanged(writes, first=(first, first))[3:]
    found = _only(captured(packets.mangled(sent, data.draw(st.integers(0, 999)))), 7)
    assert found.begun_before
    assert b"".join(found.requests) == b"".join(one.data for one in writes if one.from_client)
    assert b"".join(found.replies) == b"".join(one.data for one in writes if not one.from_client)


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("link", packets.LINKS)
def test_link_layers(link: str, six: bool) -> None:
    """Padding of short Ethernet packets is no data."""
    found = _only(captured(exchanged(ASKED), link, six=six))
    assert _turns(found) == packets.turns_of(ASKED)
    assert found.name == ("[::1]:40000 to [::2]:7" if six else "127.0.0.1:40000 to 127.0.0.2:7")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_files(order: str, nanoseconds: bool) -> None:
    """Of either byte order, with times in micro- or nanoseconds."""
    sent = exchanged(ASKED)
    frames = [(one.at_ns, packets.ip(one)) for one in sent]
    found = _only(packets.pcap(frames, 101, order=order, nanoseconds=nanoseconds))
    assert _turns(found) == packets.turns_of(ASKED)
    assert found.begun_at_s == pytest.approx(sent[0].at_ns / 1e9)
    assert [turn.at_s for turn in found.turns] == pytest.approx([0.003, 0.007])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("block", ["enhanced", "old", "simple"])
def test_pcapng_files(order: str, block: str) -> None:
    """With any kind of packet block, and blocks that nobody knows."""
    frames = [(one.at_ns, packets.ip(one), 101) for one in exchanged(ASKED)]
    assert _turns(_only(packets.pcapng(frames, order=order, block=block))) == packets.turns_of(
        ASKED
    )


def test_two_link_types_in_one_file() -> None:
    """The client's side from one interface, the server's from another; then a second section."""
    frames = []
    for one in exchanged(ASKED):
        number, frame = packets.LINKS["Ethernet" if one.from_client else "cooked 2"]
        frames.append((one.at_ns, frame(packets.ip(one)), number))
    whole = packets.pcapng(frames)
    assert _turns(_only(whole)) == packets.turns_of(ASKED)
    halves = packets.pcapng(frames[:5]) + packets.pcapng(frames[5:], order=">")
    assert _turns(_only(halves)) == packets.turns_of(ASKED)


def _several(*connections: Sequence[Packet]) -> bytes:
    """Connections from different ports, their packets in turns."""
    rows = itertools.zip_longest(
        *([(one, 40000 + number) for one in each] for number, each in enumerate(connections))
    )
    frames = [(one[0].at_ns, packets.ip(*one)) for row in rows for one in row if one is not None]
    return packets.pcap(frames, 101)


def test_several_connections_are_told_apart() -> None:
    """Whatever order their packets come in."""
    other = [Write(True, b"HELLO\r\n"), Write(False, b"hi\r\n")]
    found = read_capture(_several(exchanged(ASKED), exchanged(other)), "x").conversations
    assert [_turns(one) for one in found] == [packets.turns_of(ASKED), packets.turns_of(other)]
    assert [one.name[:15] for one in found] == ["127.0.0.1:40000", "127.0.0.1:40001"]


def test_a_port_that_is_used_again_is_another_connection() -> None:
    """A new SYN begins it, with other sequence numbers."""
    again = exchanged([Write(True, b"again\r\n")], first=(3_000_000, 9_000_000))
    found = read_capture(captured([*exchanged(ASKED), *again]), "x").conversations
    assert [_turns(one) for one in found] == [packets.turns_of(ASKED), [(b"again\r\n", b"")]]


def test_another_connection_tells_which_side_is_the_server() -> None:
    """One was under way when the capture began."""
    under_way = [*exchanged(ASKED)[3:]]
    found = read_capture(_several(under_way, exchanged(ASKED)), "x").conversations
    assert [one.begun_before for one in found] == [True, False]
    assert _turns(found[0]) == _turns(found[1])


def test_a_server_that_speaks_first() -> None:
    """Its greeting answers nothing."""
    writes = [Write(False, b"220 ready\r\n"), Write(True, b"EHLO x\r\n"), Write(False, b"250 \r\n")]
    assert _turns(_only(captured(exchanged(writes)))) == [
        (b"", b"220 ready\r\n"),
        (b"EHLO x\r\n", b"250 \r\n"),
    ]


def test_a_reply_that_crossed_the_next_request_belongs_to_both() -> None:
    """The client did not know it when it asked again."""
    writes = [
        Write(True, b"one\n"),
        Write(False, b"ONE\n", is_seen=False),
        Write(True, b"two\n"),
        Write(False, b"TWO\n"),
    ]
    assert _turns(_only(captured(exchanged(writes)))) == [(b"one\ntwo\n", b"ONE\nTWO\n")]


def test_a_keep_alive_is_no_data() -> None:
    """With a byte of garbage before the next number, as some systems send them."""
    sent = exchanged(ASKED)
    last = next(one for one in sent if one.from_client and one.data)
    after = last.sequence + len(last.data)
    kept = Packet(last.at_ns + 1, True, after - 1, last.acknowledged, ACK, b"\xee")
    empty = Packet(last.at_ns + 2, True, after - 1, last.acknowledged, ACK)
    at = sent.index(last) + 1
    assert _turns(_only(captured([*sent[:at], kept, empty, *sent[at:]]))) == packets.turns_of(ASKED)


def test_of_two_bytes_at_one_place_the_first_counts() -> None:
    """As it did for the receiver."""
    wire = Wire()
    wire.handshake()
    wire.packet(True, ACK, b"abcdef")
    begun = wire.packets[-1]
    wire.packets.append(
        Packet(begun.at_ns, True, begun.sequence + 3, begun.acknowledged, ACK, b"XXXghi")
    )
    wire._next[True] += 3
    wire.close()
    assert _only(captured(wire.packets)).requests == (b"abcdefghi",)


def _ended(*packet: tuple[bool, int, bool]) -> End:
    wire = Wire()
    wire.handshake()
    wire.write(Write(True, b"x"))
    for from_client, flags, is_delivered in packet:
        wire.packet(from_client, flags, b"reply" if flags == ACK else b"")
        if is_delivered:
            wire.deliver(not from_client)
    return _only(captured(wire.packets)).end


@pytest.mark.parametrize(
    ("packet", "end"),
    [
        ([], End.OPEN),
        ([(True, FIN | ACK, True), (False, FIN | ACK, True)], End.CLIENT),
        ([(False, ACK, True), (True, FIN | ACK, True), (False, FIN | ACK, True)], End.CLIENT),
        ([(True, FIN | ACK, True), (False, ACK, True), (False, FIN | ACK, True)], End.HALF_CLOSE),
        ([(False, FIN | ACK, True), (True, FIN | ACK, True)], End.SERVER),
        ([(False, FIN | ACK, False), (True, FIN | ACK, False)], End.SERVER),
        ([(False, FIN | ACK, True)], End.SERVER),
        ([(True, RST, True)], End.CLIENT_RESET),
        ([(False, RST | ACK, True)], End.SERVER_RESET),
    ],
)
def test_who_ended_it(packet: list[tuple[bool, int, bool]], end: End) -> None:
    """The first FIN or reset, and whether the client still waited for a reply."""
    assert _ended(*packet) == end


def _refused(file: bytes, server_port: int | None = None, *, datagrams: bool = False) -> str:
    with pytest.raises(UsageError) as caught:
        read_capture(file, "x.pcap", server_port, datagrams=datagrams)
    assert len(str(caught.value).splitlines()) <= 2
    return str(caught.value)


def test_missing_bytes_are_told() -> None:
    """Whether a later segment shows the hole or the other side's acknowledgement does."""
    writes = [Write(True, b"first"), Write(True, b"second"), Write(True, b"third")]
    sent = exchanged(writes)
    hole = [one for one in sent if one.data != b"second"]
    assert _refused(captured(hole)) == (
        "x.pcap: 127.0.0.1:40000 to 127.0.0.2:7 lacks bytes of the client after byte 5\n"
        "capture again with a larger buffer: tcpdump -B 65536"
    )
    unseen = [one for one in sent if one.data != b"third" and not one.flags & FIN]
    assert "lacks bytes of the client after byte 11" in _refused(captured(unseen))
    replies = [one for one in exchanged(ASKED) if one.data != b"+PONG\r\n"]
    assert "lacks bytes of the server after byte 0" in _refused(captured(replies))


def test_a_connection_that_cannot_be_used_is_left_out_with_the_reason() -> None:
    """The others are read."""
    hole = [one for one in exchanged(ASKED) if one.data != b"+PONG\r\n"]
    found = read_capture(_several(hole, exchanged(ASKED)), "x")
    assert len(found.conversations) == 1
    (left_out,) = found.left_out
    assert left_out.reason == "lacks bytes of the server after byte 0"


def test_packets_that_were_cut_short_are_told() -> None:
    """A snap length shows in every packet that was longer."""
    frames = [(one.at_ns, packets.ip(one)) for one in exchanged([Write(True, b"x" * 100)])]
    assert "tcpdump -s 0" in _refused(packets.pcap(frames, 101, snap_bytes=96))
    assert "TCP cut inside its header" in _refused(packets.pcap(frames, 101, snap_bytes=30))


def test_a_capture_without_the_beginning_asks_for_the_port() -> None:
    """Nothing tells which side is the server."""
    assert "say it: --server-port 40000 or 7" in _refused(captured(exchanged(ASKED)[3:]))
    assert "ports that it holds: 7, 40000" in _refused(captured(exchanged(ASKED)), 99)
    assert "none with any data" in _refused(captured(exchanged([])))


def test_tls_is_told() -> None:
    """At the beginning, and behind STARTTLS."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)
    assert "wireproof record tls://" in _refused(captured(exchanged([Write(True, hello)])))
    later = [Write(True, b"STARTTLS\r\n"), Write(False, b"220 go\r\n"), Write(True, hello)]
    assert "is TLS" in _refused(captured(exchanged(later)))


def test_a_capture_without_tcp_is_told() -> None:
    """With what there is instead."""
    udp = (
        bytes.fromhex("45000020000040004011000000000000000000000000000000000000000c0000") + b"dns!"
    )
    assert _refused(packets.pcap([(0, udp)] * 3, 101)) == (
        "x.pcap holds no TCP; of its packets are 3 UDP\nname a udp:// target to judge those"
    )
    sent = captured(exchanged(ASKED))
    assert "no UDP; of its packets are 12 TCP\nname a tcp://" in _refused(sent, datagrams=True)
    assert "holds no packets" in _refused(packets.pcap([]))
    assert "link type 147, which can't be read" in _refused(packets.pcap([(0, b"x" * 80)], 147))
    arp = bytes(12) + b"\x08\x06" + bytes(46)
    assert "1 ARP" in _refused(packets.pcap([(0, arp)]))


def test_fragments_are_told() -> None:
    """They are not put together."""
    frames = []
    for one in exchanged(ASKED):
        carried = packets.ip(one)
        frames.append((one.at_ns, carried[:6] + b"\x20\x00" + carried[8:]))
    assert "fragments of IP packets" in _refused(packets.pcap(frames, 101))


def test_files_that_are_no_captures() -> None:
    """Each in a line or two."""
    assert "not a capture that can be read" in _refused(b"GET / HTTP/1.1\r\n\r\n")
    assert "not a capture" in _refused(b"")
    assert "is damaged" in _refused(b"\x0a\x0d\x0d\x0a" + bytes(60))


@pytest.mark.parametrize("make", [captured, lambda sent: packets.pcapng(
    [(one.at_ns, packets.ip(one), 101) for one in sent])], ids=["pcap", "pcapng"])  # fmt: skip
def test_a_file_that_ends_in_the_middle_is_told(make) -> None:  # noqa: ANN001
    """Wherever it ends, unless that is behind a packet."""
    whole = make(exchanged(ASKED))
    told = 0
    for size in range(4, len(whole)):
        try:
            read_capture(whole[:size], "x.pcap")
        except UsageError as error:
            told += "ends in the middle of packet" in str(error)
    assert told > len(whole) * 0.8
    assert "-w whole.pcap" in _refused(whole[:-1])


@given(st.binary(max_size=300), st.integers(0, 2**32), st.sampled_from(sorted(packets.LINKS)))
def test_any_file_is_read_or_refused(garbage: bytes, seed: int, link: str) -> None:
    """A capture may come from anyone."""
    chance = random.Random(seed)
    file = bytearray(captured(exchanged(ASKED), link))
    at = chance.randrange(len(file))
    file[at : at + len(garbage) // 10] = garbage
    for data in (
        bytes(file),
        garbage,
        bytes(file[:24]) + garbage,
        packets.pcapng([(0, garbage, 1)]),
    ):
        assert _is_read_or_refused(data)


def _is_read_or_refused(data: bytes) -> bool:
    try:
        return isinstance(read_capture(data, "x.pcap"), Captured)
    except UsageError as error:
        lines = str(error).splitlines()
        return len(lines) <= 2 and all(line.isprintable() for line in lines)


def test_a_syn_that_comes_late_belongs_to_its_connection() -> None:
    """A capture may show it behind the data."""
    sent = exchanged(ASKED)
    late = [*sent[1:], replaced] if (replaced := sent[0]) else []
    found = _only(captured(late))
    assert not found.begun_before
    assert _turns(found) == packets.turns_of(ASKED)
    assert sent[0].flags == SYN


def test_a_refused_connection_is_no_conversation() -> None:
    """SYN, then RST."""
    wire = Wire()
    wire.packet(True, SYN)
    wire.packet(False, RST | ACK)
    assert "none with any data" in _refused(captured(wire.packets))


@pytest.mark.parametrize(
    ("file", "conversations", "first"),
    [
        ("redis-cli.pcap", 9, (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n")),
        ("paho-mosquitto.pcap", 1, None),
        ("curl-nginx.pcapng", 2, None),
    ],
)
def test_real_captures(file: str, conversations: int, first: tuple[bytes, bytes] | None) -> None:
    """Made by tcpdump and dumpcap of real clients and servers, on loopback and on any interface."""
    found = read_capture((DATA / file).read_bytes(), file)
    assert len(found.conversations) == conversations
    assert found.left_out == ()
    if first is not None:
        assert _turns(found.conversations[0])[0] == first
    for conversation in found.conversations:
        assert all(turn.request for turn in conversation.turns)
        assert conversation.end in {End.CLIENT, End.SERVER}


def test_a_real_capture_of_datagrams() -> None:
    """Made by tcpdump of dig and unbound, on any interface, over both versions of IP."""
    found = read_capture((DATA / "dig-unbound.pcap").read_bytes(), "x", datagrams=True)
    assert [len(one.turns) for one in found.conversations] == [1] * 5
    assert all(one.replies_known and one.datagrams for one in found.conversations)
    for conversation in found.conversations:
        (turn,) = conversation.turns
        assert turn.reply[:2] == turn.request[:2]
        assert turn.reply_sizes_bytes == (len(turn.reply),)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize(
    "file", ["redis-cli.pcap", "paho-mosquitto.pcap", "curl-nginx.pcapng", 0, 1]
)
def test_tshark_reads_the_same(file: str | int, tmp_path: Path) -> None:
    """A second opinion, on real captures, and on segments that were sent again and overlap.

    Of segments that were captured in another order, tshark takes some for missing.
    """
    if isinstance(file, str):
        path = DATA / file
    else:
        chance = random.Random(file)
        writes = [
            Write(chance.random() < 0.5, chance.randbytes(chance.randrange(1, 80)))
            for _ in range(12)
        ]
        path = tmp_path / "drawn.pcap"
        sent = exchanged([Write(True, b"begin"), *writes], [7, 30], (2**32 - 50, 2**32 - 90))
        path.write_bytes(captured(packets.mangled(sent, file, far=0)))
    for number, found in enumerate(read_capture(path.read_bytes(), str(path)).conversations):
        requests, replies = _followed(path, number)
        assert b"".join(found.requests) == requests
        assert b"".join(found.replies) == replies


def _followed(path: Path, stream: int) -> tuple[bytes, bytes]:
    """Both sides of a stream; tshark's first node is whoever sent the first packet of the file."""
    command = ["tshark", "-n", "-r", str(path), "-q", "-z", f"follow,tcp,raw,{stream}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    nodes, _, body = done.stdout.partition("Node 1:")
    lines = [line for line in body.partition("\n")[2].split("\n") if line.strip(" =\t")]
    sides = [
        b"".join(bytes.fromhex(line.strip()) for line in lines if line.startswith("\t") == behind)
        for behind in (False, True)
    ]
    is_client = int(nodes.rpartition(":")[2]) > 10000
    return (sides[0], sides[1]) if is_client else (sides[1], sides[0])
