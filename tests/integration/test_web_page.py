"""Locust's web page takes numbers for this run from its own pages, and nothing from others."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.listening import free_port
from tests.support.server_process import wait_until_ended
from tests.support.servers import Serving, echoing

_TIMEOUT_S = 60
_LOCUSTFILE = Path(__file__).parents[2] / "harness" / "locustfile.py"
_HOST = "127.0.78.1"  # one of its own, so that nobody else takes a port meanwhile
_FOREIGN = "192.0.2.1"  # TEST-NET-1, RFC 5737
# What a stranger would have imported; it says that it was.
_EVIL = """
from pathlib import Path
Path(__file__).with_name("imported").touch()
from wireproof import Delimited

class Evil(Delimited):
    name = "evil"
"""


class _Page:
    """The page of a Locust with a worker process, and the servers that it might load."""

    def __init__(self, port: int, target: str, folder: Path) -> None:
        self.port = port
        self.target = target
        self.folder = folder

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, str]:
        """Status and text."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        if body is not None and "Content-Type" not in named:
            named["Content-Type"] = "application/x-www-form-urlencoded"
        connection = HTTPConnection(_HOST, self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def start(self, **fields: Any) -> dict[str, Any]:
        """What the page says to a form that starts a load."""
        form = urllib.parse.urlencode({"user_count": 2, "spawn_rate": 2, **fields})
        status, text = self.ask("POST", "/swarm", form)
        assert status == 200
        return dict(json.loads(text))

    def stats(self) -> dict[str, Any]:
        """What the page's table is drawn from."""
        return dict(json.loads(self.ask("GET", "/stats/requests")[1]))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Page]:
    """A page whose target is a server of ours."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "evil.py").write_text(_EVIL)
    with Serving(echoing) as server, (folder / "stderr").open("wb") as said:
        target = str(server.target)
        options = ("-H", target, "--protocol", "echo", "--processes", "1", "--class-picker")
        web_port, port = (
            free_port(_HOST),
            str(free_port(_HOST)),
        )  # Locust's workers have to be told which
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), *options),
                *("--web-port", str(web_port), "--warm-up", "0"),
                *("--web-host", _HOST, "--master-bind-host", _HOST, "--master-host", _HOST),
                *("--master-bind-port", port, "--master-port", port),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            page = _Page(web_port, target, folder)
            _await_worker(page, process)
            yield page
        finally:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            process.kill()
            process.wait(_TIMEOUT_S)
            for pid in children:
                wait_until_ended(int(pid))


def _await_worker(page: _Page, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None
        with contextlib.suppress(OSError):
            if json.loads(page.ask("GET", "/worker-count")[1])["worker_count"] == 1:
                return
        os.sched_yield()
    raise AssertionError("no page in time")


@pytest.mark.parametrize(
    "fields",
    [
        {"protocol": "evil.py:Evil"},
        {"protocol": "evil.py:Evil", "allow_host": _FOREIGN},
        {"host": f"tcp://{_FOREIGN}:9"},
        {"host": "tcp://127.0.0.1:9"},
        {"allow_host": _FOREIGN},
        {"settings": "path=/etc/passwd"},
        {"wireproof_spec": '{"target": "tcp://127.0.0.1:9"}'},
        {"html_file": "written.html"},
        {"json_file": "written"},
        {"csv_prefix": "written"},
        {"locustfile": "evil.py"},
        {"master_host": _FOREIGN},
        {"secret_file": "/etc/passwd"},
        {"exit_code_on_error": "0"},
        {"user_count": 10**7},
        {"user_count": "9" * 5000},
        {"rate": "-1"},
        {"rate": "nan"},
        {"rate": "1e308"},
        {"rate": "fast"},
        {"run_time": "9999999999999h"},
    ],
    ids=" ".join,
)
def test_the_page_sets_users_rate_and_time_alone(fields: dict[str, Any], page: _Page) -> None:
    """All else is refused in a line, and nothing begins."""
    said = page.start(**fields)
    assert said["success"] is False
    assert said["message"]
    assert "\n" not in said["message"]
    assert said["host"] == page.target
    assert page.stats()["state"] in {"ready", "stopped"}
    assert page.stats()["user_count"] == 0
    assert not (page.folder / "imported").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"host": f"tcp://{_FOREIGN}:9"},
        {"protocol": "evil.py:Evil"},
        {"tasks": [], "allow_hosts": [_FOREIGN]},
    ],
)
def test_the_page_sets_nothing_else_of_a_user_class(change: dict[str, Any], page: _Page) -> None:
    """Its host, protocol and allowed hosts are its file's."""
    settings = json.dumps({"user_class_name": "Connection", **change})
    status, said = page.ask("POST", "/user", settings, Content_Type="application/json")
    assert status >= 400
    assert "stays as its file has it" in said


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": f"{_FOREIGN}:8089"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
    ids=str,
)
def test_another_sites_requests_are_refused(headers: dict[str, str], page: _Page) -> None:
    """A name that was rebound, and a form of another site."""
    form = urllib.parse.urlencode({"user_count": 1, "spawn_rate": 1})
    status, said = page.ask("POST", "/swarm", form, **headers)
    assert status == 403
    assert said.startswith("wireproof: ")
    assert page.stats()["user_count"] == 0


def test_no_other_site_reads_the_page(page: _Page) -> None:
    """Locust's own page allows every site to."""
    connection = HTTPConnection(_HOST, page.port, timeout=_TIMEOUT_S)
    connection.request("GET", "/stats/requests")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.getheader("Access-Control-Allow-Origin") is None
    assert answer.getheader("X-Frame-Options") == "DENY"


def test_the_page_starts_changes_and_stops_a_load(page: _Page) -> None:
    """With all the fields that Locust's page sends, as they are, and from its own origin."""
    own = {"Origin": f"http://{_HOST}:{page.port}", "Sec_Fetch_Site": "same-origin"}
    assert page.ask("GET", "/")[0] == 200
    fields = {
        "user_count": 3,
        "spawn_rate": 3,
        "host": page.target,
        "rate": "60",
        "run_time": "",
        "protocol": "echo",
        "user_classes": "Connection",
    }
    status, text = page.ask("POST", "/swarm", urllib.parse.urlencode(fields), **own)
    assert (status, json.loads(text)["success"]) == (200, True), text
    deadline = time.monotonic() + _TIMEOUT_S
    while not (rows := _rows(page)).get("scheduled", {}).get("count"):
        assert time.monotonic() < deadline, page.stats()
    assert rows["service"]["count"]
    while page.stats()["user_count"] != 3:  # the page keeps them for two seconds
        assert time.monotonic() < deadline
    assert page.ask("POST", "/stop", "", **own)[0] == 200
    while page.stats()["state"] != "stopped":
        assert time.monotonic() < deadline


def _rows(page: _Page) -> dict[str, Any]:
    (table,) = page.stats()["extended_stats"]
    return {row["what"]: row for row in table["data"]}
