"""The catalogue in one's own test files: one line, one test item a requirement.

    TestMyServer = conformance_suite("my_protocol.py:Mine", target="tcp://127.0.0.1:9000")

or, with a fixture that starts the server and returns where it listens:

    TestMyServer = conformance_suite("echo", fixture="my_server")
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from harness.conformance.catalogue import catalogue_for
from harness.conformance.evidence import write_evidence
from harness.conformance.execute import open_diag
from harness.conformance.runner import Judged, Runner
from harness.conformance.subject import DEPTHS
from harness.errors import UsageError
from harness.protocols.registry import find_protocol
from harness.results import Verdict
from harness.target import parse_target, resolve
from harness.wire.connection import reachable

_NOTHING: Mapping[str, str] = MappingProxyType({})


def conformance_suite(
    protocol: str = "",
    *,
    target: str = "",
    fixture: str = "",
    settings: Mapping[str, str] = _NOTHING,
    depth: str = "",
) -> type:
    """Return a test class with one item a requirement, named by its ID.

    Args:
        protocol: a built-in's name, `module:Class` or `file.py:Class`; `--protocol`, if empty.
        target: where the server listens.
        fixture: name of a fixture that returns where it listens, instead of `target`.
        settings: of the protocol; `--set` adds to them.
        depth: `quick`, `default` or `deep`; `--depth`, if empty.

    Raises:
        UsageError: neither `target` nor `fixture` is given, or both are.

    """
    if bool(target) == bool(fixture):
        raise UsageError("conformance_suite needs target=… or fixture=…, one of the two")
    catalogue = {
        one.id: one for one in catalogue_for(find_protocol(protocol) if protocol else None)
    }
    runners: dict[str, Runner] = {}

    class ConformanceSuite:
        @pytest.mark.parametrize("identifier", catalogue)
        def test_requirement(
            self, identifier: str, request: pytest.FixtureRequest, tmp_path: Path
        ) -> None:
            """The requirement holds."""
            where = target or request.getfixturevalue(fixture)
            config = request.config
            name = protocol or config.getoption("--protocol")
            if where not in runners:
                runners[where] = _runner(where, name, settings, depth, config)
            runner = runners[where]
            judged = runner.judge_one(catalogue[identifier])
            _report(judged, runner, name, tmp_path)

    return ConformanceSuite


def _runner(
    where: str, name: str, settings: Mapping[str, str], depth: str, config: pytest.Config
) -> Runner:
    more = dict(text.split("=", 1) for text in config.getoption("protocol_settings") if "=" in text)
    found = reachable(resolve(parse_target(where), config.getoption("--allow-host")))
    runner = Runner(
        found,
        find_protocol(name, {**settings, **more}),
        DEPTHS[depth or config.getoption("--depth")],
        seed=config.getoption("--wire-seed"),
        diag=open_diag(),
    )
    runner.settle()
    return runner


def _report(judged: Judged, runner: Runner, protocol_name: str, folder: Path) -> None:
    """Turn a verdict into what pytest understands."""
    result = judged.result
    if result.verdict is Verdict.UNSUPPORTED:
        pytest.skip(result.message)
    if result.verdict in {Verdict.PASS, Verdict.NON_STRICT}:
        return
    lines = [f"{result.id} {result.verdict}: {result.title}", result.message]
    if judged.finding is not None:
        lines += [f"expected  {result.expected}", f"actual    {result.actual}"]
        paths = write_evidence(
            folder,
            judged.finding,
            target=runner.executor.target,
            protocol=runner.subject.protocol,
            protocol_name=protocol_name,
            settings={},
            patience_s=runner.executor.patience_s,
        )
        lines += [f"evidence  {folder / path}" for path in paths if path.endswith(".py")]
    pytest.fail("\n".join(lines), pytrace=False)
