"""The command line as a whole: what is said, where, and with which exit code."""

import importlib
import subprocess
import sys

import click
import pytest

from wireproof import __version__, cli
from wireproof.cli import _COMMANDS, invoke
from wireproof.loop_form import loop_form


def test_without_a_command_it_welcomes(capsys: pytest.CaptureFixture[str]) -> None:
    """Three things to do first."""
    assert invoke([]) == 0
    said = capsys.readouterr().out
    assert said.count("  wireproof ") == 3


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_loads_and_helps(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has help with an example; serve hands it on to the server."""
    if command == "serve":
        return
    assert invoke([command, "--help"]) == 0
    assert f"Usage: wireproof {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_option_has_help(command: str) -> None:
    """No option is left to be guessed."""
    found = getattr(importlib.import_module(f"wireproof.cli.{command}"), command)
    options = [each for each in found.params if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.help] == []


def test_help_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    """No command is hidden, and the exit codes are told."""
    assert invoke(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {command} " in said for command in _COMMANDS)
    assert "Exit codes: 0" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], "known: run, check"),
        (["check"], "missing argument 'TARGET'\nsee wireproof check --help"),
        (["check", "tcp://127.0.0.1:1", "--depth", "abysmal"], "'quick', 'default', 'deep'"),
        (["check", "nonsense"], "'nonsense' is not a target\nwrite tcp://"),
        (["check", "tcp://127.0.0.1:1", "--set", "buffer"], "write --set name=value"),
        (["check", "tcp://127.0.0.1:1", "--set", "bufer=1"], "no setting 'bufer'"),
        (["check", "tcp://127.0.0.1:1", "--baseline", "none.toml"], "cannot read none.toml"),
        (["replay", "none.json"], "cannot read none.json"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and on standard error what to write instead; never a traceback."""
    assert invoke(arguments) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version of the package, and which form of the load's loop runs."""
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"wireproof, version {__version__}\nloop: {loop_form()}\n"


def test_ctrl_c_before_anything_was_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One word and exit code 3."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wireproof.cli.rules.find_protocol", interrupted, raising=False)
    monkeypatch.setattr("wireproof.protocols.loading.registry.find_protocol", interrupted)
    assert invoke(["rules"]) == 3
    assert capsys.readouterr().err.strip().endswith("wireproof: interrupted")


def test_main_ends_the_process_with_the_code() -> None:
    """The code reaches the shell."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["chekc"])
    assert ended.value.code == 2


def test_a_pipe_that_is_closed_early() -> None:
    """`wireproof rules | true` says nothing of it."""
    with subprocess.Popen(
        [sys.executable, "-c", "from wireproof.cli import main; main()", "rules", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.wait(30)
    assert said == b""
