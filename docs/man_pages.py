"""`python -m docs.man_pages FOLDER` writes a man page for each command, from the command itself."""

import copy
import re
import sys
from pathlib import Path

import click
from click_man.core import write_man_pages

from wireproof.cli import cli
from wireproof.version import __version__


def write(folder: Path) -> None:
    """Write `wireproof.1`, `wireproof-check.1` and so on."""
    context = click.Context(cli, info_name="wireproof")
    # click-man looks at the commands that a group holds, and ours imports each when it is called
    held = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    commands = {name: _laid_out(command) for name, command in held.items() if command is not None}
    whole = click.Group("wireproof", commands, help=cli.help, params=cli.params)
    folder.mkdir(parents=True, exist_ok=True)
    write_man_pages("wireproof", whole, version=__version__, target_dir=str(folder))


def _laid_out(command: click.Command) -> click.Command:
    r"""Return a copy whose lines behind a `\b` stay lines: troff fills those without an indent."""
    laid_out = copy.copy(command)
    laid_out.help = re.sub(
        r"\x08\n(?:.+\n?)+",
        lambda found: found[0].replace("\n", "\n  ").rstrip(" "),
        command.help or "",
    )
    return laid_out


if __name__ == "__main__":
    write(Path(sys.argv[1]))
