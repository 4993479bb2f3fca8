"""Starting a server of the gallery, judging it with `wireproof check`, and what is to be said."""

import contextlib
import fnmatch
import random
import re
import select
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.real_servers import traffic
from tests.real_servers.gallery import HERE, Server, program
from tests.real_servers.processes import begin, end
from tests.support.certificates import write_certificate
from wireproof.deadline import Deadline
from wireproof.errors import UsageError
from wireproof.results import RequirementResult, Verdict, load_results

_READY_S = 20.0
_TRIES = 3
_LOOK_AGAIN_S = 0.02
_CHECK_TIMEOUT_S = 900
_PRINTED = "check.txt"
_PORTS = range(10_000, 32_768)
"""Below those that Linux gives to clients, of which the checks side by side have thousands."""

_lock = threading.Lock()
_ports: set[int] = set()
"""Those that were given to servers; two that start side by side must not get the same."""
_works: dict[int, Path] = {}
"""The folder of the server at each port: some settings name a file of it."""


class NotStartedError(Exception):
    """The server did not come up; the message has the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the harness said about a server.

    Attributes:
        server: which.
        lines: the verdict matrix; empty where the check itself failed.
        problem: why this is not what the catalogue asks for, or nothing.
        folder: where the results and the evidence are.
        gap: what is not as a right tool would say, and is known not to be yet.
        beside: the problem that there was beside other servers, and that alone there was not.

    """

    server: Server
    lines: tuple[RequirementResult, ...]
    problem: str
    folder: Path
    gap: str = ""
    beside: str = ""

    @property
    def findings(self) -> dict[str, RequirementResult]:
        """The requirements that failed, by id."""
        return {line.id: line for line in self.lines if line.verdict.is_finding}


@contextlib.contextmanager
def running(server: Server) -> Iterator[int]:
    """Start a server, yield its port, and end it with all its children; 0 for one on pipes.

    Raises:
        NotStartedError: it did not listen in time, several times over.

    """
    if server.scheme == "exec":  # each connection starts one
        yield 0
        return
    with tempfile.TemporaryDirectory(prefix="wireproof-gallery-") as folder:
        work = Path(folder)
        work.chmod(0o755)  # some servers drop root and read their files afterwards
        process, port = _started(server, work)
        _works[port] = work
        try:
            yield port
        finally:
            end(process)


def judge(
    server: Server,
    depth: str,
    out: Path,
    *,
    seed: int | None = None,
    only: Sequence[str] = (),
    from_traffic: bool = False,
) -> Outcome:
    """Run `wireproof check` on a server as a user would, and compare with the catalogue.

    With `from_traffic` the user has files with requests, and no protocol: `compared.py` says what
    comes of that.
    """
    try:
        with running(server) as port:
            behind = ("--behind", server.behind.format(port=port)) if server.behind else ()
            if from_traffic:
                judged_by = [*traffic.options(server, port, out / "requests"), *behind]
                lines = _check(server, port, judged_by, depth, out, seed, only)
                return Outcome(server, lines, "", out)
            judged_by = [*protocol_options(server, port), *behind]
            lines = _check(server, port, judged_by, depth, out, seed, only)
    except (NotStartedError, UsageError, subprocess.TimeoutExpired) as error:
        return Outcome(server, (), f"{error}", out)
    return _outcome(server, lines, out)


def judge_often(server: Server, depth: str, out: Path, seeds: Sequence[int]) -> Outcome:
    """Judge a server once for each seed; return the first run that is not as expected, or the last.

    The problem says in how many runs the server was not judged as the catalogue says.
    """
    runs = [judge(server, depth, out / f"seed-{seed}", seed=seed) for seed in seeds]
    unexpected = [(seed, run) for seed, run in zip(seeds, runs, strict=True) if run.problem]
    if not unexpected:
        return runs[-1]
    seed, first = unexpected[0]
    often = f"{len(unexpected)} of {len(runs)} runs, first with seed {seed}: {first.problem}"
    return replace(first, problem=often if len(runs) > 1 else first.problem)


def read(server: Server, out: Path) -> Outcome | None:
    """Return what the latest whole run below a folder said, or None where there is none."""
    for path in sorted(
        out.glob("**/results.json"), key=lambda path: path.stat().st_mtime, reverse=True
    ):
        results = load_results(path)
        if results.check and not results.partial:
            return _outcome(server, tuple(results.check.requirements), path.parent)
    return None


def _outcome(server: Server, lines: tuple[RequirementResult, ...], folder: Path) -> Outcome:
    problem = _problem(server, lines, folder)
    if server.not_yet:
        return Outcome(server, lines, "", folder, gap=problem)
    return Outcome(server, lines, problem, folder)


def target_of(server: Server, port: int) -> str:
    """Return what names a server that listens on a port, or one that speaks on its pipes."""
    if server.scheme == "exec":
        return f"exec:{shlex.join(_command(server, server.place, port))}"
    return f"{server.scheme}://127.0.0.1:{port}"


