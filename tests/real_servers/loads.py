"""`wireproof load` on the sound servers of the gallery, in each way that their protocol allows."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.real_servers.gallery import Server
from tests.real_servers.processes import begin, end
from tests.real_servers.running import NotStartedError, running
from wireproof.errors import WireproofError
from wireproof.protocols.base import Exchange
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import LoadResult, load_results

_USERS = 20
_TIMEOUT_S = 120
_LEAST_PER_S = 10.0
"""Of a load that runs: what is answered less often waits for something that does not come."""
_MODES = {
    "default": (),
    "any": ("--payload", "any"),
    "rate": ("--rate", "100"),
    "pipeline": ("--pipeline", "8"),
    "octets": ("--segment", "octets"),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load of a server in one mode came to.

    Attributes:
        server: which.
        mode: a name for the options.
        result: None where there is none.
        problem: why it is not what a sound server should get, or nothing.

    """

    server: Server
    mode: str
    result: LoadResult | None
    problem: str

    @property
    def line(self) -> str:
        """A row of the table."""
        head = f"{self.server.protocol.rpartition(':')[2]:12} {self.server.name:30} {self.mode:9}"
        if self.result is None:
            return f"{head} {self.problem}"
        shown = f"{self.result.throughput_per_s:9.0f}/s  {self.result.bottleneck:12}"
        return f"{head} {shown} {self.problem}".rstrip()


def is_loadable(server: Server) -> bool:
    """Say whether a server is sound, and answers requests."""
    if not server.is_sound:
        return False
    protocol = find_protocol(server.protocol_name, dict(server.settings))
    return protocol.exchange is Exchange.REQUEST_REPLY


def load_each_way(server: Server, out: Path, seconds: float) -> Iterator[Loaded]:
    """Load a server in each mode that its protocol allows, one after the other."""
    for mode in _modes(server):
        try:
            with running(server) as port:
                result, said = _load(server, port, _MODES[mode], out / mode, seconds)
        except (NotStartedError, subprocess.TimeoutExpired, WireproofError, OSError) as error:
            yield Loaded(server, mode, None, str(error))
        else:
            yield Loaded(server, mode, result, _problem(result, said))


def _modes(server: Server) -> Sequence[str]:
    protocol = find_protocol(server.protocol_name, dict(server.settings))
    left_out = {"pipeline", "octets"} if server.scheme == "udp" else set()
    if not protocol.pipelining or protocol.one_request:
        left_out.add("pipeline")
    return [mode for mode in _MODES if mode not in left_out]


def _load(
    server: Server, port: int, options: Sequence[str], out: Path, seconds: float
) -> tuple[LoadResult | None, str]:
    users = min(_USERS, int(server.settings.get("connections", _USERS)))
    out.mkdir(parents=True, exist_ok=True)
    command = [
        str(Path(sys.executable).with_name("wireproof")),
        *("load", f"{server.scheme}://127.0.0.1:{port}", "--protocol", server.protocol_name),
        *("--users", str(users), "--for", f"{seconds:g}s", "--out", str(out), "--force"),
        *(part for name, value in server.settings.items() for part in ("--set", f"{name}={value}")),
        *options,
    ]
    printed = out / "load.txt"
    with printed.open("wb") as log:
        process = begin(command, log)
        try:
            process.wait(_TIMEOUT_S)
        finally:
            end(process)
    said = printed.read_text(errors="backslashreplace")
    path = out / "results.json"
    return (load_results(path).load if path.exists() else None), said if process.returncode else ""


def _problem(result: LoadResult | None, said: str) -> str:
    if result is None:
        return said.strip()[-400:] or "no result"
    early = result.details.get("failures_while_warming_up") or {}
    problems = [f"{cause}: {count}" for cause, count in (result.failures | early).items()]
    if result.throughput_per_s < _LEAST_PER_S * min(1.0, result.users / 10):
        problems.append("next to nothing was answered")
    if said and not problems:
        problems.append(said.strip()[-400:])
    return "; ".join(problems)
