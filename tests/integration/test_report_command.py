"""`wireproof report` and `wireproof compare` as a stranger types them."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support import result_samples as samples
from wireproof.cli import _COMMANDS, invoke
from wireproof.results import encode


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A result file with every part, its evidence beside it."""
    samples.write_evidence(tmp_path)
    path = tmp_path / "results.json"
    path.write_bytes(encode(samples.results()))
    return path


@pytest.mark.parametrize(
    ("option", "begins"),
    [
        ("--html", b"<!doctype html>"),
        ("--junit", b"<?xml"),
        ("--markdown", b"## Wireproof"),
        ("--csv", b"at_s,users,requests"),
        ("--hgrm", b"       Value     Percentile"),
        ("--prometheus", b"# HELP wireproof_"),
    ],
)
def test_each_format_goes_to_a_file_or_to_standard_output(
    results: Path, option: str, begins: bytes, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A dash prints what a name writes, and nothing else."""
    file = results.with_name("report")
    assert invoke(["report", str(results), option, str(file)]) == 0
    assert capfdbinary.readouterr().out == b""
    assert invoke(["report", str(results), option, "-"]) == 0
    sys.stdout.flush()
    printed = capfdbinary.readouterr().out
    assert printed.startswith(begins)
    if option != "--html":  # whose links exist in a file alone
        assert printed == file.read_bytes()


def test_a_link_among_the_evidence_is_not_embedded(results: Path, tmp_path: Path) -> None:
    """A stranger's result folder gets nothing of its reader's into the page."""
    private = tmp_path / "private.py"
    private.write_text("the reader's own words")
    script = tmp_path / "evidence" / "SEG-09" / "replay.py"
    script.unlink()
    script.symlink_to(private)
    assert invoke(["report", str(results), "--html", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "SEG-09" in page
    assert "own words" not in page
    assert "replay.py" not in page


def test_without_an_option_the_summary_is_printed(
    results: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The terminal's report is the default, and a report is no judgement: exit code 0."""
    assert invoke(["report", str(results)]) == 0
    assert "SEG-09" in capfd.readouterr().out


def test_several_formats_are_written_at_once(results: Path) -> None:
    """A CI job asks for all it needs in one call."""
    names = {"--html": "a.html", "--junit": "b.xml", "--markdown": "c.md"}
    options = [
        word for name, file in names.items() for word in (name, str(results.with_name(file)))
    ]
    assert invoke(["report", str(results), *options]) == 0
    assert all(results.with_name(file).stat().st_size for file in names.values())


def test_compare_ends_with_the_verdict(
    results: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A regression is exit code 1, on the terminal, as Markdown and as a page."""
    slower = tmp_path / "slower.json"
    slower.write_bytes(encode(samples.results(load=samples.load(120_000, seed=8))))
    faster = tmp_path / "base.json"
    faster.write_bytes(encode(samples.results(load=samples.load())))
    page = tmp_path / "comparison.html"
    assert invoke(["compare", str(faster), str(slower)]) == 1
    assert "REGRESSED" in capfd.readouterr().out
    assert invoke(["compare", str(slower), str(faster), "--html", str(page)]) == 0
    assert "improved" in page.read_text()
    assert "IMPROVED" in capfd.readouterr().out
    assert invoke(["compare", str(faster), str(slower), "--markdown", "-"]) == 1
    assert "**regressed**" in capfd.readouterr().out


@pytest.mark.parametrize(
    "command",
    # `serve` hands its help over to the reference server.
    [name for name in _COMMANDS if name != "serve" and find_spec(f"wireproof.cli.{name}")],
)
def test_every_help_has_an_example(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`--help` shows at least one whole command line that begins with the command's name."""
    assert invoke([command, "--help"]) == 0
    assert re.search(rf"^  \S*.*\bwireproof {command}\b", capfd.readouterr().out, re.MULTILINE)


def test_without_arguments_three_things_to_do_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """A stranger is told where to begin."""
    assert invoke([]) == 0
    shown = capfd.readouterr().out
    assert len(re.findall(r"^  wireproof ", shown, re.MULTILINE)) == 3


def _modules_after(*arguments: str) -> set[str]:
    code = (
        "import sys, json; from wireproof.cli import invoke\n"
        f"invoke({list(arguments)!r}); print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_loads_nothing_that_it_does_not_need() -> None:
    """`--help` stays quick: neither Hypothesis nor Locust nor rich nor the template engine."""
    loaded = _modules_after("--help")
    assert not loaded & {"hypothesis", "locust", "gevent", "rich", "jinja2", "msgspec", "asyncio"}


def test_a_report_loads_neither_engine(results: Path) -> None:
    """Reading a result file needs no Hypothesis, no Locust and no pytest."""
    loaded = _modules_after("report", str(results), "--html", str(results.with_suffix(".html")))
    assert not loaded & {"hypothesis", "locust", "gevent", "pytest"}


def test_completion_knows_commands_and_options() -> None:
    """The shell's completion is click's own, and it works with commands that are loaded late."""
    code = "import sys; from wireproof.cli import main; sys.argv[0] = 'wireproof'; main()"

    def complete(*words: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={
                "COMP_WORDS": " ".join(("wireproof", *words)),
                "COMP_CWORD": str(len(words)),
                "_WIREPROOF_COMPLETE": "bash_complete",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return {line.partition(",")[2] for line in done.stdout.splitlines()}

    assert complete("re") == {"record", "replay", "report"}
    assert {"--html", "--hgrm"} <= complete("report", "--h")
