"""`wireproof check --from`: servers that nobody has described, judged by what they did before."""

import itertools
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.support.servers import Handler, Serving, greeting, one_read_one_line, shouting
from wireproof.cli import invoke
from wireproof.rehearsal import overhearing
from wireproof.results import CheckResult, Verdict, load_results
from wireproof.wire.reference import ReferenceServer

ONLY = ("BASE-ANSWER", "CLOSE-HALF", "SEG-SINGLE", "SEG-OCTETS", "COAL-MANY", "ISO-REPLIES")
COUNT = itertools.count(17)
Check = Callable[..., tuple[int, CheckResult]]


@pytest.fixture
def requests(tmp_path: Path) -> list[str]:
    """Two files, a request each, as the command line names them."""
    options = []
    for name, text in (("first", b"hello world\n"), ("second", b"quick fox\n")):
        (tmp_path / name).write_bytes(text)
        options += ["--from", str(tmp_path / name)]
    return options


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Run the command in this process; its exit code and what it wrote."""
    monkeypatch.setattr(overhearing, "_LISTENED_S", 0.2)  # these servers say nothing unasked

    def call(
        target: object, *options: str, only: tuple[str, ...] = ONLY
    ) -> tuple[int, CheckResult]:
        out = ["--out", str(tmp_path / "out"), "--force", "--depth", "quick", "--seed", "1"]
        chosen = [part for one in only for part in ("--only", one)]
        code = invoke(["check", str(target), *out, *chosen, *options])
        found = load_results(tmp_path / "out" / "results.json").check
        assert found is not None
        return code, found

    return call


def _answering(answer: Callable[[bytes], bytes]) -> Handler:
    """A sound server of lines."""

    def handle(peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                peer.sendall(answer(line))

    return handle


def _counting() -> Handler:
    counter, one_at_a_time = itertools.count(8), threading.Lock()

    def answer(line: bytes) -> bytes:
        with one_at_a_time:
            return b"%d %s\n" % (next(counter), line)

    return _answering(answer)


def _spoilt_by_parts(spoil: Callable[[], bytes], usual: Callable[[], bytes]) -> Handler:
    """Says something else where a line comes in parts; else a sound server."""

    def handle(peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            parts, (*lines, rest) = bool(buffer), (buffer + data).split(b"\n")
            for line in lines:
                peer.sendall((spoil() if parts else usual()) + b" " + line + b"\n")
                parts = False
            buffer = rest

    return handle


def _date(seconds: float | None = None) -> bytes:
    return formatdate(seconds, usegmt=True).encode()


def _token() -> bytes:
    return secrets.token_hex(12).encode()


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        pytest.param(shouting, None, id="always the same"),
        pytest.param(greeting, None, id="behind a greeting"),
        pytest.param(_answering(lambda line: _date() + b" " + line + b"\n"), "clock", id="a date"),
        pytest.param(
            _answering(lambda line: _token() + b" " + line + b"\n"), "unique", id="tokens"
        ),
        pytest.param(_counting(), "counter", id="a counter"),
    ],
)
def test_a_sound_server_has_no_finding(
    handler: Handler, kind: str | None, check: Check, requests: list[str]
) -> None:
    """Whatever differs in its replies; what that was taken for is told."""
    with Serving(handler) as server:
        code, found = check(server.target, *requests)
    assert [line.message for line in found.requirements if line.verdict.is_finding] == []
    assert code in {0, 3}
    verdicts = {line.id: line.verdict for line in found.requirements}
    assert verdicts["SEG-SINGLE"] is Verdict.PASS
    assert found.learnt is not None
    assert {span.kind for span in found.learnt.spans} == ({kind} if kind else set())
    assert found.learnt.judged_share == 1.0


def test_a_faulty_server_fails_and_its_evidence_is_whole(
    check: Check, requests: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One read, one line: found beside controls, and seen again with nothing but its folder."""
    with Serving(one_read_one_line) as server:
        code, found = check(server.target, *requests)
        assert code == 1
        failed = {line.id: line for line in found.requirements if line.verdict is Verdict.FAIL}
        assert {"SEG-SINGLE", "COAL-MANY"} <= failed.keys()
        replays = [name for name in failed["SEG-SINGLE"].evidence if name.endswith("replay.json")]
        case = tmp_path / "out" / replays[0]
        plan = json.loads(case.read_text())["plan"]
        assert len(plan["requests"][0]) == 1
        assert invoke(["replay", str(case), "--runs", "2"]) == 1
        server.handler = shouting
        assert invoke(["replay", str(case), "--runs", "2"]) == 0
    assert "FIXED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "usual"),
    [
        pytest.param(lambda: _date(0), _date, id="a wrong date"),
        pytest.param(lambda: b"0" * 24, _token, id="one token again and again"),
        pytest.param(lambda: b"8", lambda: b"%d" % next(COUNT), id="a counter that goes back"),
    ],
)
def test_what_a_mask_would_hide_is_found(
    spoil: Callable[[], bytes], usual: Callable[[], bytes], check: Check, requests: list[str]
) -> None:
    """Dates are compared with the clock, tokens must not come twice, and counters go on."""
    with Serving(_spoilt_by_parts(spoil, usual)) as server:
        code, found = check(server.target, *requests, only=("SEG-SINGLE",))
    assert code == 1
    assert found.requirements[0].verdict.is_finding


