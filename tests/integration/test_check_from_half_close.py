"""`check --from` a conversation whose client ended its stream before it was answered."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.servers import Handler, Serving, shouting
from wireproof.cli import invoke
from wireproof.results import CheckResult, Verdict, load_results
from wireproof.traffic.recordings import RECORDING_FORMAT, Head, RecordingWriter

Check = Callable[..., tuple[int, CheckResult]]


def _at_the_end(peer: socket.socket) -> None:
    """Answers when nothing more is to come, as finger's and gopher's heirs do."""
    with peer.makefile("rb") as stream:
        peer.sendall(stream.read().upper() + b"!\n")


def _first_read_only(peer: socket.socket) -> None:
    data = peer.recv(65536)
    while peer.recv(65536):
        pass
    peer.sendall(data.upper() + b"!\n")


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[bytes], str]:
    """Return a recording's path: of two connections, each with a line and the end of the stream."""

    def write(behind: bytes) -> str:
        path = tmp_path / "traffic.wireproof"
        writer = RecordingWriter(path, Head(RECORDING_FORMAT, "x", 1_700_000_000.0), 1 << 20)
        for number, line in enumerate((b"hello\n", b"quick fox\n")):
            writer.add(number, "open")
            writer.add(number, "client", line)
            writer.add(number, "client-end")
            writer.add(number, "server", line.upper() + behind)
            writer.add(number, "server-end")
        writer.close()
        return str(path)

    return write


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Run the command in this process; its exit code and what it wrote."""

    def call(target: object, *options: str) -> tuple[int, CheckResult]:
        out = ["--out", str(tmp_path / "out"), "--force", "--depth", "quick", "--seed", "1"]
        code = invoke(["check", str(target), *out, *options])
        found = load_results(tmp_path / "out" / "results.json").check
        assert found is not None
        return code, found

    return call


def _verdicts(found: CheckResult) -> dict[str, Verdict]:
    return {line.id: line.verdict for line in found.requirements}


def test_who_waits_for_the_end_is_judged_by_it(
    check: Check, recorded: Callable[[bytes], str]
) -> None:
    """Every wait for a reply says first that nothing more will come; a sound server passes all."""
    with Serving(_at_the_end) as server:
        code, found = check(server.target, "--from", recorded(b"!\n"))
    verdicts = _verdicts(found)
    assert code == 0
    assert set(verdicts.values()) == {Verdict.PASS, Verdict.UNSUPPORTED}
    for identifier in ("SEG-SINGLE", "SEG-OCTETS", "ISO-REPLIES", "ISO-PARTS", "SEG-HELD"):
        assert verdicts[identifier] is Verdict.PASS


def test_a_part_that_is_lost_is_found_and_seen_again(
    check: Check, recorded: Callable[[bytes], str], tmp_path: Path
) -> None:
    """One read, one request; and without the fault the case holds."""
    with Serving(_at_the_end) as reference, Serving(_first_read_only) as server:
        named = ["--from", recorded(b"!\n"), "--reference", str(reference.target)]
        code, found = check(server.target, *named)
        assert code == 1
        line = next(one for one in found.requirements if one.id == "SEG-SINGLE")
        assert line.verdict is Verdict.FAIL
        case = tmp_path / "out" / next(one for one in line.evidence if one.endswith("replay.json"))
        assert len(json.loads(case.read_text())["plan"]["requests"]) == 1
        assert invoke(["replay", str(case), "--runs", "2"]) == 1
        server.handler = _at_the_end
        assert invoke(["replay", str(case), "--runs", "2"]) == 0


@pytest.mark.parametrize("command", ["load", "learn"])
def test_others_say_that_they_cannot(
    command: str,
    recorded: Callable[[bytes], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In two lines."""
    out = {"load": ["--out", str(tmp_path / "out")], "learn": ["--save", str(tmp_path / "a.py")]}
    with Serving(_at_the_end) as server:
        words = [command, str(server.target), "--from", recorded(b"!\n"), *out[command]]
        assert invoke(words) == 2
    said = [one for one in capsys.readouterr().err.splitlines() if "learning" not in one]
    assert len(said) == 2
    assert "check --from judges" in said[1]


@pytest.mark.parametrize("handler", [shouting])
def test_who_does_not_wait_for_the_end_is_judged_as_any(
    handler: Handler, check: Check, recorded: Callable[[bytes], str]
) -> None:
    """Many clients end their stream early: all requirements are tried then."""
    only = [part for one in ("SEG-SINGLE", "COAL-MANY", "CLOSE-MID") for part in ("--only", one)]
    with Serving(handler) as server:
        code, found = check(server.target, "--from", recorded(b""), *only)
    assert code == 0
    assert set(_verdicts(found).values()) == {Verdict.PASS}
