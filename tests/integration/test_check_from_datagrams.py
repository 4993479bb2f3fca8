"""`check --from` and `load --from` over UDP: each datagram is judged by what it was answered."""

import itertools
import secrets
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.support.datagram_serving import Answer, DatagramServing
from tests.support.servers import Serving, shouting
from wireproof.cli import invoke
from wireproof.results import CheckResult, Verdict, load_results
from wireproof.traffic.recordings import RECORDING_FORMAT, Head, RecordingWriter

ONLY = ("BASE-ANSWER", "DGRAM-ONE", "DGRAM-SENDER")
Check = Callable[..., tuple[int, CheckResult]]


@pytest.fixture
def requests(tmp_path: Path) -> list[str]:
    """Two files, a datagram each, as the command line names them."""
    options = []
    for name, text in (("first", b"hello"), ("second", b"quick fox")):
        (tmp_path / name).write_bytes(text)
        options += ["--from", str(tmp_path / name)]
    return options


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Run the command in this process; its exit code and what it wrote."""

    def call(target: object, *options: str) -> tuple[int, CheckResult]:
        out = ["--out", str(tmp_path / "out"), "--force", "--depth", "quick", "--seed", "1"]
        chosen = [part for one in ONLY for part in ("--only", one)]
        code = invoke(["check", str(target), *out, *chosen, *options])
        found = load_results(tmp_path / "out" / "results.json").check
        assert found is not None
        return code, found

    return call


def _counting() -> Answer:
    count = itertools.count(8)
    return lambda datagram: [b"%d %s" % (next(count), datagram)]


def _shouting(datagram: bytes) -> list[bytes]:
    return [datagram.upper()]


def _dated(datagram: bytes) -> list[bytes]:
    return [formatdate(usegmt=True).encode() + b" " + datagram]


def _with_tokens(datagram: bytes) -> list[bytes]:
    return [secrets.token_hex(12).encode() + b" " + datagram]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(_shouting, None, id="always the same"),
        pytest.param(_dated, "clock", id="a date"),
        pytest.param(_with_tokens, "unique", id="tokens"),
        pytest.param(_counting(), "counter", id="a counter"),
    ],
)
def test_a_sound_server_passes(
    answer: Answer, kind: str | None, check: Check, requests: list[str]
) -> None:
    """Whatever differs in its replies; and what is said of it is what was learnt."""
    with DatagramServing(answer) as server:
        code, found = check(server.target, *requests)
    assert [line.message for line in found.requirements if line.verdict.is_finding] == []
    assert code == 0
    assert {line.verdict for line in found.requirements} == {Verdict.PASS}
    assert found.learnt is not None
    assert found.learnt.conversations == 2
    assert {span.kind for span in found.learnt.spans} == ({kind} if kind else set())


def _write_recording(path: Path, target: str, exchanges: list[tuple[bytes, bytes]]) -> None:
    head = Head(RECORDING_FORMAT, target, 1_700_000_000.0, datagrams=True)
    writer = RecordingWriter(path, head, 1 << 20)
    writer.add(0, "open")
    for request, reply in exchanges:
        writer.add(0, "client", request)
        writer.add(0, "server", reply)
    writer.close()


def test_a_faulty_server_fails_and_is_seen_again(
    check: Check, requests: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers behind another datagram what that one asked; learnt one by one, it looks sound."""
    last: list[bytes] = [b""]

    def mixing(datagram: bytes) -> list[bytes]:
        asked, last[0] = last[0], datagram
        return [(asked if asked == b"hello" and datagram != asked else datagram).upper()]

    with DatagramServing(_shouting) as server:
        named = ["--reference", str(server.target)]
        with DatagramServing(mixing) as wrong:
            code, found = check(wrong.target, *requests, *named)
            assert code == 1
            failed = [line for line in found.requirements if line.verdict is Verdict.FAIL]
            assert "DGRAM-ONE" in {line.id for line in failed}
            case = next(name for name in failed[0].evidence if name.endswith("replay.json"))
            assert invoke(["replay", str(tmp_path / "out" / case), "--runs", "2"]) == 1
            wrong.answer = _shouting
            assert invoke(["replay", str(tmp_path / "out" / case), "--runs", "2"]) == 0
    assert "FIXED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda datagram: [datagram, datagram], "a datagram gets several replies"),
        (lambda datagram: [], "none of its requests gets an answer"),
        (lambda datagram: [b"x" * next(COUNT)], "grows with each play"),
    ],
)
def test_what_cannot_be_judged_is_said(
    answer: Answer, told: str, requests: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In two lines at most, and exit code 3."""
    with DatagramServing(answer) as server:
        assert invoke(["check", str(server.target), *requests[:2]]) == 3
    said = [one for one in capsys.readouterr().err.splitlines() if "learning" not in one]
    assert told in " ".join(said)
    assert len(said) <= 2


COUNT = itertools.count(9)


def test_load_is_verified_by_what_was_learnt(requests: list[str], tmp_path: Path) -> None:
    """The same datagrams as a workload; another reply is a wrong one."""
    options = ["--users", "2", "--for", "500ms", "--warm-up", "0s", "--force"]
    out = ["--out", str(tmp_path / "load")]
    with DatagramServing(_shouting) as server:
        assert invoke(["load", str(server.target), *requests, *options, *out]) == 0
        load = load_results(tmp_path / "load" / "results.json").load
        assert load is not None
        assert load.requests > 0
        server.answer = lambda datagram: [datagram.title()]
        learnt = ["--protocol", str(tmp_path / "load" / "learnt.json")]
        assert invoke(["load", str(server.target), *learnt, *options, *out]) == 1


def test_a_recording_of_datagrams_is_no_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor the other way round; and no protocol file is written of datagrams."""
    path = tmp_path / "udp.wireproof"
    with DatagramServing(_shouting) as server, Serving(shouting) as stream:
        _write_recording(path, str(server.target), [(b"hello", b"HELLO"), (b"you", b"YOU")])
        named = ["--from", str(path)]
        assert invoke(["check", str(stream.target), *named]) == 2
        assert "is datagrams, and" in capsys.readouterr().err
        saved = ["--save", str(tmp_path / "a.py")]
        assert invoke(["learn", str(server.target), *named, *saved]) == 2
        out = ["--out", str(tmp_path / "out"), "--depth", "quick", "--only", "DGRAM-ONE"]
        assert invoke(["check", str(server.target), *named, *out]) == 0
        assert invoke(["check", str(server.target), *named, "--vary", "y.u"]) == 2
