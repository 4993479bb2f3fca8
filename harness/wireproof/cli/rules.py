"""`wireproof rules`: the catalogue of requirements."""

import click

from wireproof.cli.common import protocol_options


@click.command(short_help="the catalogue")
@protocol_options
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def rules(protocol_name: str, settings: dict[str, str], as_json: bool) -> None:
    """List every requirement: ID, level, sentence, source and reason.

    \b
    wireproof rules
    wireproof rules --protocol echo --json
    """
    from wireproof.conformance.catalogue import catalogue_for
    from wireproof.conformance.requirements import level_of
    from wireproof.protocols.loading.registry import find_protocol

    protocol = find_protocol(protocol_name, settings)
    catalogue = catalogue_for(protocol)
    levels = {one.id: level_of(one.id, one.level, protocol) for one in catalogue}
    if as_json:
        import json

        fields = ("id", "title", "source", "reason")
        click.echo(
            json.dumps(
                [
                    {name: getattr(one, name) for name in fields} | {"level": levels[one.id].value}
                    for one in catalogue
                ],
                indent=1,
            )
        )
        return
    from rich.table import Table
    from rich.text import Text

    from wireproof.reporting.terminal.summary import make_console

    table = Table(box=None, pad_edge=False)
    for heading in ("ID", "Level", "Requirement", "Source"):
        table.add_column(heading, no_wrap=heading in {"ID", "Level"}, overflow="fold")
    for one in catalogue:
        cells = (one.id, levels[one.id].value, one.title, one.source)
        table.add_row(*(Text(cell) for cell in cells))
    make_console().print(table)
