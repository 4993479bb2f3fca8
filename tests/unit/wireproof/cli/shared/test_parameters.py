"""Kinds of option values."""

from collections.abc import Iterator

import click
import pytest

from wireproof.cli import cli, invoke
from wireproof.cli.shared.parameters import AUTO, AtOnce, Counts, Duration
from wireproof.errors import UsageError

OPTION = click.Option(["--for"])


def _options() -> Iterator[tuple[str, click.Option]]:
    assert isinstance(cli, click.Group)
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield f"{name} {parameter.opts[0]}", parameter


def test_every_option_that_takes_a_time_reads_it_alike() -> None:
    """No command has a reading of its own, under whatever name the option goes."""
    options = dict(_options())
    timed = {where for where, option in options.items() if isinstance(option.type, Duration)}
    assert timed == {
        "run --for",
        "check --time-budget",
        "load --for",
        "load --warm-up",
        "load --connection-lifetime",
        "load --timeout",
        "load --wait",
        "backlog --for",
        "between --timeout",
        "between --time-budget",
    }
    numbers = {where for where, option in options.items() if option.type is click.FLOAT}
    assert numbers == {"load --connect-rate"}


@pytest.mark.parametrize("command", ["run", "check tcp://127.0.0.1:9", "load tcp://127.0.0.1:9"])
def test_a_duration_that_is_none_is_told_by_its_option(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the option, what it was given and what to write."""
    option = "--time-budget" if command.startswith("check") else "--for"
    assert invoke([*command.split(), option, "3x"]) == 2
    said = f"wireproof: {option}: invalid duration '3x': write 500ms, 5s or 2m\n"
    assert capsys.readouterr().err == said


def test_a_duration_may_have_a_least() -> None:
    """What is shorter is refused with what to write."""
    assert Duration("500ms").convert("0.5", OPTION, None) == 0.5
    with pytest.raises(UsageError, match=r"^--for: 499ms is too short: write 500ms or more$"):
        Duration("500ms").convert("499ms", OPTION, None)


def test_what_was_read_stays_as_it_is() -> None:
    """Click may hand a value in twice."""
    assert Duration().convert(1.5, OPTION, None) == 1.5
    assert Counts().convert([1, 2], OPTION, None) == [1, 2]


@pytest.mark.parametrize("text", ["", "1,x", "0", "1,,2", "-1", "1.5"])
def test_counts_are_whole_and_above_0(text: str) -> None:
    """What is not a list of them is refused with the option's own example."""
    assert Counts().convert("1, 10,50", OPTION, None) == [1, 10, 50]
    with pytest.raises(
        UsageError, match="is not a list of numbers of 1 or more\nwrite --for 1,10,50"
    ):
        Counts().convert(text, OPTION, None)


def test_processes_are_a_number_or_auto() -> None:
    """What says how many, and what leaves it to the machine."""
    kind, option = AtOnce("processes"), click.Option(["--processes"])
    assert [kind.convert(value, option, None) for value in ("3", 3, "auto")] == [3, 3, AUTO]
    for value in ("0", "-1", "many", "1.5"):
        with pytest.raises(UsageError, match="--processes"):
            kind.convert(value, option, None)
