import pytest

from wireproof.wire.kernel.netstat import (
    parse_device_drops,
    parse_netstat,
    parse_softnet,
    read_netstat,
    read_packet_drops,
)

NETSTAT = """\
TcpExt: SyncookiesSent ListenOverflows ListenDrops
TcpExt: 1 22 333
IpExt: InNoRoutes InOctets
IpExt: 0 18446744073709551615
"""

DEVICES = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo
    lo: 9 8 0 3 0 0 0 0 9 8 0 4 0 0 0 0
eth-lo: 9 8 0 7 0 0 0 0 9 8 0 7 0 0 0 0
"""


def test_names_and_values_are_paired() -> None:
    """Each pair of lines gives its counters; 64 bits fit."""
    assert parse_netstat(NETSTAT) == {
        "SyncookiesSent": 1,
        "ListenOverflows": 22,
        "ListenDrops": 333,
        "InNoRoutes": 0,
        "InOctets": 2**64 - 1,
    }


@pytest.mark.parametrize("text", ["", "TcpExt: A B\n", "\n"])
def test_a_short_file_is_empty(text: str) -> None:
    """A kernel that shows nothing, or half of it, is no error."""
    assert parse_netstat(text) == {}


def test_softnet_drops_are_hexadecimal_and_summed() -> None:
    """The second column of each CPU counts, to base 16."""
    assert parse_softnet("000000ff 0000000a 00000000\n00000001 00000010 00000000\n") == 26


def test_drops_of_one_device() -> None:
    """Received and sent drops of the device itself are added, a longer name is another device."""
    assert parse_device_drops(DEVICES, "lo") == 7
    assert parse_device_drops(DEVICES, "lo0") == 0


def test_this_kernel_has_the_counters() -> None:
    """The names that we look for are the names of the kernel."""
    assert {"ListenOverflows", "ListenDrops", "TCPReqQFullDrop"} <= set(read_netstat())
    assert all(number >= 0 for number in read_packet_drops().values())
