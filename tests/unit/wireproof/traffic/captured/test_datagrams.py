"""Datagrams of a capture: who asked whom, and what of it was captured once and whole."""

from collections.abc import Sequence

import pytest

from tests.support import packets
from wireproof.conversation import Conversation
from wireproof.errors import UsageError
from wireproof.traffic.captured.captures import Captured, read_capture

PORT = 53
ASKED = [(40000, PORT, b"a?"), (PORT, 40000, b"a!"), (40000, PORT, b"b?"), (PORT, 40000, b"b!")]
Passed = Sequence[tuple[int, int, bytes]]
MS = 1_000_000
GROUP = bytes([239, 255, 255, 250, *bytes(16)])


def _frames(passed: Passed, *, six: bool = False) -> list[tuple[int, bytes]]:
    return [
        (packets.BEGUN_NS + number * 10 * MS, packets.udp(data, source, destination, six=six))
        for number, (source, destination, data) in enumerate(passed)
    ]


def _read(frames: Sequence[tuple[int, bytes]], server_port: int | None = None) -> Captured:
    return read_capture(packets.pcap(frames, 101), "x.pcap", server_port, datagrams=True)


def _said(one: Conversation) -> list[tuple[bytes, bytes]]:
    return [(turn.request, turn.reply) for turn in one.turns]


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("link", packets.LINKS)
def test_each_datagram_has_what_came_behind_it(link: str, six: bool) -> None:
    """On every link layer, without the padding that is."""
    number, framed = packets.LINKS[link]
    frames = [(at_ns, framed(one)) for at_ns, one in _frames(ASKED, six=six)]
    (found,) = read_capture(packets.pcap(frames, number), "x", datagrams=True).conversations
    assert _said(found) == [(b"a?", b"a!"), (b"b?", b"b!")]
    assert found.replies_known
    assert found.turns[0].reply_sizes_bytes == (2,)
    assert found.turns[1].at_s == 0.02


@pytest.mark.parametrize(
    ("passed", "port", "requests"),
    [
        pytest.param(ASKED, None, [b"a?", b"b?"], id="who spoke first is the client"),
        pytest.param(ASKED[1:], PORT, [b"b?"], id="the user names the port"),
        pytest.param(
            [*ASKED[1:], (40001, PORT, b"c?")],
            None,
            [b"b?", b"c?"],
            id="the server has two clients",
        ),
    ],
)
def test_which_side_is_the_server(passed: Passed, port: int | None, requests: list[bytes]) -> None:
    """A capture may begin in the middle."""
    found = _read(_frames(passed), port).conversations
    assert [turn.request for one in found for turn in one.turns] == requests


def test_whose_reply_it_is_is_not_guessed() -> None:
    """Two datagrams that were under way together are asked again, and compared with nothing."""
    passed = [*ASKED[:2], (40000, PORT, b"c?"), (40000, PORT, b"d?"), (PORT, 40000, b"d!")]
    alone, together = _read(_frames(passed)).conversations
    assert _said(alone) == [(b"a?", b"a!")]
    assert _said(together) == [(b"c?", b""), (b"d?", b"")]
    assert not together.replies_known


def test_a_packet_that_passed_two_interfaces_is_one() -> None:
    """One that was sent twice is two, at whatever interface."""
    frames = [(at_ns, one) for at_ns, one in _frames([ASKED[0], ASKED[0], *ASKED[1:]])]
    twice = [
        (at_ns, (number * 1000).to_bytes(2) + bytes(12) + b"\x08\x00" + one)
        for at_ns, one in frames
        for number in (0, 4)
    ]
    (found,) = read_capture(packets.pcap(twice, 113), "x", datagrams=True).conversations[:1]
    assert [turn.request for turn in found.turns] == [b"b?"]  # the first was asked twice
    same = [(at_ns, one) for at_ns, one in _frames(ASKED) for _ in range(2)]
    assert len(_read(same).conversations[0].turns) == 4
    files = packets.pcapng(
        [(at_ns, one, link) for at_ns, one in _frames(ASKED) for link in (101, 12)]
    )
    (once,) = read_capture(files, "x", datagrams=True).conversations
    assert len(once.turns) == 2


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        pytest.param(
            [(0, packets.udp(b"x" * 99, 9, PORT, fragment=0x2000)[:-50])],
            "fragments",
            id="IPv4 fragments",
        ),
        pytest.param(
            [(0, packets.udp(b"x" * 99, 9, PORT, six=True, fragment=1)[:-50])],
            "fragments",
            id="IPv6 fragments",
        ),
        pytest.param(
            [(0, packets.udp(b"x" * 99, 9, PORT, fragment=0x2010))],
            "no UDP; of its packets are 1 fragments of IP packets",
            id="a later fragment",
        ),
        pytest.param(
            [(0, packets.udp(b"\x16\xfe\xfd" + bytes(99), 9, PORT))], "encrypted", id="DTLS"
        ),
        pytest.param(
            [(0, packets.udp(b"\xc3\0\0\0\x01" + bytes(99), 9, 443))], "encrypted", id="QUIC"
        ),
        pytest.param(
            [(0, packets.udp(b"M-SEARCH", 9, 1900)[:16] + GROUP)],
            "to groups alone",
            id="to a group",
        ),
        pytest.param(_frames(ASKED), "nothing of port 99", id="another port"),
        pytest.param(_frames(ASKED[1:2]), "no datagram of the client", id="the server alone"),
    ],
)
def test_what_cannot_be_used_is_told(frames: list[tuple[int, bytes]], told: str) -> None:
    """In two lines at most."""
    port = {"nothing of port 99": 99, "no datagram of the client": PORT}.get(told)
    with pytest.raises(UsageError) as caught:
        _read(frames, port)
    assert told in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_packets_that_were_cut_short_are_told() -> None:
    """A snap length shows in every packet that was longer."""
    frames = [(0, packets.udp(b"x" * 200, 9, PORT))]
    with pytest.raises(UsageError, match="tcpdump -s 0"):
        read_capture(packets.pcap(frames, 101, snap_bytes=96), "x", datagrams=True)
