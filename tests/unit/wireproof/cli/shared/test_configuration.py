"""What a project says of its targets: where it is found, and what it becomes."""

import importlib
import re
from pathlib import Path

import click
import pytest

from wireproof.cli import _COMMANDS
from wireproof.cli.shared.common import was_given
from wireproof.cli.shared.configuration import KEYS, configured, find_configuration
from wireproof.errors import UsageError

GATEWAY = """\
depth = "quick"
allow-host = "lab"

[targets.gateway]
url = "tcp://127.0.0.1:9000"
protocol = "gateway.py:Gateway"
baseline = "known.toml"
slo = ["p99<5ms", "errors<1"]
set = { user = "alice", buffer = 2048 }
seed = 7
depth = "deep"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a folder in it, which is the current one."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "tests").mkdir()
    monkeypatch.chdir(tmp_path / "tests")
    return tmp_path


@click.command()
@click.argument("target", is_eager=True, callback=configured)
@click.option("--allow-host", "allow_hosts", multiple=True)
@click.option("--protocol", "protocol_name", default="timestamp-echo")
@click.option("--set", "settings", multiple=True)
@click.option("--baseline", type=click.Path())
@click.option("--depth", type=click.Choice(["quick", "default", "deep"]), default="default")
@click.option("--slo", "slos", multiple=True)
@click.option("--seed", type=int)
def measure(**given: object) -> dict[str, object]:
    """Return what a command gets."""
    return {**given, "protocol_given": was_given("protocol_name")}


def _measured(*arguments: str) -> dict[str, object]:
    outcome: dict[str, object] = measure.main(list(arguments), standalone_mode=False)
    return outcome


def test_a_name_stands_for_a_target_and_its_options(project: Path) -> None:
    """Files are found from any folder; the target's own word goes before that of all."""
    (project / "wireproof.toml").write_text(GATEWAY)
    assert _measured("gateway") == {
        "target": "tcp://127.0.0.1:9000",
        "allow_hosts": ("lab",),
        "protocol_name": "../gateway.py:Gateway",
        "protocol_given": True,
        "settings": ("user=alice", "buffer=2048"),
        "baseline": "../known.toml",
        "depth": "deep",
        "slos": ("p99<5ms", "errors<1"),
        "seed": 7,
    }


def test_the_command_line_wins(project: Path) -> None:
    """An option that is written is taken as it is written, before or behind the target."""
    (project / "wireproof.toml").write_text(GATEWAY)
    measured = _measured("--slo", "p50<1ms", "gateway", "--depth", "default", "--protocol", "echo")
    assert measured["slos"] == ("p50<1ms",)
    assert measured["depth"] == "default"
    assert measured["protocol_name"] == "echo"


def test_a_url_gets_what_is_said_of_all(project: Path) -> None:
    """What belongs to a name is not taken for another target."""
    (project / "wireproof.toml").write_text(GATEWAY)
    measured = _measured("tcp://127.0.0.1:9000")
    assert measured["depth"] == "quick"
    assert measured["protocol_name"] == "timestamp-echo"
    assert not measured["protocol_given"]


def test_pyproject_has_a_table_for_it(project: Path) -> None:
    """The nearest file holds; a pyproject.toml without the table says nothing."""
    (project / "pyproject.toml").write_text(
        '[tool.wireproof.targets.cache]\nurl = "unix:/run/cache.sock"\nprotocol = "redis"\n'
    )
    (project / "tests" / "pyproject.toml").write_text('[project]\nname = "tests"\n')
    measured = _measured("cache")
    assert (measured["target"], measured["protocol_name"]) == ("unix:/run/cache.sock", "redis")
    found = find_configuration()
    assert found is not None
    assert found.settings("cache")["protocol"].where == "[tool.wireproof.targets.cache]"


def test_nothing_is_looked_for_above_the_repository(project: Path) -> None:
    """Another project's file is none of ours."""
    inner = project / "tests" / "inner"
    (inner / ".git").mkdir(parents=True)
    (project / "wireproof.toml").write_text(GATEWAY)
    assert find_configuration(inner) is None
    assert find_configuration(project / "tests") is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("depth = ", "wireproof.toml is not TOML"),
        ("dept = 'quick'", "unknown key 'dept' in the file's top\nwrite depth"),
        ("targets = 3", "a target is a table\nwrite [targets.NAME]"),
        ("[targets.a]\ndepth = 'quick'", "[targets.a] has no url"),
        ("depth = ['quick']", "depth in the file's top takes a string, not ['quick']"),
        ("seed = true", "seed in the file's top takes a whole number, not True"),
        ("set = 'a=1'", "set in the file's top takes a table, not 'a=1'"),
        ("slo = [1]", "slo in the file's top takes a list of strings, not [1]"),
        ("[targets.b]\nurl = 'tcp://h:1'", "'a' is neither a target nor a name"),
    ],
)
def test_what_is_wrong_is_told(project: Path, text: str, said: str) -> None:
    """A line says what and where, and what to write instead."""
    (project / "wireproof.toml").write_text(text)
    with pytest.raises(UsageError, match=re.escape(said)):
        _measured("a")


def test_a_broken_file_of_another_tool_is_no_matter_of_ours(project: Path) -> None:
    """A pyproject.toml that doesn't name us is not read on."""
    (project / "pyproject.toml").write_text("[project\n")
    assert _measured("tcp://h:1")["target"] == "tcp://h:1"


def test_every_key_is_an_option() -> None:
    """Nothing may stand in the file that no command understands."""
    options = {
        text
        for name in _COMMANDS
        for one in getattr(importlib.import_module(f"wireproof.cli.{name}"), name).params
        for text in one.opts
    }
    assert {f"--{key}" for key in KEYS} <= options
