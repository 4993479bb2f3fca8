"""The accept queue of real servers, in Python, C and socat."""

import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.server_process import running
from tests.support.sock_diag import no_sock_diag
from wireproof.accept_queue.burst import connect_burst, settle
from wireproof.accept_queue.counters import read_sysctls, schedule_of
from wireproof.accept_queue.probe import probe_depth
from wireproof.accept_queue.serving import count_served
from wireproof.deadline import Deadline
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import decode
from wireproof.target import Target, parse_target, resolve
from wireproof.wire.kernel.process import is_stopped
from wireproof.wire.kernel.queue_sampler import QueueSampler

pytestmark = pytest.mark.skipif(bool(no_sock_diag()), reason=no_sock_diag() or "sock_diag works")

SOMAXCONN = int(Path("/proc/sys/net/core/somaxconn").read_text())
BACKLOGS = [0, 1, 7, 50, 128, SOMAXCONN + 1]
RUNS = 10
SOCAT = shutil.which("socat") or ""

# Both inherit a socket that is bound already, and call listen() themselves.
PYTHON = """
import socket, sys
server = socket.socket(fileno=int(sys.argv[1]))
server.listen(int(sys.argv[2]))
print("ready", flush=True)
while True:
    server.accept()[0].close()
"""
C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int server = atoi(argv[1]);
    if (argc != 3 || listen(server, atoi(argv[2])) != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    for (;;)
        close(accept(server, NULL, NULL));
}
"""

StartListener = Callable[[str, int], tuple[int, Target]]


@pytest.fixture(scope="module")
def c_listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the listener in C."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("c")
    source, program = folder / "listener.c", folder / "listener"
    source.write_text(C)
    subprocess.run([compiler, "-O", "-o", program, source], check=True, timeout=60)
    return program


@pytest.fixture
def start_listener(request: pytest.FixtureRequest) -> Iterator[StartListener]:
    """Start listeners that accept as fast as they can, and end them with the test."""
    with ExitStack() as stack:

        def start(language: str, backlog: int) -> tuple[int, Target]:
            server = stack.enter_context(socket.socket())
            server.bind(("127.0.0.1", 0))
            port = server.getsockname()[1]
            descriptor = str(server.fileno())
            command = {
                "python": [sys.executable, "-I", "-c", PYTHON, descriptor, str(backlog)],
                "c": [language, descriptor, str(backlog)],
            }
            if language == "c":
                command["c"][0] = str(request.getfixturevalue("c_listener"))
            process = subprocess.Popen(
                command[language], pass_fds=[server.fileno()], stdout=subprocess.PIPE, text=True
            )
            stack.callback(_end, process)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            server.close()
            return process.pid, resolve(parse_target(f"tcp://127.0.0.1:{port}"))[0]

        yield start


def _end(process: "subprocess.Popen[str]") -> None:
    with process:
        process.kill()


@pytest.mark.parametrize("language", ["python", "c"])
@pytest.mark.parametrize("backlog", BACKLOGS)
def test_depth_is_backlog_plus_one(
    start_listener: StartListener, language: str, backlog: int
) -> None:
    """A listener's queue holds backlog + 1, capped by somaxconn, each of ten times."""
    pid, target = start_listener(language, backlog)
    wanted = min(backlog, SOMAXCONN)
    with QueueSampler(target) as sampler:
        # Thousands of connects take a while; the capped queue is the kernel's in either language.
        for _ in range(RUNS if backlog < SOMAXCONN or language == "c" else 2):
            probe = probe_depth(target, sampler, [pid], beyond=3, late_connects_s=0)
            assert (probe.limit, probe.depth) == (wanted, wanted + 1)
            assert probe.completed_at_once == wanted + 1
            assert not is_stopped(pid)
            _wait_until_empty(sampler)


