"""`wireproof between`: commands of all sorts, judged through a relay that cuts."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.between import ARTICLE, HEAD, SOUND, judged, python, verdicts
from tests.support.server_process import running
from tests.support.servers import Serving, one_read_one_line, shouting
from wireproof.cli import invoke
from wireproof.traffic.recordings import RECORDING_FORMAT, Head, RecordingWriter
from wireproof.wire.kernel.process import descendants_of

ONE_CUT = f"""{HEAD}
with connected() as s:  # takes a reply for whole where its first part has three bytes
    s.sendall(b"hello\\n")
    got = s.recv(4096)
    if len(got) != 3:
        while not got.endswith(b"\\n"):
            got += s.recv(4096)
    if got != b"HELLO\\n":
        sys.exit("wrong reply")
"""


@pytest.fixture
def server() -> Iterator[Serving]:
    """A sound server."""
    with Serving(shouting) as made:
        yield made


def test_a_sound_client_passes(server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every requirement holds, each cut confirmed by the kernel, in both directions."""
    monkeypatch.chdir(tmp_path)
    wanted = ("CLI-REPLY-*", "CLI-REQUEST-*", "CLI-GATHERED")
    options = tuple(word for name in wanted for word in ("--only", name))
    code, results = judged(server.target, *python(SOUND), options=options)
    assert code == 0, results
    assert set(verdicts(results).values()) <= {"PASS", "UNSUPPORTED"}
    cut = {one["id"]: one for one in results["check"]["requirements"]}
    for identifier in ("CLI-REPLY-OCTET", "CLI-REQUEST-OCTET", "CLI-REPLY-CUT", "CLI-REQUEST-CUT"):
        assert cut[identifier]["verdict"] == "PASS"
        assert cut[identifier]["delivery"] == "confirmed"


def test_the_relay_listens_where_it_is_told(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """On a path too, run after run, and nothing of it is left."""
    monkeypatch.chdir(tmp_path)
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        " s.sendall(b'hi\\n'); f = s.makefile('rb'); assert f.readline() == b'HI\\n'"
    )
    options = ("--listen", f"unix:{tmp_path}/relay", "--only", "CLI-REPLY-CUT")
    done, results = judged(server.target, *python(code), "{path}", options=options)
    assert done == 0, results
    assert not (tmp_path / "relay").exists()


def test_one_cut_is_found_where_octets_pass(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The only cut of six that breaks the client, five of five, and the client is named."""
    monkeypatch.chdir(tmp_path)
    options = ("--only", "CLI-REPLY-*")
    code, results = judged(server.target, *python(ONE_CUT), options=options)
    assert code == 1
    assert verdicts(results)["CLI-REPLY-OCTET"] == "PASS"
    assert verdicts(results)["CLI-REPLY-CUT"] == "FAIL"
    (cause,) = results["check"]["causes"]
    assert cause["sentence"].startswith("client: ")
    for words in (
        "exit status 1 (last log line: b'wrong reply'): cut in reply 1 after byte 3 of 6",
        (
            "b'HEL' | b'LO\\n', 5 of 5 runs; each other cut passes; everything reached the"
            " server unchanged"
        ),
    ):
        assert words in cause["sentence"]
    assert results["between"]["cuts"] == [
        {"cause": "C1", "direction": "reply", "message": 1, "offset": 3}
    ]
    evidence = {Path(one).name: tmp_path / "out" / one for one in cause["evidence"]}
    assert {"replay.json", "relay.py", "transcript.txt", "stderr.txt"} <= evidence.keys()
    assert b"wrong reply" in evidence["stderr.txt"].read_bytes()
    assert fails_behind(evidence["relay.py"], server, ONE_CUT)
    assert not fails_behind(evidence["relay.py"], server, SOUND)
    assert invoke(["report", "out/results.json", "--junit", "junit.xml"]) == 0
    assert "CLI-REPLY-CUT" in (tmp_path / "junit.xml").read_text()
    assert "wireproof replay" in (tmp_path / "out" / "index.html").read_text()


def fails_behind(script: Path, server: Serving, code: str) -> bool:
    """Whether a client fails behind the stand-alone relay that was left of a failure."""
    command = [sys.executable, "-I", "-S", str(script), f"127.0.0.1:{server.target.port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as relay:
        try:
            assert relay.stdout is not None
            host, _, port = relay.stdout.readline().decode().split()[-1].rpartition(":")
            where = os.environ | {"WIREPROOF_HOST": host, "WIREPROOF_PORT": port}
            done = subprocess.run(python(code), env=where, timeout=20, check=False)
        finally:
            relay.kill()
    return done.returncode != 0


def test_a_server_that_breaks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Octets of the requests are too much for it; the set of cuts is made small."""
    monkeypatch.chdir(tmp_path)
    options = ("--only", "CLI-REQUEST-OCTET", "--timeout", "3s")
    with Serving(one_read_one_line) as server:
        code, results = judged(server.target, *python(SOUND), options=options)
    assert code == 1
    (cause,) = results["check"]["causes"]
    assert cause["sentence"].startswith("server: ")
    assert len(results["between"]["cuts"]) == 1


def test_the_articles_client_fails_with_one_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    """It ends with 0 all the same; what it prints tells. A log shows meanwhile how far it is."""
    monkeypatch.chdir(tmp_path)
    with running("--port", "0") as server:
        typed = f"printf 'hello\\nworld\\n\\n' | {sys.executable} -S {shlex.quote(str(ARTICLE))}"
        options = ("--same-output", "--only", "CLI-REPLY-CUT", "--time-budget", "2s")
        code, results = judged(server.targets[0], "sh", "-c", typed, options=options)
    assert code == 1
    assert "s  uncut, run 1" in capsys.readouterr().err
    assert len(results["between"]["cuts"]) == 1
    assert results["check"]["causes"][0]["sentence"].startswith("client: ")


def test_the_articles_client_loses_a_request_of_998_bytes_uncut():
    """Its reply has 1025 bytes, of which it takes 1024."""
    with running("--port", "0") as server:
        host, port = server.address
        environment = os.environ | {"WIREPROOF_HOST": host, "WIREPROOF_PORT": str(port)}
        outputs = []
        for size in (997, 998):
            done = subprocess.run(
                [sys.executable, str(ARTICLE)],
                input=b"x" * size + b"\n\n",
                env=environment,
                capture_output=True,
                timeout=20,
                check=True,
            )
            outputs.append(done.stdout.count(b"x"))
    assert outputs == [997, 997]


def test_talk_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Our own client is judged as others are."""
    monkeypatch.chdir(tmp_path)
    wireproof = str(Path(sys.executable).with_name("wireproof"))
    with running("--port", "0") as server:
        typed = f"printf 'hello\\n\\n' | {wireproof} talk {{url}} | grep -q hello"
        options = ("--only", "CLI-REPLY-OCTET", "--only", "CLI-GATHERED")
        code, results = judged(server.targets[0], "sh", "-c", typed, options=options)
    assert code == 0, results


def test_a_command_that_never_connects_is_told(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    """With what to write."""
    monkeypatch.chdir(tmp_path)
    assert invoke(["between", str(server.target), "--", "true"]) == 3
    assert "{host} and {port}" in capsys.readouterr().err
    assert invoke(["between", str(server.target)]) == 2
    assert invoke(["between", str(server.target), "--", "no-such-command-there"]) == 2


def test_hostile_commands_are_survived_and_leave_nothing(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """One that prints without end, forks away, ignores signals and hangs."""
    monkeypatch.chdir(tmp_path)
    hostile = f"""{HEAD}
import signal, subprocess
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"],
                 start_new_session=True)
