"""Which counters tell of an overflow, which of other drops, and the settings that govern both."""

from collections.abc import Mapping
from pathlib import Path

from wireproof.accept_queue.syn_retries import RetrySchedule, retry_schedule
from wireproof.wire.kernel.netstat import (
    LOOPBACK_DROPPED,
    SOFTNET_DROPPED,
    read_netstat,
    read_packet_drops,
)

OVERFLOWS = "ListenOverflows"
DROPS = "ListenDrops"
"""Every connection that a listener dropped, overflows among them: it alone proves no overflow."""

OTHER_DROPS = {
    "TCPReqQFullDrop": "the queue of half-open connections was full",
    "TCPBacklogDrop": "a socket's own backlog was full",
    "PFMemallocDrop": "the kernel was short of memory",
    "TCPDeferAcceptDrop": "TCP_DEFER_ACCEPT waited for data",
    "IPReversePathFilter": "the reverse path filter refused a packet",
    SOFTNET_DROPPED: "a CPU's input queue was full (net.core.netdev_max_backlog)",
    LOOPBACK_DROPPED: "the loopback device dropped packets",
}
"""Other reasons for a SYN to go unanswered, and what each means."""

COOKIES = ("TCPReqQFullDoCookies", "SyncookiesSent", "SyncookiesRecv", "SyncookiesFailed")

_DEFAULTS = {
    "net.core.somaxconn": "4096",
    "net.ipv4.tcp_max_syn_backlog": "",
    "net.ipv4.tcp_abort_on_overflow": "0",
    "net.ipv4.tcp_syncookies": "",
    "net.ipv4.tcp_syn_retries": "6",
    "net.ipv4.tcp_syn_linear_timeouts": "0",
}
"""By setting, what holds where a kernel has no such setting; the last came with Linux 6.5."""


def read_counters() -> dict[str, int]:
    """Return the counters that tell what became of connects, since boot.

    They count for the whole network namespace, other servers' connections among them.
    """
    everything = read_netstat() | read_packet_drops()
    wanted = (OVERFLOWS, DROPS, *OTHER_DROPS, *COOKIES)
    return {name: everything[name] for name in wanted if name in everything}


def change(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return by how much each counter rose."""
    return {name: after[name] - before.get(name, 0) for name in after}


def read_sysctls() -> dict[str, str]:
    """Return the settings that govern the accept queue, by their names in sysctl(8)."""
    found = {name: _read(name, default) for name, default in _DEFAULTS.items()}
    return {name: value for name, value in found.items() if value}


def schedule_of(sysctls: Mapping[str, str]) -> RetrySchedule:
    """Return when this machine sends a SYN again."""
    return retry_schedule(
        int(sysctls.get("net.ipv4.tcp_syn_retries", "6")),
        int(sysctls.get("net.ipv4.tcp_syn_linear_timeouts", "0")),
    )


def _read(name: str, default: str) -> str:
    try:
        return Path("/proc/sys", *name.split(".")).read_text().strip()
    except OSError:
        return default
