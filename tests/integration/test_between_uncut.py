"""`wireproof between` before it cuts: what uncut runs and traffic tell."""

import shlex
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.between import ARTICLE, HEAD, SOUND, judged, python, verdicts
from tests.support.server_process import running
from tests.support.servers import Serving, shouting
from wireproof.cli import invoke
from wireproof.traffic.recordings import RECORDING_FORMAT, Head, RecordingWriter

ONE_AT_A_TIME = f"""{HEAD}
with connected() as s:
    s.sendall(b"hello\\n")
    got = s.recv(4096)
    if TAKES_TURNS or not got.endswith(b"\\n"):
        os.mkdir("taken")  # who is second fails
        time.sleep(0.05)
        os.rmdir("taken")
    while not got.endswith(b"\\n"):
        got += s.recv(4096)
"""

RESETS = (
    "import struct; {}; s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))"
    "; s.close(); sys.exit('no such file')"
)
"""A client that has read all, and closes with a reset as a habit."""


@pytest.fixture
def server() -> Iterator[Serving]:
    """A sound server."""
    with Serving(shouting) as made:
        yield made


def test_a_command_that_is_unstable_by_itself_is_told(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is claimed of cuts."""
    monkeypatch.chdir(tmp_path)
    turns = "\nopen('runs', 'a').write('x')\nsys.exit(os.path.getsize('runs') % 2)"
    code, results = judged(server.target, *python(SOUND + turns))
    assert code == 3
    (line,) = results["check"]["requirements"]
    assert (line["id"], line["verdict"]) == ("CLI-UNCUT", "INCONCLUSIVE")
    assert "uncut it fails 2 of 3 times" in line["message"]


@pytest.mark.parametrize("takes_turns", [True, False])
def test_side_by_side_nothing_is_claimed_that_is_not_so_alone(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes_turns: bool
):
    """Commands that disturb each other run alone; if only cuts show it, each failure does again."""
    monkeypatch.chdir(tmp_path)
    program = f"import time\nTAKES_TURNS = {takes_turns}\n{ONE_AT_A_TIME}"
    options = ("--only", "CLI-REPLY-*", "--time-budget", "2s")
    code, results = judged(server.target, *python(program), options=options)
    assert code == 0, results
    assert set(verdicts(results).values()) == {"PASS"}
    between = results["between"]
    if takes_turns:
        assert between["jobs"] == 1
        assert "differ in their exit status" in between["why_alone"]
    else:
        assert between["jobs"] == 1 or between["only_beside"] > 0


def typed(line: str) -> tuple[str, ...]:
    """The article's client at a terminal, judged by whether a line comes back whole."""
    client = f"{sys.executable} -S {shlex.quote(str(ARTICLE))}"
    return "sh", "-c", f"printf '{line}\\n\\n' | {client} | grep -q '{line}$'"


def test_the_articles_client_fails_uncut_with_a_request_of_998_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its reply has 1025 bytes, of which it takes 1024; with 997 bytes it ends well."""
    monkeypatch.chdir(tmp_path)
    options = ("--only", "CLI-UNCUT")
    with running("--port", "0") as server:
        short_code, short = judged(server.targets[0], *typed("x" * 997), options=options)
        long_code, long = judged(server.targets[0], *typed("x" * 998), options=options)
    assert (long_code, short_code) == (1, 0)
    assert (verdicts(long), verdicts(short)) == ({"CLI-UNCUT": "FAIL"}, {"CLI-UNCUT": "PASS"})
    (cause,) = long["check"]["causes"]
    assert cause["sentence"].startswith("client: the command ends with exit status 1 each time")
    assert "a request of 998 bytes answered by a reply of 1,025 bytes" in cause["sentence"]
    evidence = {Path(one).name: tmp_path / "out" / one for one in cause["evidence"]}
    assert b"x" * 998 in evidence["synthesised.pcapng"].read_bytes()
    assert "relay.py" in evidence


def test_a_failure_that_needs_no_cut_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """`replay` runs it uncut, and says that it is fixed once it is."""
    monkeypatch.chdir(tmp_path)
    with running("--port", "0") as server:
        judged(server.targets[0], *typed("x" * 998), options=("--only", "CLI-UNCUT"))
        case = "out/evidence/CLI-UNCUT/replay.json"
        again = ["replay", case, "--run-command", "--runs", "2"]
        assert invoke(again) == 1
        assert "FAILS 2 of 2" in capsys.readouterr().out
        text = Path(case).read_text()
        Path(case).write_text(text.replace("x" * 998, "x" * 997))
        assert invoke(again) == 0
        assert "FIXED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ('line(s); sys.exit("no such file")', "it read all that it was sent"),
        ('s.close(); sys.exit("no such option")', "5 of 5 without the relay"),
        (RESETS.format("line(s)"), "5 of 5 without the relay"),
        (RESETS.format("s.recv(100)"), "5 of 5 without the relay"),
        ("\nwhile s.recv(1) != b'I': pass\ns.close(); sys.exit('refused')", "5 of 5 without"),
        ('line(s); s.sendall(b"bye\\n"); s.close(); sys.exit("wrong")', "5 of 5 without the relay"),
        ("line(s); sys.exit(os.environ['WIREPROOF_PORT'] != PORT)", "0 of 5 without the relay"),
    ],
)
def test_a_command_that_fails_for_its_own_reason_is_no_finding(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, why: str
):
    """It read its replies whole, or did not wait for them, or dislikes the relay's address."""
    monkeypatch.chdir(tmp_path)
    program = (
        f'{HEAD}\nPORT = "{server.target.port}"\ns = connected()\ns.sendall(b"hi\\n")\n{wrong}'
    )
    code, results = judged(server.target, *python(program))
    assert code == 3
    (line,) = results["check"]["requirements"]
    assert (line["id"], line["verdict"]) == ("CLI-UNCUT", "INCONCLUSIVE")
    assert why in line["message"]
    assert results["check"]["causes"] == []


def two_lines(peer: socket.socket) -> None:
    """Answer any request with two long lines in one."""
    while peer.recv(100):
        peer.sendall(b"x" * 1703 + b"\n" + b"y" * 1900 + b"\n")


ENDS_WITH_A_LINE = f"""{HEAD}
with connected() as s:  # takes a reply for whole where what came ends with a line
    s.sendall(b"hello\\n")
    if len(line(s)) != 3605:
        sys.exit("half a reply")
"""


@pytest.mark.parametrize("is_told", [True, False])
def test_traffic_tells_where_messages_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_told: bool
):
    """The one cut of 3,604 at which the client breaks is tried if a recording shows lines."""
    monkeypatch.chdir(tmp_path)
    writer = RecordingWriter(Path("t.wireproof"), Head(RECORDING_FORMAT, "tcp://x:1", 0.0), 100_000)
    for reply in (b"one\n", b"three\n", b"four\nfive\n"):
        for what, data in (("client", b"hello\n"), ("server", reply)):
            writer.add(0, what, data)  # type: ignore[arg-type]
    writer.close()
    told = ("--from", "t.wireproof") if is_told else ()
    with Serving(two_lines) as server:
        options = ("--only", "CLI-REPLY-CUT", *told)
        code, results = judged(server.target, *python(ENDS_WITH_A_LINE), options=options)
    assert code == int(is_told)
    offsets = [cut["offset"] for cut in results["between"]["cuts"]]
    assert offsets == [1704] * is_told


def test_one_thing_tells_where_messages_end(server: Serving, capsys: pytest.CaptureFixture[str]):
    """A protocol or traffic, not both."""
    both = ["--protocol", "line-echo", "--from", "t.wireproof"]
    assert invoke(["between", str(server.target), *both, "--", "true"]) == 2
    assert "name one of them" in capsys.readouterr().err