with connected() as s:
    s.sendall(b"hello\\n")
    line(s)
while True:
    os.write(1, b"x" * 65536)
"""
    before = descendants_of(os.getpid())
    code, results = judged(server.target, *python(hostile), options=("--timeout", "1500ms"))
    assert code == 3
    assert verdicts(results) == {"CLI-UNCUT": "INCONCLUSIVE"}
    assert descendants_of(os.getpid()) <= before
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_hostile_relay_stays_up_as_a_service(server: Serving, tmp_path: Path):
    """Any client of any language may connect, until the relay is asked to end."""
    command = [sys.executable, "-m", "wireproof", "between", str(server.target)]
    with subprocess.Popen(
        [*command, "--schedule", "octets"], cwd=tmp_path, stdout=subprocess.PIPE
    ) as relay:
        assert relay.stdout is not None
        said = relay.stdout.readline().decode()
        assert "reply bytes and request bytes one by one" in said
        host, _, port = said.split("//")[1].partition(",")[0].partition(":")
        where = os.environ | {"WIREPROOF_HOST": host, "WIREPROOF_PORT": port}
        sound = subprocess.run(python(SOUND), env=where, timeout=20, check=False)
        relay.send_signal(signal.SIGTERM)
        rest = relay.stdout.read().decode()
        assert relay.wait(20) == 0
    assert sound.returncode == 0
    assert "1 connection, 7 bytes from clients, 7 bytes from the server" in rest


def test_a_recording_plays_the_server(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A client is judged where its server can't be had."""
    monkeypatch.chdir(tmp_path)
    writer = RecordingWriter(Path("t.wireproof"), Head(RECORDING_FORMAT, "tcp://x:1", 0.0), 100_000)
    for what, data in (("open", b""), ("client", b"hello\n"), ("server", b"HELLO\n")):
        writer.add(0, what, data)  # type: ignore[arg-type]
    writer.close()
    asked = ["--depth", "quick", "--only", "CLI-REPLY-CUT", "--force", "--out", "out"]
    code = invoke(["between", "--serve", "t.wireproof", *asked, "--", *python(ONE_CUT)])
    assert code == 1
    found = json.loads(Path("out/results.json").read_text())
    assert [cut["offset"] for cut in found["between"]["cuts"]] == [3]
    assert found["target"] == "the server of t.wireproof"


def test_ones_own_tests_run_between(server: Serving, tmp_path: Path):
    """A line in conftest.py and one in the ini file; the report names the schedule that fails."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["wireproof.between.fixtures"]\n')
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nbetween_target = {server.target}\n")
    (tmp_path / "test_client.py").write_text(
        "import socket, pytest\n"
        "def asked(between):\n"
        "    with socket.create_connection((between.host, between.port), 20) as s:\n"
        "        s.sendall(b'hello\\n')\n"
        "        return s.recv(100)\n"
        "def test_naive(between):\n"
        "    assert asked(between) == b'HELLO\\n'\n"
        "@pytest.mark.between('gathered')\n"
        "def test_chosen(between):\n"
        "    assert asked(between) == b'HELLO\\n'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pytest.ini"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stdout
    failed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert failed == {
        f"test_client.py::test_naive[{name}]" for name in ("octets", "reply-octets", "drawn")
    }
    assert "reply-octets: reply bytes one by one" in done.stdout


def test_what_a_client_does_at_a_break_is_judged_on_wish(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A client that ends with an error is as `--expect error` wants it; else it is only told."""
    monkeypatch.chdir(tmp_path)
    for expect, wanted in (((), 0), (("--expect", "error"), 0), (("--expect", "success"), 1)):
        code, results = judged(
            server.target, *python(SOUND), options=("--only", "CLI-BROKEN", *expect)
        )
        assert code == wanted
        assert "exit status 1 in 8" in results["check"]["requirements"][-1]["message"]