def test_one_request_a_connection_is_learnt(check: Check, requests: list[str]) -> None:
    """Two files are two conversations where the server closes behind the first."""

    def once(peer: socket.socket) -> None:
        line = b""
        while not line.endswith(b"\n"):
            line += peer.recv(1) or b"\n"
        peer.sendall(line.upper())

    with Serving(once) as server:
        code, found = check(server.target, *requests, only=("SEG-SINGLE", "COAL-MANY"))
    assert code == 0
    assert found.learnt is not None
    assert found.learnt.conversations == 2


def test_what_grows_cannot_be_judged_and_a_reset_helps(
    requests: list[str], check: Check, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lengths are told, and what would help."""
    forget = tmp_path / "forget"
    kept: list[bytes] = []

    def answer(line: bytes) -> bytes:
        if forget.exists():
            forget.unlink()
            kept.clear()
        kept.append(line)
        return b",".join(kept) + b"\n"

    with Serving(_answering(answer)) as server:
        assert invoke(["check", str(server.target), *requests]) == 3
        told = capsys.readouterr().err
        assert "reply 1 grows with each play: 12, 34, 56" in told
        assert "--reset COMMAND" in told
        code, found = check(
            server.target, *requests, "--reset", f"touch {forget}", only=("SEG-SINGLE",)
        )
    assert (code, found.requirements[0].verdict) == (0, Verdict.PASS)


def test_replies_that_depend_on_reads_by_design_are_told_so(
    requests: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The reference server's own protocol, and the way out."""
    with ReferenceServer() as server:
        assert invoke(["check", str(server.target), *requests]) == 3
    told = capsys.readouterr().err
    assert "depend on the reads by design" in told
    assert "--protocol timestamp-echo" in told


def test_another_server_is_judged_by_the_reference(check: Check, requests: list[str]) -> None:
    """What differs from the server that was learnt from fails, uncut too."""
    other = _answering(lambda line: line.upper() + b"!\n")
    with Serving(shouting) as reference, Serving(other) as judged, Serving(shouting) as port:
        named = ["--reference", str(reference.target)]
        code, found = check(judged.target, *requests, *named, only=("BASE-ANSWER", "FRAME-EXACT"))
        assert code == 1
        assert all(line.verdict is Verdict.FAIL for line in found.requirements)
        code, _ = check(port.target, *requests, *named, only=("BASE-ANSWER", "SEG-SINGLE"))
        assert code == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--from", "{there}", "--from", "/nonexistent"], "cannot read /nonexistent"),
        (["--from", "{empty}"], "is empty"),
        (["--vary", "a"], "--vary means nothing without --from"),
        (["--from", "{there}", "--protocol", "echo"], "give one"),
        (["--from", "{there}", "--vary", "("], "is not a regular expression"),
        (["--from", "{there}", "--vary", "zzz"], "matches nothing in any request"),
        (["--from", "{there}", "--vary", "hello"], "but not b'hellp', which is to stand there"),
        (["--from", "{there}", "--conversation", "2"], "there is no conversation 2"),
        (["--from", "{there}", "--set", "nonsense=1"], "nonsense"),
    ],
)
def test_wrong_words_get_a_line(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2, before or after the server was looked at."""
    (tmp_path / "there").write_bytes(b"hello\n")
    (tmp_path / "empty").touch()
    filled = [one.format(there=tmp_path / "there", empty=tmp_path / "empty") for one in options]
    with Serving(shouting) as server:
        assert invoke(["check", str(server.target), *filled]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len([one for one in said.splitlines() if not one.startswith("learning")]) <= 2


def test_a_server_that_is_slow_is_learnt_all_the_same(check: Check, requests: list[str]) -> None:
    """A reply in pieces, each after a pause, is one reply."""

    def answer(peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                for piece in (line.upper(), b"!", b"\n"):
                    time.sleep(0.02)  # not to wait for anything: the server is slow
                    peer.sendall(piece)

    with Serving(answer) as server:
        code, found = check(server.target, *requests, only=("BASE-ANSWER", "SEG-OCTETS"))
    assert code == 0
    assert found.learnt is not None
    assert found.learnt.exact_share == 1.0


def test_load_is_verified_by_what_was_learnt(requests: list[str], tmp_path: Path) -> None:
    """The same requests as a workload; another reply is a wrong one."""
    options = ["--users", "2", "--for", "500ms", "--warm-up", "0s", "--force"]
    out = ["--out", str(tmp_path / "load")]
    with Serving(shouting) as server:
        assert invoke(["load", str(server.target), *requests, *options, *out]) == 0
        load = load_results(tmp_path / "load" / "results.json").load
        assert load is not None
        assert load.requests > 0
        assert not any(load.failures.values())
        server.handler = _answering(lambda line: line.title() + b"\n")
        learnt = ["--protocol", str(tmp_path / "load" / "learnt.json")]
        code = invoke(["load", str(server.target), *learnt, *options, "--out", str(tmp_path / "b")])
        assert code == 1


def test_conversations_are_a_load_where_no_request_can_be_repeated(tmp_path: Path) -> None:
    """A server that counts each connection's requests: a connection is one conversation."""

    def counting(peer: socket.socket) -> None:
        lines = peer.makefile("rb")
        for number, line in enumerate(lines, 1):
            peer.sendall(b"%d %s" % (number, line.upper()))

    options = []
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(f"{name}\n".encode())
        options += ["--from", str(tmp_path / name)]
    options += ["--users", "2", "--for", "500ms", "--warm-up", "0s"]
    with Serving(counting) as server:
        assert invoke(["load", str(server.target), *options, "--out", str(tmp_path / "out")]) == 0
    load = load_results(tmp_path / "out" / "results.json").load
    assert load is not None
    assert load.requests > 3
    assert not any(load.failures.values())


@pytest.mark.parametrize(("spoilt", "verdict"), [(False, Verdict.NON_STRICT), (True, Verdict.FAIL)])
def test_another_order_is_told_as_such(
    spoilt: bool, verdict: Verdict, check: Check, requests: list[str]
) -> None:
    """Of what is asked at once nobody has seen the order; a reply that is lost is a fault."""

    def latest_first(peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            *lines, buffer = (buffer + data).split(b"\n")
            replies = [line.upper() + b"\n" for line in reversed(lines)]
            peer.sendall(b"".join(replies[:1] * len(replies) if spoilt else replies))

    with Serving(latest_first) as server:
        _, found = check(server.target, *requests, only=("SEG-SINGLE", "COAL-MANY"))
    verdicts = {line.id: line for line in found.requirements}
    assert verdicts["SEG-SINGLE"].verdict is Verdict.PASS
    assert verdicts["COAL-MANY"].verdict is verdict
    assert ("in another order" in verdicts["COAL-MANY"].message) is not spoilt


def test_what_reads_a_counter_is_not_asked_beside_who_counts(check: Check, tmp_path: Path) -> None:
    """Two that count, then two that read: the second reads what the first has read, and may."""
    count = itertools.count(1)
    now = [0]

    def answer(line: bytes) -> bytes:
        now[0] = next(count) if line == b"incr" else now[0]
        return b"%d\n" % now[0]

    options = []
    for name in ("incr", "get"):
        (tmp_path / name).write_bytes(f"{name}\n".encode())
        options += ["--from", str(tmp_path / name)]
    only = ("SEG-HELD", "ISO-REPLIES", "ISO-PARTS", "COAL-MANY")
    with Serving(_answering(answer)) as server:
        _, found = check(server.target, *options, only=only)
    assert [line.message for line in found.requirements if line.verdict.is_finding] == []