@pytest.mark.skipif(not SOCAT, reason="there is no socat")
@pytest.mark.parametrize("backlog", [1, 7, 50])
def test_depth_of_socat(backlog: int) -> None:
    """A server that others wrote holds backlog + 1 as well, each of ten times."""
    with ExitStack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as finder:
            port = finder.getsockname()[1]
        process = subprocess.Popen(
            [SOCAT, f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog={backlog}", "PIPE"]
        )
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        target = resolve(parse_target(f"tcp://127.0.0.1:{port}"))[0]
        sampler = stack.enter_context(_sampler_of(target))
        for _ in range(RUNS):
            probe = probe_depth(target, sampler, [process.pid], beyond=3, late_connects_s=0)
            assert (probe.limit, probe.depth) == (backlog, backlog + 1)
            _wait_until_empty(sampler)


def test_retries_come_when_the_settings_say() -> None:
    """Of 200 connects to a slow listen(50), those turned away come back at the predicted times."""
    program = textwrap.dedent("""
        import select, socket, time
        server = socket.create_server(("127.0.0.1", 0), backlog=50)
        print(server.getsockname()[1], flush=True)
        kept = []
        select.select([server], [], [])  # the burst has begun
        while True:
            time.sleep(1.2)  # past the first retry, which so finds the queue full
            kept.append(server.accept()[0])
    """)
    with subprocess.Popen(
        [sys.executable, "-I", "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            target = resolve(parse_target(f"tcp://127.0.0.1:{port}"))[0]
            schedule = schedule_of(read_sysctls())
            with QueueSampler(target) as sampler:
                burst = connect_burst(
                    target, 200, schedule, sampler, hold_s=60, at_most_s=schedule.at_s[1] + 0.5
                )
        finally:
            process.kill()
    assert burst.completed_at_once == 51
    assert burst.retransmitted == 200 - burst.completed_at_once
    assert burst.peak_depth == 51
    # What stands on both sides was accepted, three at most by now, or fits the queue.
    assert burst.half_open is not None
    assert sum(burst.retries.values()) - burst.half_open <= 51 + 3
    late_us = [time for time in burst.connect_us["times"] if time > 500_000]
    assert late_us
    assert set(burst.retries) <= {"0", "1", "2"}
    assert burst.retries.get("2", 0) > 0
    # The clock agrees with TCP_INFO: each time belongs to a retry, and lies close behind it.
    by_clock = [schedule.step_of(time / 1e6) for time in late_us]
    for step in (1, 2):
        assert by_clock.count(step) == burst.retries.get(str(step), 0)
    for time_us, step in zip(late_us, by_clock, strict=True):
        assert time_us / 1e6 - schedule.at_s[step - 1] < 0.125 * schedule.at_s[step - 1] + 0.1


def _sampler_of(target: Target) -> QueueSampler:
    """Wait for a listener whose program says nothing when it is ready."""
    deadline = Deadline(10)
    while True:
        try:
            return QueueSampler(target)
        except LookupError:
            assert not deadline.expired


def _wait_until_empty(sampler: QueueSampler) -> None:
    deadline = Deadline(20)
    while sampler.sample():
        assert not deadline.expired


@pytest.mark.parametrize("connections", [50, 51, 100])
@pytest.mark.parametrize("model", ["prefork", "fork", "iterative"])
def test_serving_models_differ_as_theory_says(model: str, connections: int) -> None:
    """One at a time serves one, and the rest wait, up to backlog + 1; the others serve all."""
    protocol = find_protocol("timestamp-echo")
    with running("--port", "0", "--model", model, "--backlog", "50") as server:
        target = resolve(parse_target(server.targets[0]))[0]
        with QueueSampler(target) as sampler:
            found = count_served(target, protocol, connections, sampler)
    if model == "iterative":
        assert (found.served, found.waiting) == (1, min(connections - 1, 51))
    else:
        assert (found.served, found.waiting) == (connections, 0)


def test_a_burst_leaves_nothing_behind() -> None:
    """Whoever measures after a burst that overflowed finds the queue as if nothing had been."""
    with running("--port", "0", "--model", "iterative", "--backlog", "50") as server:
        target = resolve(parse_target(server.targets[0]))[0]
        schedule = schedule_of(read_sysctls())
        with QueueSampler(target) as sampler:
            burst = connect_burst(target, 200, schedule, sampler)
            assert burst.retransmitted > 0
            assert settle(sampler)
            found = count_served(target, find_protocol("timestamp-echo"), 10, sampler)
    assert (found.served, found.waiting) == (1, 9)


def test_the_command_shows_it_all(tmp_path: Path) -> None:
    """Depth, bursts and a ladder come in one result file, with what they mean, and a page."""
    with running("--port", "0", "--backlog", "300", "--workers", "2") as server:
        command = [
            *(sys.executable, "-c", "from wireproof.cli import main; main()"),
            *("backlog", server.targets[0], "--json"),
            *("--pause-pid", str(server.process.pid), "--out", str(tmp_path)),
            *("--connections", "1,10", "--for", "0.5"),
        ]
        done = subprocess.run(command, capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr.decode()
    results = decode(done.stdout)
    assert results.backlog is not None
    assert (results.backlog.queue.depth, results.backlog.queue.source) == (301, "sock_diag")
    assert {300, 301, 302} <= {burst.connections for burst in results.backlog.burst}
    one, ten = results.backlog.ladder
    assert (one.connections, one.served, one.waiting) == (1, 1, 0)
    assert (ten.connections, ten.served, ten.waiting) == (10, 10, 0)
    assert one.throughput_per_s > 0
    assert results.backlog.explanation[0].startswith("301 connects completed at once")
    assert any(
        "All of 10 connections that asked" in sentence for sentence in results.backlog.explanation
    )
    assert (tmp_path / "index.html").exists()
