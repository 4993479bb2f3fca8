"""`wireproof config`: what a project has said of its targets, and where."""

from collections.abc import Mapping

import click

from wireproof.cli.shared.configuration import Setting, find_configuration
from wireproof.errors import UsageError

_EXAMPLE = """\
no wireproof.toml here or above, and no [tool.wireproof] in pyproject.toml

write for example into wireproof.toml:

  [targets.gateway]
  url = "tcp://127.0.0.1:9000"
  protocol = "gateway.py:Gateway"
  depth = "quick"
  slo = ["p99<5ms"]

and check it by its name: wireproof check gateway"""


@click.command(short_help="what wireproof.toml or pyproject.toml says, and where")
@click.argument("name", default="")
def config(name: str) -> int:
    """Show the settings of each named target, or of NAME alone, and where each comes from.

    \b
    wireproof config
    wireproof config gateway

    Options on the command line override all of it.
    """
    configuration = find_configuration()
    if configuration is None:
        click.echo(_EXAMPLE)
        return 0
    if name and name not in configuration.targets:
        known = ", ".join(configuration.targets) or "none"
        raise UsageError(f"{configuration.path} names no target {name!r}", f"named there: {known}")
    click.echo(str(configuration.path))
    if not configuration.targets:
        _show("every target", configuration.settings())
    for one in [name] if name else configuration.targets:
        _show(f"{one}  {configuration.targets[one][0]}", configuration.settings(one))
    return 0


def _show(title: str, settings: Mapping[str, Setting]) -> None:
    click.echo(f"\n{title}")
    width = max(map(len, settings), default=0)
    for key, setting in sorted(settings.items()):
        value = setting.value if isinstance(setting.value, str) else ", ".join(setting.value)
        click.echo(f"  {key:{width}}  {value}  from {setting.where}")
