"""What rounds of connections leave in a server's processes is seen, and told."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from wireproof.conformance.execution.server import growth
from wireproof.conformance.execution.server.burden import ServerBurden
from wireproof.conformance.execution.server.released import ServerResources
from wireproof.conformance.plans.plan import Look, Rounds, Way

_ROUNDS = 8
_LOOP = """
import sys, threading
held = []
def spin():
    while True: pass
def wait():
    threading.Event().wait()
for line in sys.stdin:
    exec(line)
    print(flush=True)
"""


class _Seen:
    """The process that is looked at, in the place of those that hold a listening socket."""

    def __init__(self, pid: int) -> None:
        self.processes = {pid}


@contextlib.contextmanager
def told() -> Iterator[tuple[ServerBurden, Callable[[str], None]]]:
    """A process that does what it is told, and what it carries."""
    command = [sys.executable, "-c", _LOOP]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def tell(line: str) -> None:
            stdin.write(f"{line}\n")
            stdin.flush()
            stdout.readline()

        try:
            seen = cast("ServerResources", _Seen(process.pid))
            yield ServerBurden(seen, timeout_s=0.5), tell
        finally:
            process.kill()


def many() -> int:
    """Say that the server has had more connections than any table holds."""
    return growth.LARGEST_TABLE


def _rounds(look: Look, rounds: int = _ROUNDS, count: int = 1) -> Rounds:
    return Rounds(0, (Way.CLOSE, Way.RESET), count, rounds, look)


@pytest.mark.parametrize(
    ("line", "look", "message"),
    [
        ("threading.Thread(target=wait, daemon=True).start()", Look.THREADS, "more threads"),
        ("threading.Thread(target=spin, daemon=True).start()", Look.WORK, "keeps working"),
    ],
)
def test_what_stays_is_told(line: str, look: Look, message: str) -> None:
    """A thread for each connection; a loop that never sleeps again."""
    with told() as (burden, tell):
        assert burden.is_seen
        assert burden.rests()
        complaint = burden.over(
            _rounds(look), lambda way: tell(line if way is Way.RESET else ""), many
        )
    assert complaint is not None
    assert message in complaint.message


@pytest.mark.parametrize(
    ("line", "look"),
    [
        (
            "held.append(1); len(held) < 9 and threading.Thread(target=wait, daemon=True).start()",
            Look.THREADS,
        ),
        ("sum(range(100_000))", Look.WORK),
        ("threading.Timer(0.2, len, ('',)).start()", Look.THREADS),
    ],
)
def test_what_ends_is_no_fault(line: str, look: Look) -> None:
    """A pool that is full before the rounds are over, work that ends, threads that end late."""
    with told() as (burden, tell):
        assert burden.over(_rounds(look), lambda _: tell(line), many) is None


def test_memory_that_grows_is_told_by_the_connection() -> None:
    """The figure is what each of them costs."""
    with told() as (burden, tell):
        leak = "held.append(bytearray(b'x' * 20_000))"
        complaint = burden.over(_rounds(Look.MEMORY, 30, 10), lambda _: tell(leak), many)
    assert complaint is not None
    told_bytes = int(complaint.actual.split(" bytes")[0].replace(",", ""))
    assert told_bytes == pytest.approx(20_000, rel=0.1)


def test_memory_that_settles_ends_the_rounds_early() -> None:
    """Nobody waits for the rest of them."""
    used = []
    with told() as (burden, tell):

        def use(way: Way) -> None:
            used.append(way)
            tell("held[:] = [bytearray(b'x' * 20_000)]")

        assert burden.over(_rounds(Look.MEMORY, 48, 10), use, many) is None
    assert len(used) < 48 * 20


def test_a_table_that_is_full_late_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows in all of the usual rounds; more of them show that it grows no more."""
    monkeypatch.setattr(growth, "LARGEST_TABLE", 2000)
    used = []
    with told() as (burden, tell):

        def use(way: Way) -> None:
            used.append(way)
            tell("held.append(bytearray(b'x' * 20_000)); del held[:-1000]")

        assert burden.over(_rounds(Look.MEMORY, 30, 10), use, lambda: len(used)) is None
    assert 1000 < len(used) < 2000


def test_a_limit_of_memory() -> None:
    """The first look notes it; later ones judge."""
    with told() as (burden, tell):
        assert burden.limit_memory(8 << 20) is None
        tell("held.append(bytearray(b'x' * (4 << 20)))")
        assert burden.limit_memory(8 << 20) is None
        tell("held.append(bytearray(b'x' * (8 << 20)))")
        complaint = burden.limit_memory(8 << 20)
    assert complaint is not None
    assert re.fullmatch(r"the server's memory has grown by 1[1-9] MiB", complaint.message)
