"""Load goes to machines one owns: nothing is sent anywhere else, whatever a name resolves to."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.servers import Serving, echoing, one_read_one_line
from wireproof.cli import invoke
from wireproof.conformance import replay
from wireproof.errors import UsageError
from wireproof.load.launch import run_load
from wireproof.load.locust_process import LOCUSTFILE
from wireproof.load.spec import LoadSpec

FOREIGN = "192.0.2.1"  # TEST-NET-1, RFC 5737: nobody's
_lookups = socket.getaddrinfo


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Have the name `server.test` resolve to the given answers, one after the other."""

    def answer(*answers: list[str]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, **options: object) -> list[object]:
            if host != "server.test":
                return list(_lookups(host, port, **options))  # type: ignore[arg-type]
            addresses = answers[min(len(asked), len(answers) - 1)]
            asked.append(host)
            return [one for address in addresses for one in _lookups(address, port, **options)]  # type: ignore[arg-type]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return answer


@pytest.fixture
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail as soon as a socket is to be connected, or sent from."""

    def refuse(self: socket.socket, *where: object) -> None:
        raise AssertionError(f"something was sent to {where}")

    monkeypatch.setattr(socket, "socket", type("Socket", (socket.socket,), {"connect": refuse}))


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize("command", ["run", "check", "load", "backlog", "talk"])
@pytest.mark.parametrize(
    "host",
    [
        FOREIGN,
        f"[::ffff:{FOREIGN}]",
        "3221225985",  # 192.0.2.1 in one number
        "0300.0.02.01",  # and in octal
        "0xc0.0.0x2.1",
        "0.0.0.0",
        "[::]",
        "255.255.255.255",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",  # loopback, translated by a gateway
    ],
)
def test_every_command_refuses_what_is_not_this_machine(
    command: str, host: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """However an address is written, it is refused in two lines that name the way out."""
    out = [] if command == "talk" else ["--out", str(tmp_path / "out")]
    assert invoke([command, f"tcp://{host}:9", *out]) == 2
    said = capfd.readouterr().err
    assert "--allow-host" in said
    assert len(said.splitlines()) == 2


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize("answers", [[FOREIGN], ["127.0.0.1", FOREIGN], [FOREIGN, "::1"]])
def test_a_name_is_refused_for_any_of_its_addresses(
    names: Callable[..., list[str]], answers: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """A name that means this machine and another one does not mean this machine."""
    names(answers)
    assert invoke(["check", "tcp://server.test:9"]) == 2
    assert FOREIGN in capfd.readouterr().err


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_other_spellings_of_this_machine_are_this_machine(
    host: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What counts is the address that is connected to."""
    with Serving(echoing) as server:
        target = f"tcp://{host}:{server.target.port}"
        out = str(tmp_path / "out")
        code = invoke(
            ["check", target, "--protocol", "echo", "--only", "BASE-ANSWER", "--out", out]
        )
    assert code == 0, capfd.readouterr()


def test_check_looks_a_name_up_once(
    names: Callable[..., list[str]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A name that turns elsewhere after the first look-up leads nothing there."""
    asked = names(["127.0.0.1"], [FOREIGN])
    with Serving(echoing) as server:
        target = f"tcp://server.test:{server.target.port}"
        options = ["--protocol", "echo", "--only", "BASE-*", "--depth", "quick"]
        assert invoke(["check", target, *options, "--out", str(tmp_path / "out")]) == 0
    assert len(asked) == 1
    del capfd


def test_load_processes_go_where_the_first_look_up_led(names: Callable[..., list[str]]) -> None:
    """Two workers in processes of their own, which cannot resolve the name, find the server."""
    asked = names(["127.0.0.1"], [FOREIGN])
    with Serving(echoing) as server:
        plan = LoadSpec(
            target=f"tcp://server.test:{server.target.port}",
            protocol="echo",
            users=[2],
            processes=2,
            seconds=0.3,
            warm_up_s=0.0,
        )
        result = run_load(plan)
    assert result.requests > 0
    assert len(asked) == 1


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_pinned_address_passes_the_same_gate() -> None:
    """A plan from elsewhere that pins a foreign address is refused like the address itself."""
    with pytest.raises(UsageError, match="--allow-host"):
        run_load(LoadSpec(target="tcp://localhost:9", pin=FOREIGN))


def test_a_recorded_failure_is_not_replayed_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The target within a replay file passes the gate as any other does."""
    with Serving(one_read_one_line) as server:
        protocol = f"{Path(__file__).parents[1] / 'support' / 'servers.py'}:Shout"
        out = ["--depth", "quick", "--only", "SEG-OCTETS", "--out", str(tmp_path)]
        assert invoke(["check", str(server.target), "--protocol", protocol, *out]) == 1
    capfd.readouterr()
    (case,) = tmp_path.glob("evidence/*/replay.json")
    text = case.read_text()
    case.write_text(text.replace(str(server.target), f"tcp://{FOREIGN}:9"))

    asked: list[object] = []

    def refuse(self: socket.socket, where: object) -> None:
        asked.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "socket", type("Socket", (socket.socket,), {"connect": refuse}))
    assert invoke(["replay", str(case), "--protocol", protocol]) == 2
    assert f"--allow-host {FOREIGN}" in capfd.readouterr().err
    with pytest.raises(UsageError):
        replay(case, protocol=protocol)
    assert not asked
    assert invoke(["replay", str(case), "--protocol", protocol, "--allow-host", FOREIGN]) == 3
    assert asked == [(FOREIGN, 9)]


def test_the_locustfile_refuses_too() -> None:
    """`locust -f harness/locustfile.py --host` has the same gate, before anything is sent."""
    options = ["--headless", "-u", "1", "-t", "3", "--host", f"tcp://{FOREIGN}:9"]
    ended = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"--allow-host {FOREIGN}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 2


@pytest.mark.parametrize("role", ["--master", "--worker"])
def test_locust_without_a_secret_leads_nobody_and_follows_nobody(role: str) -> None:
    """Either would take anybody for one of the run; it is told what to write, in two lines."""
    ended = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), role, "--headless", "--skip-log"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "--secret-file" in ended.stderr
    assert len(ended.stderr.splitlines()) == 2
