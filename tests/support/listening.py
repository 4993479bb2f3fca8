"""Where processes listen, as the kernel lists it: /proc/net/tcp{,6}, by the owner of the socket."""

import contextlib
import ipaddress
import re
import socket
import struct
from pathlib import Path

_LISTEN = "0A"
_INODE = re.compile(r"socket:\[(\d+)\]")


def family_of(pid: int) -> set[int]:
    """A process, its children, and theirs."""
    found = {pid}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found |= family_of(int(child))
    return found


def listeners_of(pid: int) -> set[tuple[str, int]]:
    """Address and port of each TCP listener of a process and its descendants."""
    inodes = set()
    for one in family_of(pid):
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{one}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inodes |= set(_INODE.findall(str(descriptor.readlink())))
    return {place for inode, place in _listening().items() if inode in inodes}


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port for Locust where it cannot choose one itself; a race, but with ourselves.

    Where nobody else uses the address there is none.
    """
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


def _listening() -> dict[str, tuple[str, int]]:
    found = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, port = fields[1].split(":")
                found[fields[9]] = (_address(address), int(port, 16))
    return found


def _address(hexadecimal: str) -> str:
    """The kernel writes addresses as words in the machine's byte order."""
    words = [int(hexadecimal[at : at + 8], 16) for at in range(0, len(hexadecimal), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return str(ipaddress.ip_address(socket.inet_ntop(family, packed)))
