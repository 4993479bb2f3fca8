"""`wireproof load` on the sound servers of the gallery, in each way that their protocol allows."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.real_servers.gallery import Server
from tests.real_servers.processes import begin, end
from tests.real_servers.running import NotStartedError, protocol_options, running, target_of
from wireproof.errors import WireproofError
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import LoadResult, load_results

_USERS = 20
_TIMEOUT_S = 120
_LEAST_PER_S = 10.0
"""Of a load that runs: what is answered less often waits for something that does not come."""
_NOT_SATURATED, _SATURATED = 0.4, 0.05
"""Shares of the time that a generator sleeps which is no limit, and one that is."""
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
        """A row of the table, with the share that the generator slept, and the server's CPUs."""
        head = f"{self.server.protocol.rpartition(':')[2]:12} {self.server.name:28} {self.mode:18}"
        if self.result is None:
            return f"{head} {self.problem}"
        details = self.result.details
        shown = (
            f"{self.result.throughput_per_s:9.0f}  {sum(self.result.failures.values()):8}"
            f"  {self.result.bottleneck:12}  {details.get('generator_idle', 0):5.0%}"
            f"  {details.get('server_cpus', 0):4.2f}  {'Nagle' if self.waits_for_acks else '':5}"
        )
        return f"{head} {shown} {self.problem}".rstrip()

    @property
    def waits_for_acks(self) -> bool:
        """Whether the result says that the server waits for an ACK."""
        return self.result is not None and "advice" in self.result.details


HEAD = (
    f"{'protocol':12} {'server':28} {'mode':18} {'answers/s':>9}  failures  {'word':12}"
    "  slept  CPUs"
)


def is_loadable(server: Server) -> bool:
    """Say whether a server is sound, and answers requests."""
    if not server.is_sound:
        return False
    protocol = find_protocol(server.protocol_name, dict(server.settings))
    return protocol.exchange is Exchange.REQUEST_REPLY


def load_each_way(server: Server, out: Path, seconds: float) -> Iterator[Loaded]:
    """Load a server in each mode that its protocol allows, one after the other."""
    for mode in _modes(server):
        loaded = _loaded(server, mode, _MODES[mode], out, seconds)
        yield loaded
        if loaded.waits_for_acks:  # the figure for both
            options = (*_MODES[mode], "--quick-ack")
            yield _loaded(server, f"{mode} quick-ack", options, out, seconds)


def _loaded(server: Server, mode: str, options: Sequence[str], out: Path, seconds: float) -> Loaded:
    try:
        with running(server) as port:
            result, said = _load(server, port, options, out / mode.replace(" ", "-"), seconds)
    except (NotStartedError, subprocess.TimeoutExpired, WireproofError, OSError) as error:
        return Loaded(server, mode, None, str(error))
    return Loaded(server, mode, result, _problem(result, said, is_paced="--rate" in options))


def _modes(server: Server) -> Sequence[str]:
    protocol = find_protocol(server.protocol_name, dict(server.settings))
    left_out = {"pipeline", "octets"} if server.scheme == "udp" else set()
    left_out |= server.unloaded.keys()
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
        *("load", target_of(server, port), *protocol_options(server, port)),
        *("--users", str(users), "--for", f"{seconds:g}s", "--out", str(out), "--force"),
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


def _problem(result: LoadResult | None, said: str, *, is_paced: bool) -> str:
    if result is None:
        return said.strip()[-400:] or "no result"
    early = result.details.get("failures_while_warming_up") or {}
    problems = [f"{cause}: {count}" for cause, count in (result.failures | early).items()]
    if result.throughput_per_s < _LEAST_PER_S * min(1.0, result.users / 10):
        problems.append("next to nothing was answered")
    if contradiction := _contradiction(result, is_paced=is_paced):
        problems.append(contradiction)
    if said and not problems:
        problems.append(said.strip()[-400:])
    return "; ".join(problems)


def _contradiction(result: LoadResult, *, is_paced: bool) -> str:
    """Return what of the figures cannot be with the word, or nothing."""
    slept = result.details.get("generator_idle", 0.0)
    if is_paced:
        return "" if result.bottleneck == "undetermined" else "a rate that was kept has no limit"
    if result.bottleneck == "generator" and slept > _NOT_SATURATED:
        return f"the generator is no limit that slept {slept:.0%}"
    if result.bottleneck == "server" and slept < _SATURATED:
        return f"the generator, which slept {slept:.0%}, had nothing to spare"
    return ""
