"""The catalogue in one's own test files: one line, one test item a requirement.

    TestMyServer = conformance_suite("my_protocol.py:Mine", target="tcp://127.0.0.1:9000")

or, with a fixture that starts the server and returns where it listens:

    TestMyServer = conformance_suite("echo", fixture="my_server")
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from wireproof.conformance.catalogue import catalogue_for
from wireproof.conformance.evidence.files import write_evidence
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.conformance.verdict import Judged
from wireproof.errors import UsageError, WireproofError
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import Verdict
from wireproof.target import parse_target, resolve
from wireproof.wire.connecting import reachable

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
    runners: dict[str, Runner] = {}

    def protocol_of(config: pytest.Config) -> tuple[str, dict[str, str]]:
        more = dict(text.partition("=")[::2] for text in config.getoption("protocol_settings"))
        return protocol or config.getoption("--protocol"), {**settings, **more}

    class ConformanceSuite:
        def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
            """Make one item of each requirement, the protocol's own among them."""
            try:
                catalogue = catalogue_for(find_protocol(*protocol_of(metafunc.config)))
            except WireproofError as error:
                raise pytest.UsageError(str(error)) from None
            metafunc.parametrize("requirement", catalogue, ids=[one.id for one in catalogue])

        def test_requirement(
            self, requirement: Requirement, request: pytest.FixtureRequest, tmp_path: Path
        ) -> None:
            """The requirement holds."""
            where = target or request.getfixturevalue(fixture)
            name, values = protocol_of(request.config)
            _classify(request, where, name)
            try:
                if where not in runners:
                    runners[where] = _runner(where, name, values, depth, request.config)
                runner = runners[where]
                judged = runner.judge_one(requirement)
            except WireproofError as error:
                pytest.fail(str(error), pytrace=False)
            _report(judged, runner, name, values, tmp_path)

    return ConformanceSuite


def _classify(request: pytest.FixtureRequest, where: str, protocol: str) -> None:
    """Have target and protocol in the class name of the case in JUnit's XML, if one is written.

    Two suites in one file are told apart by it. The way is pytest's own, and called experimental.
    """
    if request.config.pluginmanager.hasplugin("junitxml") and request.config.option.xmlpath:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            record = request.getfixturevalue("record_xml_attribute")
        record("classname", f"wireproof.{protocol}@{where}")


def _runner(
    where: str, name: str, settings: dict[str, str], depth: str, config: pytest.Config
) -> Runner:
    found = reachable(resolve(parse_target(where), config.getoption("--allow-host")))
    diag = open_diag()
    if diag is not None:
        config.add_cleanup(diag.close)
    runner = Runner(
        found,
        find_protocol(name, settings),
        DEPTHS[depth or config.getoption("--depth")],
        seed=config.getoption("--wire-seed"),
        diag=diag,
    )
    runner.settle()
    return runner


def _report(
    judged: Judged, runner: Runner, protocol_name: str, settings: dict[str, str], folder: Path
) -> None:
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
            settings=settings,
            timeout_s=runner.executor.timeout_s,
        )
        lines += [f"evidence  {folder / path}" for path in paths if path.endswith(".py")]
    pytest.fail("\n".join(lines), pytrace=False)
