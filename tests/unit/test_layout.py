"""Source files and test files map one to one; what has none is named here, with the reason."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
SOURCES = {"wireproof": ROOT / "harness", "reference_server": ROOT}

# Where a file's tests are, if not in a file of its own name: an integration test names it better.
ELSEWHERE = {
    "harness/locustfile.py": "integration/test_load_users.py",
    "wireproof/version.py": "unit/wireproof/cli/test_cli.py",
    "wireproof/accept_queue/watchdog.py": "unit/wireproof/accept_queue/test_pause.py",
    "wireproof/cli/between.py": "integration/test_between.py",
    "wireproof/cli/shared/relaying.py": "unit/wireproof/cli/test_record.py",
    "wireproof/cli/check.py": "integration/test_check.py",
    "wireproof/cli/shared/from_traffic.py": "integration/test_check_from.py",
    "wireproof/cli/compare.py": "unit/wireproof/reporting/compare/test_verdict.py",
    "wireproof/cli/learn.py": "integration/test_learn.py",
    "wireproof/learnt/carrier.py": "integration/test_carried.py",
    "wireproof/learnt/datagrams.py": "integration/test_check_from_datagrams.py",
    "wireproof/learnt/half_closed.py": "integration/test_check_from_half_close.py",
    "wireproof/learnt/judges.py": "integration/test_check_from_datagrams.py",
    "wireproof/learnt/source/exchanges.py": "integration/test_learn.py",
    "wireproof/learnt/source/protocol_file.py": "integration/test_learn.py",
    "wireproof/cli/load.py": "integration/test_load.py",
    "wireproof/cli/shared/load_runs.py": "integration/test_load.py",
    "wireproof/cli/shared/watching.py": "unit/wireproof/cli/shared/test_metrics_push.py",
    "wireproof/reporting/exports/otlp_metrics.py": "unit/wireproof/cli/shared/test_metrics_push.py",
    "wireproof/cli/report.py": "integration/test_report_command.py",
    "wireproof/cli/worker.py": "integration/test_more_machines.py",
    "wireproof/wire/tls_connection.py": "zoo/test_upgrading.py",
    "wireproof/conformance/execution/judged_stream.py": (
        "unit/wireproof/conformance/execution/test_judged_connection.py"
    ),
    "wireproof/conformance/execution/server/look.py": (
        "unit/wireproof/conformance/execution/server/test_burden.py"
    ),
    "wireproof/conformance/execution/failure.py": (
        "unit/wireproof/conformance/execution/test_judged_connection.py"
    ),
    "wireproof/conformance/execution/plan_execution.py": (
        "unit/wireproof/conformance/execution/test_executor.py"
    ),
    "wireproof/conformance/execution/witness.py": (
        "unit/wireproof/conformance/execution/test_judged_connection.py"
    ),
    "wireproof/conformance/drawing_long.py": "unit/wireproof/conformance/test_drawing.py",
    "wireproof/conformance/pytest_plugin.py": "integration/test_check.py",
    "wireproof/conversation.py": "unit/wireproof/traffic/captured/test_captures.py",
    "wireproof/results/between.py": "integration/test_between.py",
    "wireproof/results/learnt.py": "unit/wireproof/reporting/test_learnt.py",
    "wireproof/reporting/terminal/figures.py": "unit/wireproof/reporting/terminal/test_summary.py",
}

# Rooms whose files are tested together, through what they are for.
TOGETHER = {
    "wireproof/between": "integration/test_between.py",
    "wireproof/conformance/evidence": "unit/wireproof/conformance/evidence/test_scripts.py",
    "wireproof/conformance/evidence/script": (
        "unit/wireproof/conformance/evidence/test_scripts.py"
    ),
    "wireproof/conformance/properties": "unit/wireproof/conformance/test_catalogue.py",
    "wireproof/conformance/properties/streams": "unit/wireproof/conformance/test_catalogue.py",
    "wireproof/conformance/properties/connections": "unit/wireproof/conformance/test_catalogue.py",
    "wireproof/conformance/suite": "integration/test_check.py",
    "wireproof/learning": "unit/wireproof/learning/test_learnt.py",
    "wireproof/rehearsal": "integration/test_check_from.py",
    "wireproof/load": "integration/test_load.py",
    "wireproof/load/figures": "integration/test_load.py",
    "wireproof/load/on_locust": "integration/test_load_users.py",
    "wireproof/load/swarm": "integration/test_load.py",
    "wireproof/load/swarm/connections": "integration/test_load.py",
    "wireproof/protocols": "unit/wireproof/protocols/test_framed.py",
    "wireproof/between/findings": "integration/test_between.py",
    "wireproof/between/runs": "integration/test_between.py",
    "wireproof/between/trying": "integration/test_between.py",
    "wireproof/cli/shared": "integration/test_load.py",
    "wireproof/learning/patterns": "unit/wireproof/learning/test_learnt.py",
    "wireproof/learning/values": "unit/wireproof/learning/test_learnt.py",
    "wireproof/load/on_locust/distribution": "integration/test_more_machines.py",
    "wireproof/load/swarm/measuring": "integration/test_load.py",
    "wireproof/load/workload": "integration/test_load.py",
    "wireproof/protocols/judging": "unit/wireproof/protocols/test_framed.py",
    "wireproof/protocols/loading": "unit/wireproof/protocols/loading/test_registry.py",
    "wireproof/protocols/built_in": "unit/wireproof/protocols/built_in/test_built_in.py",
    "wireproof/traffic": "unit/wireproof/traffic/captured/test_captures.py",
    "wireproof/traffic/captured": "unit/wireproof/traffic/captured/test_captures.py",
    "reference_server": "integration/test_reference_server.py",
    "reference_server/variants": "integration/test_reference_server_faults.py",
}


def _sources() -> list[str]:
    found = ["harness/locustfile.py"]
    for package, folder in SOURCES.items():
        found += [
            str(path.relative_to(folder))
            for path in (folder / package).rglob("*.py")
            if path.name not in {"__init__.py", "__main__.py"}
        ]
    return found


def _own_test(source: str) -> Path:
    folder, _, name = source.rpartition("/")
    return UNIT / folder / f"test_{name}"


def test_every_source_file_has_its_tests() -> None:
    """A file without tests of its own is an exception that names where it is tested."""
    untested = [
        source
        for source in _sources()
        if not _own_test(source).is_file()
        and source not in ELSEWHERE
        and source.rpartition("/")[0] not in TOGETHER
    ]
    assert untested == []


def test_the_exceptions_are_true() -> None:
    """An exception names a source file that is there, without tests of its own, and its tests."""
    sources = _sources()
    for source, tests in ELSEWHERE.items():
        assert source in sources, source
        assert not _own_test(source).is_file(), source
        assert (ROOT / "tests" / tests).is_file(), tests
    for folder, tests in TOGETHER.items():
        assert (SOURCES[folder.partition("/")[0]] / folder).is_dir(), folder
        assert (ROOT / "tests" / tests).is_file(), tests


def test_the_mutation_run_names_files_that_are_there() -> None:
    """A file that moved would be left out silently, and a survivor's reason with it."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    survivors = tomllib.loads((ROOT / "tests" / "mutation" / "survivors.toml").read_text())
    mutated = options["only_mutate"]
    assert {one["source"] for one in survivors["survivor"]} <= set(mutated)
    assert [one for one in mutated if not (ROOT / "harness" / one).is_file()] == []
    tests = options["pytest_add_cli_args_test_selection"]
    assert [one for one in tests if not (ROOT / one).exists()] == []


def test_the_guides_name_files_and_tests_that_are_there() -> None:
    """What README and CONTRIBUTING point at is there; what a run makes is no file of ours."""
    tests = {path.name: path for path in (ROOT / "tests").rglob("test_*.py")}
    docs = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")]
    for guide in ("README.md", "CONTRIBUTING.md", "reports/README.md", *docs):
        text = (ROOT / guide).read_text(encoding="utf-8")
        for named in re.findall(r"\b(?:tests|harness|reference_server)/[\w./-]*\w", text):
            assert (ROOT / named).exists(), f"{guide}: {named}"
        for file, name in re.findall(r"(test_\w+\.py)::(\w+)", text):
            assert f"def {name}(" in tests[file].read_text(encoding="utf-8"), f"{guide}: {name}"
        for name in re.findall(r"`(test_\w+)`", text):
            found = any(f"def {name}(" in path.read_text("utf-8") for path in tests.values())
            assert found, f"{guide}: {name}"
