"""The kernel's counters of dropped connections and packets, for the whole network namespace.

Sources: /proc/net/netstat (net/ipv4/proc.c), /proc/net/softnet_stat (net/core/net-procfs.c) and
/proc/net/dev. The names are the kernel's (`nstat` prints the same); traffic of others counts too.
"""

from pathlib import Path

SOFTNET_DROPPED = "SoftnetDropped"
"""Packets dropped since a CPU's input queue was full (net.core.netdev_max_backlog)."""
LOOPBACK_DROPPED = "LoopbackDropped"
"""Packets that the loopback device dropped."""


def parse_netstat(text: str) -> dict[str, int]:
    """Read pairs of lines, names above values, each behind a prefix such as `TcpExt:`."""
    lines = text.splitlines()
    counters: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        counters.update(zip(names.split()[1:], map(int, values.split()[1:]), strict=False))
    return counters


def parse_softnet(text: str) -> int:
    """Return the packets dropped on all CPUs: the second column, in hexadecimal."""
    return sum(int(line.split()[1], 16) for line in text.splitlines() if line.strip())


def parse_device_drops(text: str, device: str) -> int:
    """Return the packets that a device of /proc/net/dev dropped, received and sent."""
    for line in text.splitlines():
        name, colon, values = line.partition(":")
        if colon and name.strip() == device:
            columns = values.split()
            return int(columns[3]) + int(columns[11])
    return 0


def read_netstat() -> dict[str, int]:
    """Return the counters of IP and TCP by name; empty where the kernel shows none."""
    return parse_netstat(_read("/proc/net/netstat"))


def read_packet_drops() -> dict[str, int]:
    """Return what was dropped below TCP on the way over loopback."""
    return {
        SOFTNET_DROPPED: parse_softnet(_read("/proc/net/softnet_stat")),
        LOOPBACK_DROPPED: parse_device_drops(_read("/proc/net/dev"), "lo"),
    }


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
