"""Hand-written users: tasks over a socket, reported as Locust reports requests."""

import contextlib
import csv
import json
import re
import select
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.listening import free_port
from tests.support.spoiling_server import serving
from wireproof.deadline import Deadline

PROJECT = Path(__file__).parents[2]

TASKS = """
import gevent
from locust import constant, events, task

from wireproof.load.on_locust.users import SocketUser


requests = []


@events.request.add_listener
def end_after_enough(name, **_):
    requests.append(name)
    if len(requests) == 60:
        gevent.spawn(runners[0].quit)


runners = []
events.test_start.add_listener(lambda environment, **_: runners.append(environment.runner))


class ByHand(SocketUser):
    wait_time = constant(0.01)

    @task
    def good(self):
        reply = self.client.request(b"hello\\n", name="until", until=b"\\n")
        assert reply.data == b"hello\\n", reply
        assert self.client.request(b"12345", name="length", length=5).data == b"12345"
        self.client.send(b"a\\nb\\n")
        assert self.client.receive(until=b"\\n") == b"a\\n"
        assert self.client.receive(until=b"\\n") == b"b\\n"
        with self.client.request(b"x", name="caught", length=1, catch_response=True) as reply:
            reply.failure("not what I wanted")
        self.client.reset()


class Judged(SocketUser):
    protocol = "echo"
    wait_time = constant(0.01)

    @task
    def verified(self):
        self.client.request(b"verified", name="verified")
"""


def locust(folder: Path, tasks: str, target: str) -> dict[str, dict[str, float]]:
    """Run Locust on these tasks; its statistics by name."""
    file = folder / "tasks.py"
    file.write_text(tasks)
    command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--host", target]
    run = subprocess.run(
        [*command, "-u", "2", "-r", "2", "-t", "60s", "--only-summary", "--json", "--skip-log"],
        check=False,
        capture_output=True,
        timeout=90,
        cwd=PROJECT,
    )
    assert run.returncode in {0, 1}, run.stderr.decode()
    assert b"Traceback" not in run.stderr, run.stderr.decode()
    return {entry["name"]: entry for entry in json.loads(run.stdout)}


@pytest.mark.parametrize("transport", ["tcp", "unix", "tls"])
def test_tasks_by_hand(transport: str, tmp_path: Path):
    """Replies end where the task says, names are the task's, and a caught reply may be failed."""
    with serving(transport, tmp_path) as target:
        found = locust(tmp_path, TASKS, target)
    assert found.keys() == {"until", "length", "caught", "verified"}
    assert all(entry["num_requests"] > 0 for entry in found.values())
    assert found["caught"]["num_failures"] == found["caught"]["num_requests"]
    assert all(found[name]["num_failures"] == 0 for name in ("until", "length", "verified"))


def test_a_wrong_reply_is_a_failed_request(tmp_path: Path):
    """A user with a protocol has every reply verified, and goes on with a new connection."""
    with serving("tcp", tmp_path, spoil_one_in=3) as target:
        found = locust(tmp_path, TASKS.partition("class ByHand")[0] + JUDGED, target)
    entry = found["verified"]
    assert 0 < entry["num_failures"] < entry["num_requests"]


JUDGED = "class Judged" + TASKS.partition("class Judged")[2]


def test_a_wrong_reply_may_be_called_good(tmp_path: Path):
    """A task that knows better counts as good what the protocol calls wrong."""
    with serving("tcp", tmp_path, spoil_one_in=3) as target:
        found = locust(tmp_path, TASKS.partition("class ByHand")[0] + FORGIVING, target)
    assert found["wrong, and known to be"]["num_requests"] > 0
    assert all(entry["num_failures"] == 0 for entry in found.values())


FORGIVING = """
class Forgiving(SocketUser):
    protocol = "echo"
    wait_time = constant(0.01)

    @task
    def verified(self):
        with self.client.request(b"any", name="any", catch_response=True) as reply:
            was_right = reply.ok
            reply.success()
        if not was_right:
            events.request.fire(
                request_type="told",
                name="wrong, and known to be",
                response_time=0,
                response_length=0,
                exception=None,
                context={},
            )
"""


def test_datagrams(tmp_path: Path):
    """Over UDP a reply is a datagram."""
    tasks = TASKS.partition("class ByHand")[0] + (
        "class Datagrams(SocketUser):\n"
        "    wait_time = constant(0.01)\n\n"
        "    @task\n"
        "    def once(self):\n"
        '        assert self.client.request(b"ping", name="udp").data == b"ping"\n'
    )
    with serving("udp", tmp_path) as target:
        found = locust(tmp_path, tasks, target)
    assert found["udp"]["num_requests"] > 0
    assert found["udp"]["num_failures"] == 0


