"""Source files and test files map one to one; what has none is named here, with the reason."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"

# Where a file's tests are, if not in a file of its own name: an integration test names it better.
ELSEWHERE = {
    "harness/locustfile.py": "integration/test_load_users.py",
    "harness/accept_queue/watchdog.py": "unit/harness/accept_queue/test_pause.py",
    "harness/reporting/terminal_figures.py": "unit/harness/reporting/test_terminal.py",
    "harness/cli/check.py": "integration/test_check.py",
    "harness/cli/compare.py": "unit/harness/reporting/test_compare.py",
    "harness/cli/load.py": "integration/test_load.py",
    "harness/cli/report.py": "integration/test_report_command.py",
    "harness/conformance/failure.py": "unit/harness/conformance/test_channel.py",
    "harness/conformance/pytest_plugin.py": "integration/test_check.py",
    "harness/conformance/datagram_script.py": "unit/harness/conformance/test_scripts.py",
    "harness/conformance/stream_script.py": "unit/harness/conformance/test_scripts.py",
}

# Rooms whose files are tested together, through what they are for.
TOGETHER = {
    "harness/conformance/properties": "unit/harness/conformance/test_catalogue.py",
    "harness/conformance/suite": "integration/test_check.py",
    "harness/load": "integration/test_load.py",
    "harness/protocols": "unit/harness/protocols/test_built_in.py",
    "reference_server": "integration/test_reference_server.py",
    "reference_server/variants": "integration/test_reference_server_faults.py",
}


def _sources() -> list[str]:
    return [
        str(path.relative_to(ROOT))
        for package in ("harness", "reference_server")
        for path in (ROOT / package).rglob("*.py")
        if path.name not in {"__init__.py", "__main__.py"}
    ]


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
        assert (ROOT / folder).is_dir(), folder
        assert (ROOT / "tests" / tests).is_file(), tests
