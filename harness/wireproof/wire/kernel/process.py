"""The processes behind a socket, through /proc (proc(5)).

Only what the caller may see: another user's descriptors are hidden unless we are root.
"""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

_PROC = Path("/proc")
Descriptor = tuple[int, int, str]
"""The process, the number, and what it leads to, as proc_pid_fd in proc(5) has it."""
_ACCEPTS = "00010000"
"""Flags of a Unix socket that listens: __SO_ACCEPTCON (include/uapi/linux/net.h)."""


def owners_of(inodes: Collection[int]) -> list[int]:
    """Return the processes that have a socket of these inodes open, lowest id first."""
    wanted = _as_links(inodes)
    return sorted(pid for pid in _process_ids() if wanted and _holds(pid, wanted))


def holds_any(pid: int, inodes: Collection[int]) -> bool:
    """Say whether a process has a socket of these inodes open."""
    return _holds(pid, _as_links(inodes))


def unix_listeners(path: str) -> frozenset[int]:
    """Return the inodes of the Unix sockets that listen on a path (net/unix/af_unix.c)."""
    try:
        lines = (_PROC / "net/unix").read_text(errors="surrogateescape").splitlines()[1:]
    except OSError:
        return frozenset()
    rows = (line.split(maxsplit=7) for line in lines)
    return frozenset(
        int(row[6]) for row in rows if len(row) == 8 and row[7] == path and row[3] == _ACCEPTS
    )


def open_descriptors(pid: int) -> int | None:
    """Return how many descriptors a process has open; None when it is gone or hidden."""
    try:
        with os.scandir(f"/proc/{pid}/fd") as found:
            return sum(1 for _ in found)
    except OSError:
        return None


def descriptors_of(pid: int) -> frozenset[Descriptor]:
    """Return a process's descriptors, each with what it leads to; none when it is gone or hidden.

    A socket and a pipe have an inode that no other has in their lifetime (proc_pid_fd in proc(5)).
    """
    found: set[Descriptor] = set()
    with contextlib.suppress(OSError):
        for each in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add((pid, int(each.name), str(each.readlink())))
    return frozenset(found)


def threads_of(pid: int) -> int:
    """Return how many threads a process has, one at least while it is not reaped; 0 if gone."""
    try:
        return max(1, int(_fields(_read(pid, "stat"))[17]))
    except OSError:
        return 0


def anonymous_bytes(pid: int) -> int:
    """Return how much memory of its own a process holds, files left out; 0 if gone or hidden.

    A page that several processes share, as a child does with who forked it, is divided among them
    (proc_pid_smaps_rollup in proc(5); where Linux, before 5.4, does not tell, it counts in each).
    """
    names = ("Pss_Anon:", "SwapPss:")
    if len(sizes := _kibibytes(pid, "smaps_rollup", names)) == len(names):
        return 1024 * sum(sizes)
    return 1024 * sum(_kibibytes(pid, "status", ("RssAnon:", "VmSwap:")))


def _kibibytes(pid: int, file: str, names: tuple[str, ...]) -> list[int]:
    try:
        lines = (_PROC / str(pid) / file).read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [int(line.split()[1]) for line in lines if line.startswith(names)]


def runnable_s(pid: int) -> float:
    """Return for how long a process's threads have run or waited for their turn, in seconds.

    Threads that have ended are left out, where the kernel counts nanoseconds (schedstat, see
    Documentation/scheduler/sched-stats.rst); 0.0 if the process is gone or hidden.
    """
    total_ns = 0
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                run_ns, waited_ns, _ = (thread / "schedstat").read_text().split()
                total_ns += int(run_ns) + int(waited_ns)
    except OSError:
        return 0.0
    return total_ns / 1e9


def waited_s() -> float:
    """Return for how long the calling thread has been ready to run and had no CPU, in seconds.

    0.0 where the kernel doesn't tell (schedstat, see Documentation/scheduler/sched-stats.rst).
    """
    try:
        return int((_PROC / "thread-self" / "schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def crowding() -> float:
    """Return how many threads want each CPU just now: 1.0 where none has to share one.

    1.0 where the kernel doesn't tell (the fourth field of proc_loadavg(5)).
    """
    try:
        running = int((_PROC / "loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 1.0
    return max(1.0, running / (os.cpu_count() or 1))


def process_name(pid: int) -> str:
    """Return the name of a process's program; empty when it is gone."""
    try:
        return (_PROC / str(pid) / "comm").read_text(errors="backslashreplace").strip()
    except OSError:
        return ""


def is_stopped(pid: int) -> bool:
    """Return whether every thread of a process is stopped by a signal."""
    try:
        threads = list((_PROC / str(pid) / "task").iterdir())
        return all(_state((thread / "stat").read_text()) in "Tt" for thread in threads)
    except OSError:
        return False


def descendants_of(*ancestors: int) -> set[int]:
    """Return all children of some processes, theirs among them."""
    parents = {pid: parent_of(pid) for pid in _process_ids()}
    found: set[int] = set()
    generation = {*ancestors}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation} - found
        found |= generation
    return found


def children_of(pid: int) -> list[int]:
    """Return the children of a process, as the kernel lists them; none where it does not."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def parent_of(pid: int) -> int:
    """Return the parent of a process; 0 where it has none that is seen, or is gone."""
    try:
        return int(_fields(_read(pid, "stat"))[1])
    except OSError:
        return 0


def ancestors_of(pid: int) -> list[int]:
    """Return a process's parent, the parent's, and so on."""
    found: list[int] = []
    while (pid := parent_of(pid)) and pid not in found:
        found.append(pid)
    return found


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of the children that it has reaped; 0 once it is gone.

    Fields 14 to 17 of /proc/PID/stat, in ticks.
    """
    try:
        ticks = _fields(_read(pid, "stat"))[11:15]
    except OSError:
        return 0.0
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _process_ids() -> list[int]:
    try:
        with os.scandir("/proc") as found:
            return [int(one.name) for one in found if one.name.isdigit()]
    except OSError:
        return []


def _read(pid: int, name: str) -> str:
    """Return what a short file of a process says; a plain read, since all are read many times.

    Raises:
        OSError: the process is gone, or hidden.

    """
    opened = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(opened, 4096).decode(errors="replace")
    finally:
        os.close(opened)


def _as_links(inodes: Collection[int]) -> set[str]:
    """Return what the descriptors of sockets of these inodes lead to; 0 is no inode."""
    return {f"socket:[{inode}]" for inode in inodes if inode}


def _holds(pid: int, wanted: Collection[str]) -> bool:
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as found:
        for descriptor in found:
            with contextlib.suppress(OSError):  # closed since it was listed
                # Thousands of them, for each of which a Path costs more than the kernel.
                if os.readlink(descriptor.path) in wanted:  # noqa: PTH115
                    return True
    return False


def _state(stat: str) -> str:
    return _fields(stat)[0]


def _fields(stat: str) -> list[str]:
    """Split the line behind the program's name, which may itself hold blanks and brackets."""
    return stat.rpartition(")")[2].split()
