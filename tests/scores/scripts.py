"""Evidence scripts: 1 against the fault that they show, 0 against the sound server."""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from reference_server.variants.base import Variant
from tests.scores.zoos import protocol_of, serving, serving_sound
from wireproof.conformance.evidence.case import Replayed, read_case, run_case
from wireproof.conformance.evidence.files import write_evidence
from wireproof.conformance.runner import Runner
from wireproof.conformance.search.pursuit import Finding

_LIMIT_S = 240
_REPLAYS = 5


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a script.

    Attributes:
        exits: its codes against the fault, 1 if five runs had that, and against the sound server.
        where: which faulty server gave the first: a fresh one, or the one that was judged.
        accusation: what it said of the sound server, if that was not found sound.

    """

    exits: tuple[int, int]
    where: str
    accusation: str


class Scripts:
    """Runs the scripts of one variant's findings."""

    def __init__(self, variant: Variant, stack: ExitStack) -> None:
        """Prepare.

        Args:
            variant: whose they are.
            stack: ends what is started here.

        """
        self._variant = variant
        self._sound = stack.enter_context(serving_sound(variant))
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    def try_one(self, finding: Finding, runner: Runner) -> Tried | None:
        """Run a finding's script against a fresh fault, or else the judged one, and the sound one.

        A fault that needs a history, such as sixty connections, shows on the judged server only.

        Returns:
            None where there is no script.

        """
        paths = _written(self._folder, finding, runner, self._variant)
        script = next((self._folder / path for path in paths if path.endswith("/replay.py")), None)
        if script is None:
            return None
        with serving(self._variant) as fresh:
            on_fault, where = _surest(script, fresh), "fresh"
        if on_fault == 0:
            on_fault, where = _surest(script, str(runner.executor.target)), "judged"
        on_sound, said = _outcome(script, self._sound)
        return Tried((on_fault, on_sound), where, said if on_sound else "")


def replayed(finding: Finding, runner: Runner, variant: Variant) -> Replayed:
    """Run a finding's recorded case again on the server that was judged, as `replay` does."""
    with tempfile.TemporaryDirectory() as folder:
        paths = _written(Path(folder), finding, runner, variant)
        case = read_case(next(Path(folder) / one for one in paths if one.endswith("replay.json")))
    return run_case(case, runner.executor, runner.subject.protocol, _REPLAYS)


def _written(folder: Path, finding: Finding, runner: Runner, variant: Variant) -> list[str]:
    """Write a finding's evidence into a folder; return the paths below it."""
    protocol, name = protocol_of(variant)
    return write_evidence(
        folder,
        finding,
        target=runner.executor.target,
        protocol=protocol,
        protocol_name=name,
        settings={},
        timeout_s=runner.executor.timeout_s,
    )


def _surest(script: Path, target: str) -> int:
    """Return 1 if that is the exit code of as many runs as there are replays, else another one."""
    codes = (_outcome(script, target)[0] for _ in range(_REPLAYS))
    return next((code for code in codes if code != 1), 1)


def _outcome(script: Path, target: str) -> tuple[int, str]:
    """Return the script's exit code, and what it said."""
    address = target.partition("://")[2].rsplit(":", 1)
    command = [sys.executable, "-I", str(script), *address]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return 124, f"still busy after {_LIMIT_S} s"
    return done.returncode, (done.stdout + done.stderr).strip()
