"""Servers that say something now and then without being asked, judged by what they did before."""

import itertools
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.servers import Handler, Serving
from wireproof.cli import invoke
from wireproof.results import CheckResult, Verdict, load_results

ONLY = ("BASE-ANSWER", "SEG-SINGLE", "SEG-HELD", "COAL-MANY", "ISO-REPLIES", "IDLE-RESUME")
EVERY_S = 0.15
NUMBERS = itertools.count(95)


def _beating(beat: Callable[[], bytes], *, first: bytes = b"", keeps_parts: bool = True) -> Handler:
    """A server of lines that says `beat` again and again; one that is wrong forgets parts."""

    def handle(peer: socket.socket) -> None:
        peer.sendall(first)
        buffer = b""
        at = time.monotonic() + EVERY_S
        while True:
            left_s = at - time.monotonic()
            if left_s <= 0:
                peer.sendall(beat())
                at += EVERY_S
            elif select.select([peer], [], [], left_s)[0]:
                if not (data := peer.recv(65536)):
                    return
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    peer.sendall(b"you said " + line + b"\n")
                buffer = buffer if keeps_parts else b""

    return handle


def _counted() -> bytes:
    return b'{"event": "tick", "number": %d}\n' % next(NUMBERS)


@pytest.fixture
def requests(tmp_path: Path) -> list[str]:
    """Two files, a request each, as the command line names them."""
    options = []
    for name, text in (("first", b"hello world\n"), ("second", b"quick fox\n")):
        (tmp_path / name).write_bytes(text)
        options += ["--from", str(tmp_path / name)]
    return options


def _checked(target: object, requests: list[str], folder: Path) -> tuple[int, CheckResult]:
    out = ["--out", str(folder / "out"), "--force", "--depth", "quick", "--seed", "1"]
    chosen = [part for one in ONLY for part in ("--only", one)]
    code = invoke(["check", str(target), *out, *chosen, *requests])
    found = load_results(folder / "out" / "results.json").check
    assert found is not None
    return code, found


@pytest.mark.parametrize(
    ("handler", "shown"),
    [
        pytest.param(_beating(lambda: b"tick\n"), "tick\\n", id="always the same"),
        pytest.param(
            _beating(lambda: b"tick\n", first=b"220 hi\n"), "tick\\n", id="and a greeting"
        ),
        pytest.param(_beating(_counted), '{"event": "tick", "number": ', id="counted"),
        pytest.param(_beating(lambda: b"\0\1beat"), "\\x00\\x01beat", id="no line"),
    ],
)
def test_a_sound_server_that_beats_has_no_finding(
    handler: Handler, shown: str, requests: list[str], tmp_path: Path
) -> None:
    """All its replies are judged exactly, and what was taken out of them is told."""
    with Serving(handler) as server:
        code, found = _checked(server.target, requests, tmp_path)
    assert [line.message for line in found.requirements if line.verdict.is_finding] == []
    assert code == 0
    assert found.learnt is not None
    assert found.learnt.exact_share == 1.0
    assert len(found.learnt.unasked) == 1
    assert found.learnt.unasked[0].startswith(shown)


def test_a_faulty_one_is_found_and_replayed(requests: list[str], tmp_path: Path) -> None:
    """The beats hide nothing; there is no script, which would not know them from replies."""
    with Serving(_beating(_counted, keeps_parts=False)) as server:
        code, found = _checked(server.target, requests, tmp_path)
        assert code == 1
        failed = {line.id: line for line in found.requirements if line.verdict is Verdict.FAIL}
        evidence = failed["SEG-SINGLE"].evidence
        assert not any(name.endswith("replay.py") for name in evidence)
        case = tmp_path / "out" / next(one for one in evidence if one.endswith("replay.json"))
        assert invoke(["replay", str(case), "--runs", "2"]) == 1
        server.handler = _beating(_counted)
        assert invoke(["replay", str(case), "--runs", "2"]) == 0


def test_the_protocol_file_knows_what_comes_unasked(requests: list[str], tmp_path: Path) -> None:
    """What `learn` writes of such a server holds for it."""
    save = tmp_path / "beating.py"
    with Serving(_beating(_counted)) as server:
        assert invoke(["learn", str(server.target), *requests, "--save", str(save)]) == 0
        code, found = _checked(server.target, ["--protocol", str(save)], tmp_path)
    assert code == 0
    assert {line.verdict for line in found.requirements} == {Verdict.PASS}


def test_without_a_framing_no_protocol_file_is_written(
    requests: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A class could not tell such a message from a reply."""
    with Serving(_beating(lambda: b"\0\1beat")) as server:
        save = ["--save", str(tmp_path / "beating.py")]
        assert invoke(["learn", str(server.target), *requests, *save]) == 3
    assert "no framing is common" in capsys.readouterr().err


def test_a_load_is_verified_beside_it(requests: list[str], tmp_path: Path) -> None:
    """No beat is taken for a wrong reply."""
    options = ["--users", "2", "--for", "600ms", "--warm-up", "0s", "--out", str(tmp_path / "out")]
    with Serving(_beating(_counted)) as server:
        assert invoke(["load", str(server.target), *requests, *options]) == 0
    load = load_results(tmp_path / "out" / "results.json").load
    assert load is not None
    assert load.requests > 0
    assert not any(load.failures.values())