def test_the_web_interface_has_our_tab():
    """The tab's table has latencies in microseconds and the accept queue, while the load runs."""
    command = [sys.executable, "-m", "locust", "-f", str(PROJECT / "harness" / "locustfile.py")]
    web = ["--web-host", "127.0.0.1", "--web-port", str(port := free_port())]
    process = subprocess.Popen(
        [*command, *web, "--autostart", "-u", "3", "-r", "3", "--warm-up", "0", "--skip-log"],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
    )
    try:
        rows = wait_for_rows(f"http://127.0.0.1:{port}/stats/requests", "service", "wire")
    finally:
        process.terminate()
        process.wait(30)
    assert rows["service"]["p50"] > 0
    assert rows["wire"]["p50"] <= rows["service"]["max"]
    assert rows["ListenOverflows"]["count"] >= 0  # the whole machine's, other tests included


def wait_for_rows(url: str, *names: str) -> dict[str, dict[str, Any]]:
    """Ask until the table has these rows."""
    deadline = Deadline(60)
    while not deadline.expired:
        with contextlib.suppress(OSError, KeyError), urllib.request.urlopen(url) as answer:  # noqa: S310
            (table,) = json.load(answer)["extended_stats"]
            rows = {row["what"]: row for row in table["data"]}
            if rows.keys() >= set(names):
                return rows
        select.select([], [], [], 0.1)
    raise AssertionError(f"no rows {names} in time")


_LOCUST = (sys.executable, "-m", "locust", "-f")
_HEADLESS = ("--headless", "--host")
_FOUR_USERS = ("--users", "4", "--run-time", "2s", "--expect-workers", "2")
PAGE = (PROJECT / "docs" / "how-to" / "locust.md").read_text(encoding="utf-8")


def written(folder: Path, name: str) -> Path:
    """Write a file of the page about Locust, its steps in seconds and not minutes."""
    found = re.search(rf"<!-- file: {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    file = folder / name
    file.write_text(found[1].replace("(60, 50), (120, 200), (180, 20)", "(1, 2), (2, 4)"))
    return file


def requests_in(file: Path) -> dict[str, int]:
    """Return how many requests a CSV file of Locust's has, by name."""
    with file.open(newline="") as rows:
        return {line["Name"]: int(line["Request Count"]) for line in csv.DictReader(rows)}


def test_the_page_about_locust_works(tmp_path: Path):
    """Its locustfile and its shape, with --headless, --csv and --html: all that ran is told."""
    files = f"{written(tmp_path, 'game.py')},{written(tmp_path, 'shape.py')}"
    with serving("tcp", tmp_path) as target:
        run = subprocess.run(
            [*_LOCUST, files, *_HEADLESS, target, "--csv", "of", "--html", "page.html"],
            check=True,
            capture_output=True,
            timeout=60,
            cwd=tmp_path,
            text=True,
        )
    counts = requests_in(tmp_path / "of_stats.csv")
    assert counts.keys() == {"move", "look", "echo", "Aggregated"}
    assert counts["Aggregated"] == counts["move"] + counts["look"] + counts["echo"]
    in_us = dict(re.findall(r"^tcp (\w+) +([\d,]+)", run.stderr, re.MULTILINE))
    assert {name: int(number.replace(",", "")) for name, number in in_us.items()} == {
        name: counts[name] for name in ("move", "look", "echo")
    }
    assert "look" in (tmp_path / "page.html").read_text()


def test_users_of_ones_own_on_a_master_and_two_workers(tmp_path: Path):
    """The master's CSV file and table have what both workers sent, and the server received."""
    command = [*_LOCUST, str(written(tmp_path, "game.py"))]
    host, port = "127.0.79.1", str(free_port())
    secret = ["--secret-file", str(tmp_path / "secret")]
    at_home = ["--master", "--master-bind-host", host, "--master-bind-port", port]
    received: list[int] = []
    with serving("tcp", tmp_path, received=received) as target:
        master = subprocess.Popen(
            [*command, *_HEADLESS, target, *_FOUR_USERS, *secret, *at_home, "--csv", "of"],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        workers = []
        try:
            wait_for_file(tmp_path / "secret", master)
            place = ["--host", target, "--worker", "--master-host", host, "--master-port", port]
            workers = [
                subprocess.Popen(
                    [*command, *place, *secret], cwd=tmp_path, stderr=subprocess.DEVNULL
                )
                for _ in range(2)
            ]
            _, said = master.communicate(timeout=60)
        finally:
            for process in (master, *workers):
                process.kill()
                process.wait()
    assert master.returncode == 0, said
    counts = requests_in(tmp_path / "of_stats.csv")
    assert counts.keys() == {"move", "look", "echo", "Aggregated"}
    assert 0 <= len(received) - counts["Aggregated"] <= 4  # what was under way at the end
    in_us = dict(re.findall(r"^tcp (\w+) +([\d,]+)", said, re.MULTILINE))
    assert int(in_us["echo"].replace(",", "")) == counts["echo"]


def wait_for_file(path: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until it is there and whole, as long as the process lives."""
    deadline = Deadline(60)
    while not (path.exists() and path.stat().st_size):
        assert process.poll() is None, process.communicate()
        assert not deadline.expired
        select.select([], [], [], 0.05)
