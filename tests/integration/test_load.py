"""Load runs as a user starts them: processes, sockets, signals."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.listening import free_port
from tests.support.server_process import running
from tests.support.spoiling_server import serving
from wireproof.errors import CannotRunError
from wireproof.histogram import Histogram, index_of
from wireproof.load.launch import run_load
from wireproof.load.locust_process import LOCUSTFILE
from wireproof.load.objectives import parse_objective
from wireproof.load.spec import LoadSpec
from wireproof.results import Second

PROJECT = Path(__file__).parents[2]
CONNECTIONS = 50


def test_every_reply_of_a_closed_loop_is_counted_and_verified():
    """The figures agree with each other, and each of the seconds was handed out as it passed."""
    seconds: list[Second] = []
    with running("--port", "0", "--workers", "1") as server:
        spec = LoadSpec(target=server.targets[0], users=[10], seconds=1.5, warm_up_s=0.3)
        result = run_load(spec, seconds.append)
    assert result.failures == {}
    assert not result.partial
    assert result.requests == result.latency_us["service"].count > 100
    assert Histogram.decode(result.histograms["service"]).count == result.requests
    assert result.users == 10
    # Kernel timestamps end before we read; a sample of the replies has one.
    assert 0 < result.latency_us["wire"].count <= result.requests
    assert result.latency_us["wire"].p50 > 0
    assert [second.at_s for second in seconds] == [float(at) for at in range(1, len(seconds) + 1)]
    assert sum(second.requests for second in seconds) >= result.requests


def test_the_command_line_stays_free_of_locust():
    """Locust patches the process that imports it, so whoever starts a load does not."""
    program = (
        "import sys, wireproof.load.launch\nsys.exit(bool({'locust', 'gevent'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_two_workers_on_a_schedule_send_exactly_what_was_asked_for():
    """An open loop of 600/s over two processes and 2 s is 1200 requests, by either clock."""
    with running("--port", "0", "--workers", "1") as server:
        spec = LoadSpec(
            target=server.targets[0],
            users=[8],
            seconds=2.0,
            warm_up_s=0.3,
            rate_per_s=600.0,
            processes=2,
        )
        result = run_load(spec)
    assert not result.partial, result.notes
    assert result.requests == 1200
    assert result.latency_us["scheduled"].count == 1200
    assert result.details["workers"] == 2
    assert result.bottleneck == "undetermined"


def test_stages_pipelining_and_sizes():
    """Stages stand apart; pipelined requests of many sizes are verified as single ones are."""
    with running("--port", "0", "--workers", "1") as server:
        spec = LoadSpec(
            target=server.targets[0],
            users=[2, 5],
            seconds=0.6,
            warm_up_s=0.1,
            pipeline=4,
            payload="1-3000",
            seed=7,
        )
        result = run_load(spec)
    assert result.failures == {}
    assert [stage.users for stage in result.stages] == [2, 5]
    assert sum(stage.requests for stage in result.stages) == result.requests > 0


@pytest.mark.parametrize("transport", ["tcp", "unix", "tls"])
def test_one_spoiled_reply_among_many_is_found_and_shown(transport: str, tmp_path: Path):
    """A reply of which one byte is wrong is counted once, and its bytes are in the result."""
    with serving(transport, tmp_path, spoil_one_in=500) as target:
        spec = LoadSpec(target=target, protocol="echo", users=[4], seconds=3.0, warm_up_s=0.2)
        result = run_load(spec)
    spoiled = result.failures["wrong reply"] + result.details.get(
        "failures_while_warming_up", {}
    ).get("wrong reply", 0)
    assert spoiled >= result.requests // 500 - 1
    assert result.requests > 500
    sample = result.details["samples"][0]
    assert "SPOILED" in sample["actual"]
    assert "wireproof check" in result.details["hints"]["wrong reply"]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("transport", ["tcp", "unix", "tls", "udp"])
def test_the_server_received_what_the_result_accounts_for(
    transport: str, processes: int, tmp_path: Path
):
    """Every request that left is in the result, and is right: none is lost at a border."""
    received: list[int] = []
    with serving(transport, tmp_path, received=received) as target:
        spec = LoadSpec(
            target=target,
            protocol="echo",
            users=[4, 2],
            seconds=0.5,
            warm_up_s=0.2,
            payload="64",
            processes=processes,
            connection_lifetime_s=0.2,
        )
        result = run_load(spec)
    assert result.failures == {}
    assert result.right == result.requests > 100
    assert result.requests + result.details["requests_while_warming_up"] == sum(received) // 64


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_server_ignored_at_the_end_is_unanswered(processes: int, tmp_path: Path):
    """A server that answers nothing any more shows, however little of it is left to see."""
    total, ignored, rate = 1000, 5, 1000.0
    with serving("tcp", tmp_path, ignore_from=total - ignored) as target:
        spec = LoadSpec(
            target=target,
            protocol="echo",
            users=[20],
            seconds=total / rate,
            warm_up_s=0.0,
            rate_per_s=rate,
            processes=processes,
            timeout_s=1.0,
        )
        result = run_load(spec)
    assert (result.requests, result.right) == (total, total - ignored)
    assert result.failures == {"unanswered": ignored}
    assert result.throughput_per_s == pytest.approx((total - ignored) * rate / total, rel=1e-3)
    objective = parse_objective("errors==0").judge(result)
    assert (objective["met"], objective["measured"]) == (False, "5")


def test_the_end_of_the_stream_right_behind_a_reply_is_seen(tmp_path: Path):
    """A server that ends its stream with a right reply, and reads on, is no timeout."""
    with serving("tcp", tmp_path, end_one_in=100) as target:
        spec = LoadSpec(target=target, protocol="echo", users=[4], seconds=2.0, warm_up_s=0.1)
        result = run_load(spec)
    assert result.requests > 200
    assert set(result.failures) == {"EOF before reply"}
    assert result.failures["EOF before reply"] >= result.requests // 100 - 4


def test_datagrams_lost_and_repeated_are_told_apart(tmp_path: Path):
    """Over UDP the load goes on after a loss, and counts losses and repeated replies."""
    with serving("udp", tmp_path, lose_one_in=101, repeat_one_in=37) as target:
        spec = LoadSpec(
            target=target, protocol="echo", users=[4], seconds=2.0, warm_up_s=0.1, timeout_s=0.1
        )
        result = run_load(spec)
    assert result.requests > 100
    assert result.failures.keys() == {"lost", "duplicate reply"}
    assert result.failures["lost"] == result.requests - result.right
    assert result.failures["lost"] >= result.requests // 101 - 10
    assert result.incidents == {"duplicate reply": result.failures["duplicate reply"]}
    assert result.failures["duplicate reply"] >= result.requests // 40 - 10


def test_each_hundredth_datagram_is_dropped_and_each_is_counted(tmp_path: Path):
    """Of 10,000 datagrams 100 are dropped, and the result has 100 of them."""
    with serving("udp", tmp_path, lose_one_in=100) as target:
        spec = LoadSpec(
            target=target,
            protocol="echo",
            users=[50],
            seconds=5.0,
            warm_up_s=0.0,
            rate_per_s=2000.0,
            timeout_s=0.5,
        )
        result = run_load(spec)
    assert result.requests == 10_000
    # The last one may still be waited for when a busy machine ends the run.
    assert result.failures.keys() <= {"lost", "unanswered"}
    assert sum(result.failures.values()) == 100
    assert result.throughput_per_s == 9900 / 5


def test_a_server_that_never_answers_is_a_timeout(tmp_path: Path):
    """Nobody waits for ever: every request fails, with a cause and what to do."""
    with serving("tcp", tmp_path, ignore_from=0) as target:
        spec = LoadSpec(
            target=target, protocol="echo", users=[3], seconds=1.0, warm_up_s=0.0, timeout_s=0.3
        )
        result = run_load(spec)
    assert result.right == 0
    # What was sent less than a timeout before the end has no reply before the load is over.
    assert result.failures.keys() == {"timeout", "unanswered"}
    assert sum(result.failures.values()) == result.requests
    assert result.details["hints"].keys() == result.failures.keys()


def test_nothing_listens():
    """A load on nothing ends at once, in words."""
    with running("--port", "0", "--workers", "1") as server:
        target = server.targets[0]
    spec = LoadSpec(target=target, users=[2], seconds=30.0, warm_up_s=0.0)
    with pytest.raises(CannotRunError, match="refused"):
        run_load(spec)


def test_a_server_killed_midway_ends_the_run_with_what_was_measured():
    """The run does not go on for ever against nothing; it says what happened."""
    with running("--port", "0", "--workers", "1") as server:

        def kill_all(second: Second) -> None:
            if second.at_s == 1.0:
                children = server.children()
                server.process.kill()  # first, or it would replace the worker
                for child in children:
                    os.kill(child, signal.SIGKILL)

        spec = LoadSpec(target=server.targets[0], users=[4], seconds=60.0, warm_up_s=0.1)
        result = run_load(spec, kill_all)
    assert result.partial
    assert any("server is gone" in note for note in result.notes)
    assert result.requests > 0
    assert result.failures["refused"] >= 1


def test_a_worker_killed_midway_leaves_the_others_figures():
    """The result is marked partial and names the process; what the other counted is there."""
    with running("--port", "0", "--workers", "1") as server:
        victims: list[int] = []

        def kill_one(second: Second) -> None:
            if second.at_s == 1.0 and not victims:
                victims.append(load_worker())
                os.kill(victims[0], signal.SIGKILL)

        spec = LoadSpec(
            target=server.targets[0], users=[4], seconds=2.5, warm_up_s=0.1, processes=2
        )
        result = run_load(spec, kill_one)
    assert victims
    assert result.partial
    assert any(f"(pid {victims[0]}) was killed by signal 9" in note for note in result.notes)
    assert result.requests > 0
    assert result.seconds > 2


def load_worker() -> int:
    """Return the process id of one worker of the load that this process runs."""
    ours = Path(f"/proc/self/task/{threading.main_thread().native_id}/children").read_text().split()
    commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in ours}
    return next(pid for pid, command in commands.items() if b"--worker\0" in command)


@pytest.mark.quiet
def test_the_stall_experiment():
    """A server stopped for 1.4 s at 2000 requests/s shows in `scheduled` as arithmetic says.

    Requests are due every 0.5 ms for T = 1.2 s, and the server is stopped for S seconds in the
    first half of that; nothing is due any more when it goes on. A share q of the requests is due in
    q * T seconds. One that is due x seconds after the stop waits S - x, so the slowest are those
    due first: a latency of L or more have all that are due in the first S - L seconds, a share
    (S - L) / T. So the percentile of 1 - q is S - q * T, as long as that many are due after the
    stop, which is so for half of them and fewer:

        p99.9 = S - 0.0012 s     p99 = S - 0.012 s     p90 = S - 0.12 s     p50 = S - 0.6 s

    Once the server goes on, the R * x requests due before that one are answered first, at a
    capacity of C a second; that adds R * x / C, a few percent. C is not fitted to these
    percentiles: how many waited, and when the drain ended, tell it.

    A closed loop, or `service`, sees the stall once a connection: 50 of 2400 requests are 2.1 %,
    and its p90 knows nothing of it. That is the lie of coordinated omission.
    """
    compared = stall_and_compare(steady_s=1.2, stall_s=1.4, rate=2000.0)
    for name, (found, due) in compared.items():
        assert found == pytest.approx(due, rel=0.03), f"{name} of {compared}"


def stall_and_compare(
    *, steady_s: float, stall_s: float, rate: float
) -> dict[str, tuple[float, float]]:
    """Return the percentiles of `scheduled` as measured and as the arithmetic has them, in µs."""
    with running("--port", "0", "--workers", "1") as server:
        children = server.children()
        stopped_at: list[float] = []
        went_on_at: list[float] = []

        def stall(second: Second) -> None:
            if second.at_s != 1.0:
                return

            def go_on() -> None:
                for child in children:
                    os.kill(child, signal.SIGCONT)
                went_on_at.append(time.monotonic())

            stopped_at.append(time.monotonic())
            for child in children:
                os.kill(child, signal.SIGSTOP)
            threading.Timer(stall_s, go_on).start()

        spec = LoadSpec(
            target=server.targets[0],
            users=[CONNECTIONS],
            seconds=steady_s,
            warm_up_s=0.75,
            rate_per_s=rate,
        )
        result = run_load(spec, stall)
    scheduled, service = result.latency_us["scheduled"], result.latency_us["service"]
    assert scheduled.count == service.count == steady_s * rate
    # The signals bound the stall from below; on a busy machine the server needs a while to get a
    # CPU again, which the requests that were under way tell.
    stall_us = service.max
    assert 0.99 < stall_us / ((went_on_at[0] - stopped_at[0]) * 1e6) < 1.2
    assert service.p90 < 0.1 * stall_us
    found = Histogram.decode(result.histograms["scheduled"]).counts
    waited = sum(found[index_of(int(0.1 * stall_us)) :])  # those due while the server was stopped
    # They were due until the end, so the stop began `waited` periods before it; what is left of the
    # drain once the server went on is the time that it needed for them.
    backlog_us = (waited / rate + result.drain_seconds) * 1e6 - stall_us
    capacity = (waited - CONNECTIONS) / backlog_us * 1e6
    compared = {}
    for name, share in (("p99_9", 0.001), ("p99", 0.01), ("p90", 0.1), ("p50", 0.5)):
        due_s = share * steady_s
        due_us = stall_us - (due_s - rate * due_s / capacity) * 1e6
        compared[name] = (getattr(scheduled, name), due_us)
    return compared


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=" ".join)
def test_locust_alone_starts_the_reference_server(processes: tuple[str, ...]):
    """`locust -f harness/locustfile.py` without a host is a whole load run."""
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", *processes]
    port = str(free_port())
    command += ["--master-bind-port", port, "--master-port", port]
    run = subprocess.run(
        [*command, "-u", "5", "-r", "5", "-t", "3s", "--only-summary", "--json"],
        check=False,
        capture_output=True,
        timeout=60,
        cwd=PROJECT,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert b'"name": "timestamp-echo"' in run.stdout
    assert b'"num_failures": 0' in run.stdout
