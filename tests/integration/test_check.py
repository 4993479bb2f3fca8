"""`wireproof check` as its users see it: real servers, faulty ones, none at all."""

import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.servers import (
    SHOUT,
    Handler,
    Serving,
    echoing,
    one_read_one_line,
    shouting,
    silent,
)
from wireproof.cli import invoke
from wireproof.conformance import liveness, settling, subject
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.search.explore import Failing, Search
from wireproof.deadline import Deadline
from wireproof.results import CheckResult, Verdict, load_results
from wireproof.wire.reference import ReferenceServer

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers in these tests answer at once or never: little timeout is enough."""
    quick = replace(subject.DEPTHS["quick"], timeout_s=0.6, shrink_s=0.4, confirmations=2)
    monkeypatch.setitem(subject.DEPTHS, "quick", quick)
    monkeypatch.setattr(settling, "_TIMEOUT_S", 0.4)
    monkeypatch.setattr(liveness, "_REVIVAL_TIMEOUT_S", 0.1)


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., tuple[int, CheckResult]]:
    """Run the command in this process; its exit code and what it wrote."""

    def call(target: object, *options: str) -> tuple[int, CheckResult]:
        out = ["--out", str(tmp_path), "--force", "--depth", "quick"]
        code = invoke(["check", str(target), *out, *options])
        found = load_results(tmp_path / "results.json").check
        assert found is not None
        return code, found

    return call


def _verdicts(result: CheckResult) -> dict[str, Verdict]:
    return {line.id: line.verdict for line in result.requirements}


def _findings(result: CheckResult) -> list[str]:
    return [line.id for line in result.requirements if line.verdict.is_finding]


def _wait_for(address: tuple[str, int]) -> None:
    """Wait until something listens; the servers of others do not tell."""
    deadline = Deadline(TIMEOUT_S)
    while not deadline.expired:
        with socket.socket() as probe:
            if probe.connect_ex(address) == 0:
                return
    raise AssertionError(f"nothing listens on {address}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(params=["socat", "xinetd"])
def real_echo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An echo server that no one here wrote; these cannot be given port 0."""
    program = shutil.which(request.param) or shutil.which(request.param, path="/usr/sbin:/sbin")
    if program is None:
        pytest.skip(f"{request.param} is not installed")
    port = _free_port()
    if request.param == "socat":
        options = [f"TCP-LISTEN:{port},fork,reuseaddr,bind=127.0.0.1", "EXEC:cat"]
    else:
        config = tmp_path / "xinetd.conf"
        config.write_text(
            "service echo\n{\n type = INTERNAL UNLISTED\n id = echo-stream\n socket_type = stream\n"
            f" protocol = tcp\n user = {os.environ.get('USER', 'root')}\n wait = no\n"
            f" bind = 127.0.0.1\n port = {port}\n instances = UNLIMITED\n cps = 100000 1\n}}\n"
        )
        options = ["-dontfork", "-stayalive", "-f", str(config)]
        options += ["-pidfile", str(tmp_path / "xinetd.pid")]
    with subprocess.Popen(
        [program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait_for(("127.0.0.1", port))
            yield f"tcp://127.0.0.1:{port}"
        finally:
            server.terminate()


def test_real_echo_servers_hold_up(
    real_echo: str,
    check: Callable[..., tuple[int, CheckResult]],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Debian's echo service, and socat with cat, have no finding."""
    brief = replace(subject.DEPTHS["quick"], shrink_s=0.5, confirmations=1)
    monkeypatch.setitem(subject.DEPTHS, "quick", brief)
    # socat starts two processes a connection: all of the catalogue would take its time.
    few = ("BASE-*", "CLOSE-*", "SEG-OCTETS", "SEG-PAIRS", "SEG-HELD", "COAL-*", "IDLE-*")
    only = [f"--only={name}" for name in few] if "socat" in request.node.name else []
    code, result = check(real_echo, "--protocol=echo", *only)
    assert _findings(result) == []
    assert Verdict.INCONCLUSIVE not in _verdicts(result).values()
    assert code == 0


def test_the_server_of_the_article_serves_one_at_a_time(
    hasty: None, check: Callable[..., tuple[int, CheckResult]]
) -> None:
    """Its one loop lets every other connection wait: found, and told in words."""
    with subprocess.Popen(
        [sys.executable, ROOT / "tests/support/article_server.py"],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            target = f"tcp://127.0.0.1:{server.stdout.readline().strip()}"
            names = ["CAP-CONCURRENT", "IDLE-OTHERS", "SEG-SINGLE"]
            code, result = check(target, *(f"--only={name}" for name in names))
        finally:
            server.kill()
    assert code == 1
    assert _verdicts(result) == {
        "CAP-CONCURRENT": Verdict.FAIL,
        "IDLE-OTHERS": Verdict.FAIL,
        "SEG-SINGLE": Verdict.PASS,
    }
    found = {line.id: line.message for line in result.requirements}
    assert "1 reply owed" in found["CAP-CONCURRENT"]
    assert "with 2 connections at a time" in found["CAP-CONCURRENT"]


@pytest.mark.parametrize("option", ["--host=::1", "--tls-self-signed", "--unix"])
def test_other_transports(
    option: str, check: Callable[..., tuple[int, CheckResult]], tmp_path: Path
) -> None:
    """Over IPv6, TLS and Unix sockets the reference server holds up too, segments confirmed."""
    options = [option, str(tmp_path / "socket")] if option == "--unix" else [option]
    with ReferenceServer(*options) as server:
        names = ["BASE-*", "CLOSE-*", "SEG-OCTETS", "COAL-*", "CAP-*", "RESET-*", "REL-*"]
        code, result = check(server.target, *(f"--only={name}" for name in names))
    assert _findings(result) == []
    assert code == 0
    assert {line.delivery for line in result.requirements if line.delivery} == {"confirmed"}


def test_a_server_that_never_answers(
    hasty: None, check: Callable[..., tuple[int, CheckResult]]
) -> None:
    """Silence is FAIL in bounded time, and what cannot be judged any more says so."""
    with Serving(silent) as server:
        code, result = check(server.target, "--protocol=echo", "--only=BASE-*", "--only=SEG-*")
    assert code == 1
    verdicts = _verdicts(result)
    assert verdicts.pop("BASE-ANSWER") is Verdict.FAIL
    assert set(verdicts.values()) <= {Verdict.INCONCLUSIVE, Verdict.UNSUPPORTED}
    assert any("since in BASE-ANSWER" in one.message for one in result.requirements)


def test_nothing_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 3."""
    port = _free_port()
    assert invoke(["check", f"tcp://127.0.0.1:{port}"]) == 3
    assert capsys.readouterr().err == (
        f"wireproof: nothing answers on tcp://127.0.0.1:{port}: connection refused\n"
        "start the server first\n"
    )


def test_a_protocol_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """The known ones are listed, exit code 2."""
    assert invoke(["check", "tcp://127.0.0.1:1", "--protocol", "ecko"]) == 2
    said = capsys.readouterr().err
    assert "there is no protocol 'ecko' (did you mean echo?)" in said
    assert "timestamp-echo" in said


def test_wrong_names_are_told_before_the_server_is_looked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A requirement that there is not is wrong usage even where nothing listens."""
    target = f"tcp://127.0.0.1:{_free_port()}"
    assert invoke(["check", target, "--only", "SEG-SINGEL"]) == 2
    assert "there is no requirement 'SEG-SINGEL'" in capsys.readouterr().err
    assert invoke(["check", target, "--only", "SEG-SINGLE", "--skip", "SEG-*"]) == 2
    assert "--skip leaves no requirement" in capsys.readouterr().err


def test_the_seed_repeats_every_plan(
    check: Callable[..., tuple[int, CheckResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same seed executes the same conversations in the same order, however busy the machine.

    But for ID-MANY: whether a server is asked 65,600 requests is for its measured pace to say.
    """
    executed: list[Plan] = []
    run = Search.run

    def recorded(self: Search, plan: Plan, timeout_s: float | None = None) -> Failing | None:
        executed.append(plan)
        return run(self, plan, timeout_s)

    monkeypatch.setattr(Search, "run", recorded)

    def drawn(seed: int, *more: str) -> list[Plan]:
        executed.clear()
        options = ("--protocol=echo", f"--seed={seed}", "--depth=quick", "--skip=ID-MANY")
        check(server.target, *options, *more)
        return list(executed)

    with Serving(echoing) as server:
        whole = drawn(7)
        assert len(whole) > 500
        assert [
            at for at, (one, other) in enumerate(zip(whole, drawn(7), strict=True)) if one != other
        ] == []
        assert drawn(7, "--only=SEG-SETS") != drawn(8, "--only=SEG-SETS")


def _script(path: Path, server: Serving) -> subprocess.CompletedProcess[str]:
    address = [str(part) for part in server.target.address[:2]]
    return subprocess.run(
        [sys.executable, "-I", path, *address],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_evidence_tells_a_faulty_server_from_a_sound_one(
    hasty: None,
    check: Callable[..., tuple[int, CheckResult]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Script, replay and pytest snippet fail while the fault is there, and hold once it is gone."""
    with Serving(one_read_one_line) as server:
        code, result = check(server.target, f"--protocol={SHOUT}", "--only=SEG-SINGLE")
        assert code == 1
        (line,) = result.requirements
        names = {Path(path).name for path in line.evidence}
        assert names == {
            "replay.json",
            "replay.py",
            "transcript.txt",
            "synthesised.pcapng",
            "test_seg_single.py",
        }
        folder = tmp_path / "evidence" / "SEG-SINGLE"
        case = folder / "replay.json"
        capsys.readouterr()

        broken = _script(folder / "replay.py", server)
        assert (broken.returncode, broken.stderr) == (1, "")
        assert broken.stdout.startswith("SEG-SINGLE FAILS: ")
        again = ["replay", str(case), "--runs", "2", "--protocol", SHOUT]
        assert invoke(again) == 1
        assert capsys.readouterr().out.startswith("FAILS 2 of 2\n")

        server.handler = shouting
        fixed = _script(folder / "replay.py", server)
        assert (fixed.returncode, fixed.stdout) == (0, "SEG-SINGLE holds\n")
        assert invoke(again) == 0
        assert capsys.readouterr().out == "FIXED: holds 2 of 2\n"
        runpy.run_path(str(folder / "test_seg_single.py"))["test_seg_single_holds"]()
        server.handler = one_read_one_line
        with pytest.raises(AssertionError, match="FAILS 5 of 5"):
            runpy.run_path(str(folder / "test_seg_single.py"))["test_seg_single_holds"]()
    gone = _script(folder / "replay.py", server)
    assert gone.returncode == 3
    assert gone.stdout.startswith("cannot reach the server")


def _baseline(tmp_path: Path, text: str) -> str:
    path = tmp_path / "known.toml"
    path.write_text(text, encoding="utf-8")
    return f"--baseline={path}"


@pytest.mark.parametrize(
    ("handler", "message", "code", "verdict", "words"),
    [
        (one_read_one_line, "", 0, Verdict.NON_STRICT, "; known: ticket 4711"),
        (
            one_read_one_line,
            'message = "at byte"',
            0,
            Verdict.NON_STRICT,
            "known: ticket",
        ),
        (one_read_one_line, 'message = "reset"', 1, Verdict.FAIL, "the baseline knows it as 'rese"),
        (shouting, "", 1, Verdict.FAIL, "passes, yet the baseline excuses it (ticket 4711)"),
    ],
)
def test_baselines(  # noqa: PLR0917 - pytest passes them by name
    hasty: None,
    check: Callable[..., tuple[int, CheckResult]],
    tmp_path: Path,
    handler: Handler,
    message: str,
    code: int,
    verdict: Verdict,
    words: str,
) -> None:
    """A known failure is excused with its reason; another one, or a stale entry, is not."""
    entry = f'[[known]]\nid = "SEG-SINGLE"\nreason = "ticket 4711"\n{message}\n'
    with Serving(handler) as server:
        ended, result = check(
            server.target,
            f"--protocol={SHOUT}",
            "--only=SEG-SINGLE",
            _baseline(tmp_path, entry),
        )
    assert ended == code
    (line,) = result.requirements
    assert line.verdict is verdict
    assert words in line.message


def test_json_is_the_file_alone(
    check: Callable[..., tuple[int, CheckResult]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With --json standard output holds the result file's text, and nothing else."""
    with Serving(echoing) as server:
        check(server.target, "--protocol=echo", "--only=BASE-ANSWER", "--json")
    printed = capsys.readouterr().out
    assert json.loads(printed) == json.loads((tmp_path / "results.json").read_bytes())


@pytest.mark.parametrize(
    "how", [("--pyargs", "wireproof.conformance", "--target"), ("--wireproof-target",)]
)
def test_the_suite_runs_from_any_folder(tmp_path: Path, how: tuple[str, ...]) -> None:
    """Without a line of code pytest judges any server, one item a requirement."""
    with Serving(echoing) as server:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
                *(*how, str(server.target)),
                *("--protocol", "echo", "--depth", "quick", "--junit-xml=junit.xml"),
                *("-k", "SEG-SINGLE or CAP-BURST or TS-CHUNK"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.returncode == 0, done.stdout
    cases = list(ET.parse(tmp_path / "junit.xml").iter("testcase"))  # noqa: S314 - our own file
    assert "test_requirement[SEG-SINGLE]" in [case.get("name", "") for case in cases]
    assert {case.get("classname") for case in cases} == {f"wireproof.echo@{server.target}"}
    assert "2 passed, 1 skipped" in done.stdout


def test_ctrl_c_keeps_what_was_found(tmp_path: Path) -> None:
    """SIGINT ends the check; the verdicts so far are written, and marked partial."""
    with (
        Serving(echoing) as server,
        subprocess.Popen(
            [
                *(sys.executable, "-c", "from wireproof.cli import main; main()", "check"),
                *(str(server.target), "--protocol=echo", "--depth=deep", "--out", str(tmp_path)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        assert "BASE-ANSWER" in _until(process, "BASE-ANSWER")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in out + err
    results = load_results(tmp_path / "results.json")
    assert results.partial
    assert results.check is not None
    assert results.check.requirements[0].id == "BASE-ANSWER"
    assert process.returncode == 3


def _until(process: subprocess.Popen[str], word: str) -> str:
    """Read lines until one has the word."""
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return line
    return ""