def protocol_options(server: Server, port: int) -> list[str]:
    """Return the options that name a server's protocol."""
    settings = (
        part
        for name, value in server.settings.items()
        for part in ("--set", f"{name}={_filled(value, port)}")
    )
    return ["--protocol", server.protocol_name, *settings]


def _filled(value: str, port: int) -> str:
    """Return a setting with the server's port and folder in it."""
    return value.replace("{port}", str(port)).replace("{work}", str(_works.get(port, "")))


def _check(  # noqa: PLR0917 - what the command line says, one by one
    server: Server,
    port: int,
    judged_by: Sequence[str],
    depth: str,
    out: Path,
    seed: int | None,
    only: Sequence[str],
) -> tuple[RequirementResult, ...]:
    command = [
        str(Path(sys.executable).with_name("wireproof")),
        *("check", target_of(server, port), *judged_by),
        *("--depth", depth, "--out", str(out), "--force"),
        *(part for name in server.left_out for part in ("--skip", name)),
        *(part for name in only for part in ("--only", name)),
        *(() if seed is None else ("--seed", str(seed))),
    ]
    out.mkdir(parents=True, exist_ok=True)
    with (out / _PRINTED).open("wb") as log:
        process = begin(command, log)
        try:
            process.wait(_CHECK_TIMEOUT_S)
        finally:
            end(process)
    if process.returncode == 3 and not (out / "results.json").exists():
        return ()  # nothing could be judged, and the log says why
    if not (out / "results.json").exists():
        said = (out / _PRINTED).read_text(errors="replace")[-500:]
        raise UsageError(f"no results, exit code {process.returncode}: {said}")
    results = load_results(out / "results.json")
    assert results.check is not None
    return tuple(results.check.requirements)


def _problem(server: Server, lines: tuple[RequirementResult, ...], folder: Path) -> str:
    failed = [line.id for line in lines if line.verdict.is_finding]
    unsettled = [f"{line.id} {line.verdict}" for line in lines if not line.verdict.is_settled]
    if not server.is_sound:
        # What the protocol only recommends shows as NON-STRICT.
        weak = [line.id for line in lines if line.verdict is Verdict.NON_STRICT]
        missed = [each for each in server.must if not fnmatch.filter(failed + weak, each)]
        printed = " ".join((folder / _PRINTED).read_text(errors="replace").split())
        unsaid = bool(server.says) and not re.search(server.says, printed)
        return "; ".join(
            filter(
                None,
                (
                    f"not caught: {', '.join(missed)}" if missed else "",
                    f"not said: {server.says}" if unsaid else "",
                ),
            )
        )
    unexplained = [
        line.id
        for line in lines
        if line.verdict is Verdict.NON_STRICT and line.id not in server.non_strict
    ]
    said = [*(f"false alarm: {each}" for each in failed), *unsettled]
    said += [f"NON-STRICT without an explanation: {each}" for each in unexplained]
    return "; ".join(said)


def _started(server: Server, work: Path) -> tuple["subprocess.Popen[bytes]", int]:
    """Start a server on a free port.

    Most servers cannot bind port 0 and say which port they got. So a port is found by binding it,
    given back, and named to the server; another process may take it in between, and then the
    server ends and another port is tried.
    """
    said = ""
    for _ in range(_TRIES):
        port = _free_port()
        log = work / "output.txt"
        with log.open("wb") as output:
            process = begin(
                _command(server, work, port),
                output,
                folder=work,
                environment={"NODE_PATH": str(server.place / "node_modules")},
            )
        if _listens(process, port):
            return process, port
        end(process)
        said = log.read_text(errors="backslashreplace")[-400:]
    raise NotStartedError(f"{server.name} did not start: {said}")


def _free_port() -> int:
    """Return a port that nobody has now."""
    while True:
        port = random.choice(_PORTS)
        with _lock:
            if port in _ports:
                continue
            _ports.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _command(server: Server, work: Path, port: int) -> list[str]:
    filling = {
        "port": str(port),
        "work": str(work),
        "python": server.python,
        "bin": str(server.place / "bin"),
        "node": "node",
        "servers": str(HERE / "servers"),
        "unpacked": str(server.place),
    }
    if any("{certificate}" in text for text in (*server.start, *server.files.values())):
        filling["certificate"] = str(write_certificate(work))
    for name, text in server.files.items():
        path = work / name
        path.write_text(text.format_map(filling))
        path.chmod(0o600 if name == "smtpd.conf" else 0o644)
    first, *rest = (word.format_map(filling) for word in server.start)
    return [program(first) or first, *rest]


def _listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until the port takes connections, as long as the process lives."""
    deadline = Deadline(_READY_S)
    while not deadline.expired and process.poll() is None:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return process.poll() is None
        # Nobody tells us when a foreign process begins to listen.
        select.select([], [], [], _LOOK_AGAIN_S)
    return False
