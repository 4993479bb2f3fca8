"""Faults that only longer requests show, from a file with a short one."""

import socket
from pathlib import Path

import pytest

from tests.support.servers import Handler, Serving
from wireproof.cli import invoke
from wireproof.results import CheckResult, Verdict, load_results

ONLY = ("BASE-ANSWER", "SEG-LENGTHS", "SEG-KINDS", "SIZE-BUFFER")
PLACE_BYTES = 128


def _lines(*, keeps: int) -> Handler:
    """A server of lines, in capitals; of a line that isn't whole it keeps so many bytes."""

    def handle(peer: socket.socket) -> None:
        kept = b""
        while data := peer.recv(1 << 20):
            *lines, rest = (kept + data).split(b"\n")
            kept = rest if len(rest) <= keeps else rest[:keeps]
            peer.sendall(b"".join(b"%d %s\n" % (len(line), line) for line in lines))

    return handle


def _checked(server: Handler, folder: Path, *more: str) -> tuple[int, CheckResult]:
    (folder / "request").write_bytes(b"hello world\n")
    words = ["--from", str(folder / "request"), "--depth", "quick", "--seed", "1", "--force"]
    chosen = [part for one in ONLY for part in ("--only", one)]
    with Serving(server) as serving:
        out = ["--out", str(folder / "out")]
        code = invoke(["check", str(serving.target), *words, *chosen, *out, *more])
    found = load_results(folder / "out" / "results.json").check
    assert found is not None
    return code, found


def test_a_fault_of_long_requests_is_found_and_replayed(tmp_path: Path) -> None:
    """The finding's file knows the longer request; and a sound server has none by it."""
    code, found = _checked(_lines(keeps=PLACE_BYTES), tmp_path)
    assert code == 1
    failed = {line.id: line for line in found.requirements if line.verdict is Verdict.FAIL}
    assert {"SEG-LENGTHS", "SEG-KINDS"} <= set(failed)
    assert found.learnt is not None
    assert found.learnt.longer[0].startswith("'hello world…' up to ")
    evidence = failed["SEG-LENGTHS"].evidence
    case = tmp_path / "out" / next(one for one in evidence if one.endswith("replay.json"))
    with Serving(_lines(keeps=PLACE_BYTES)) as server:
        assert invoke(["replay", str(case), "--target", str(server.target), "--runs", "2"]) == 1
    with Serving(_lines(keeps=1 << 20)) as server:
        assert invoke(["replay", str(case), "--target", str(server.target), "--runs", "2"]) == 0


@pytest.mark.parametrize("options", [(), ("--only-seen",)])
def test_nothing_else_is_found(options: tuple[str, ...], tmp_path: Path) -> None:
    """On a sound server; nor on the other where requests are sent as they were seen only."""
    code, found = _checked(_lines(keeps=PLACE_BYTES if options else 1 << 20), tmp_path, *options)
    assert code == 0
    assert [line.id for line in found.requirements if line.verdict.is_finding] == []
    assert found.learnt is not None
    assert bool(found.learnt.longer) is not bool(options)


def test_a_request_that_gets_no_answer_for_its_length_is_noted(tmp_path: Path) -> None:
    """However it is sent: no protocol says how long one may be, so that is no failure."""

    def short(peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            while (line := lines.readline(701)).endswith(b"\n"):
                peer.sendall(line)

    code, found = _checked(short, tmp_path, "--only", "SIZE-POWERS")
    assert code == 0
    verdicts = {line.id: line.verdict for line in found.requirements}
    assert verdicts.pop("SIZE-POWERS") is Verdict.NON_STRICT
    assert set(verdicts.values()) == {Verdict.PASS}
    assert found.learnt is not None
    assert found.learnt.longer == ["'hello world…' up to 512 bytes, and no answer at 912"]


def test_only_seen_needs_something_seen() -> None:
    """With a protocol it means nothing."""
    assert invoke(["check", "tcp://127.0.0.1:1", "--protocol", "echo", "--only-seen"]) == 2
