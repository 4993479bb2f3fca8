"""What this machine must have before a load can start: descriptors, ports, a queue long enough."""

from __future__ import annotations

import resource
from pathlib import Path

from wireproof.errors import CannotRunError
from wireproof.load.spec import LoadSpec

_SPARE_DESCRIPTORS = 100
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


def preflight(spec: LoadSpec, *, scheme: str, backlog: int | None, sources: int = 1) -> list[str]:
    """Refuse what cannot work, and return what the user should know.

    Args:
        spec: the load.
        scheme: of the target.
        backlog: what the protocol says that the server listens with, if it does.
        sources: local addresses that connections come from.

    Raises:
        CannotRunError: this machine lacks the descriptors or the ports.

    """
    users = max(spec.users)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = -(-users // spec.processes) + _SPARE_DESCRIPTORS
    if most != resource.RLIM_INFINITY and needed > most:
        raise CannotRunError(
            f"{users} connections need {needed} descriptors a process; the limit is {most}",
            f"raise it with ulimit -Hn, or write --processes {-(-users // (most // 2))}",
        )
    ports = local_ports() * sources
    if scheme in {"tcp", "tls"} and users > ports:
        raise CannotRunError(
            f"{users} connections need as many local ports; {sources} address(es) have {ports}",
            "write --source-addresses 127.0.0.2-127.0.0.20 for more",
        )
    notes = []
    somaxconn = _first_number(_SOMAXCONN)
    if backlog is not None and somaxconn is not None and somaxconn < backlog:
        notes.append(
            f"the kernel cuts every backlog to net.core.somaxconn = {somaxconn}, below {backlog}"
        )
    return notes


def raise_descriptor_limit() -> None:
    """Let this process have as many descriptors as it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def local_ports() -> int:
    """Return how many local ports one address has for connects."""
    try:
        low, high = map(int, _PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        return 28_232  # Linux's default, 32768 to 60999
    return high - low + 1


def _first_number(path: Path) -> int | None:
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
