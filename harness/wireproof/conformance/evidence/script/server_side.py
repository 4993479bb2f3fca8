"""What the kernel shows of the server's side (proc(5))."""

import os
import socket
import time

from wireproof.conformance.evidence.script.broken import Broken
from wireproof.conformance.evidence.script.case import CASE


def unread_by_server(connected):
    """Return the bytes in the server's receive queue, or None where it cannot be seen (proc(5))."""
    if connected.family == socket.AF_UNIX or CASE["scheme"] == "tls":
        return None
    ours, theirs = connected.getsockname()[1], connected.getpeername()[1]
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="ascii") as table:
                for line in table:
                    fields = line.split()
                    if fields[1].endswith(f":{theirs:04X}") and fields[2].endswith(f":{ours:04X}"):
                        return int(fields[4].split(":")[1], 16)
        except OSError:
            return None
    return None


def sockets_in_close_wait(port):
    """Count the server's sockets whose client has gone (proc(5); 08 is CLOSE-WAIT)."""
    count = 0
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="ascii") as table:
                rows = [line.split() for line in table]
        except OSError:
            continue
        count += sum(row[1].endswith(f":{port:04X}") and row[3] == "08" for row in rows)
    return count


def descriptors(address):
    """Count what is open in the processes that hold the listener; None where that is hidden."""
    listeners = set()
    for path in ("/proc/net/unix", "/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as table:
                rows = [line.split() for line in table]
        except OSError:
            continue
        if isinstance(address, str):
            listeners |= {row[6] for row in rows if row[7:] == [address] and row[3] == "00010000"}
        else:
            mine = f":{address[1]:04X}"
            listeners |= {row[9] for row in rows if row[1].endswith(mine) and row[3] == "0A"}
    counts = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        links = [link_of(f"/proc/{pid}/fd/{name}") for name in names]
        if any(f"socket:[{inode}]" in links for inode in listeners):
            counts.append(len(links))
    return sum(counts) if counts else None


def link_of(path):
    """Return where a link leads; nothing, when it has gone meanwhile."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def await_no_growth(address, counts, deadline):
    """Count the descriptors; Broken when they have become more three times in a row."""
    count = descriptors(address)
    while count is not None and counts and count > counts[-1] and deadline.left():
        time.sleep(0.05)
        count = descriptors(address)
    if count is None:
        return
    if counts and count <= counts[-1]:
        counts.clear()
    counts.append(count)
    if len(counts) > 3:
        raise Broken(f"the server has more descriptors open after each round: {counts}")
