"""Man pages are made from the commands, and leave none out."""

import re
from pathlib import Path

import click
import pytest

from wireproof.cli import cli


@pytest.mark.filterwarnings("ignore:'click.utils:DeprecationWarning")  # click-man's, of click 9
def test_each_command_has_a_page_with_its_options(tmp_path: Path) -> None:
    """Every option that `--help` lists is there, and each example is a line of its own."""
    pytest.importorskip("click_man", reason="writes man pages")
    from docs.man_pages import write

    write(tmp_path)
    context = click.Context(cli)
    for name in cli.list_commands(context):
        page = (tmp_path / f"wireproof-{name}.1").read_text(encoding="utf-8").replace("\\-", "-")
        assert page.startswith(f'.TH "WIREPROOF {name.upper()}" "1"')
        command = cli.get_command(context, name)
        assert command is not None
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert not [one.opts for one in options if f"\\fB{one.opts[0]}\\fP" not in page]
        examples = re.findall(
            r"^ *wireproof \S.*", (command.help or "").partition("\b")[2], re.MULTILINE
        )
        assert all(f"\n  {example.strip()}" in page for example in examples)
    whole = (tmp_path / "wireproof.1").read_text(encoding="utf-8").replace("\\-", "-")
    assert all(f"wireproof-{name}" in whole for name in cli.list_commands(context))
