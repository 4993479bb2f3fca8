"""Commands that are printed somewhere: in docs, workflows and container files."""

import shlex

import click

from wireproof.cli import cli


def understood(command: str) -> bool:
    """Say whether a command of ours has these options and arguments."""
    words = shlex.split(command.partition(" | ")[0].rstrip(" &"))
    words = words[: words.index(">>")] if ">>" in words else words
    if words[0] != "wireproof" or words[1] in {"serve", "--version"}:
        return True
    parent = click.Context(cli, info_name="wireproof")
    found = cli.get_command(parent, words[1])
    assert found is not None, command
    try:
        # Closed again: what an option tells the environment is taken back.
        found.make_context(words[1], words[2:], parent=parent).close()
    except click.exceptions.Exit:  # --help
        return True
    except click.BadParameter as error:
        return "does not exist" in error.message  # a file of the reader's
    return True
