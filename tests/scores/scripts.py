"""Evidence scripts: 1 against the fault that they show, 0 against the sound server."""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from harness.conformance.evidence import write_evidence
from harness.conformance.runner import Finding, Runner
from harness.wire.reference import ReferenceServer

_LIMIT_S = 240


class Scripts:
    """Runs the scripts of one variant's findings."""

    def __init__(self, options: list[str], judged: ReferenceServer, stack: ExitStack) -> None:
        """Prepare.

        Args:
            options: that make a reference server the variant.
            judged: the server on which the findings were made.
            stack: ends what is started here.

        """
        self._options = options
        self._judged = judged
        self._sound = stack.enter_context(ReferenceServer())
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    def try_one(self, finding: Finding, runner: Runner) -> tuple[tuple[int, int], str] | None:
        """Run a finding's script against a fresh fault, or else the judged one, and the sound one.

        A fault that needs a history, such as sixty connections, shows on the judged server only.

        Returns:
            Both exit codes, and which faulty server gave the first; None where there is no script.

        """
        paths = write_evidence(
            self._folder,
            finding,
            target=runner.executor.target,
            protocol=runner.subject.protocol,
            protocol_name="timestamp-echo",
            settings={},
            patience_s=runner.executor.patience_s,
        )
        script = next((self._folder / path for path in paths if path.endswith("/replay.py")), None)
        if script is None:
            return None
        with ReferenceServer(*self._options) as fresh:
            on_fault, where = _exit_of(script, fresh), "fresh"
        if on_fault == 0:
            on_fault, where = _exit_of(script, self._judged), "judged"
        return (on_fault, _exit_of(script, self._sound)), where


def _exit_of(script: Path, server: ReferenceServer) -> int:
    address = server.target.removeprefix("tcp://").rsplit(":", 1)
    command = [sys.executable, "-I", str(script), *address]
    try:
        return subprocess.run(
            command, check=False, capture_output=True, timeout=_LIMIT_S
        ).returncode
    except subprocess.TimeoutExpired:
        return 124
