"""`wireproof rules`: the catalogue of requirements."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from wireproof.cli.shared.common import protocol_options

if TYPE_CHECKING:
    from wireproof.between.trying.requirements import Between
    from wireproof.conformance.requirements import Requirement


@click.command(short_help="the catalogue")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@protocol_options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def rules(
    ids: tuple[str, ...], protocol_name: str, settings: dict[str, str], as_json: bool
) -> None:
    """List every requirement, or explain the ones named; SEG-* is a group.

    wireproof between judges CLI-*, wireproof check --behind judges MID-*, wireproof
    check the rest.

    \b
    wireproof rules
    wireproof rules SEG-HELD
    wireproof rules --protocol echo --json
    """
    from wireproof.between.trying.requirements import BETWEEN
    from wireproof.choosing import select
    from wireproof.conformance.catalogue import catalogue_for
    from wireproof.conformance.properties.middlebox import MIDDLEBOX
    from wireproof.conformance.properties.streams.opening import cut_prelude
    from wireproof.conformance.requirements import level_of
    from wireproof.protocols.loading.registry import find_protocol

    protocol = find_protocol(protocol_name, settings)
    known: tuple[Requirement | Between, ...] = (
        *catalogue_for(protocol),
        cut_prelude,
        *MIDDLEBOX,
        *BETWEEN,
    )
    wanted = select(known, ids, ())
    levels = {one.id: level_of(one.id, one.level, protocol).value for one in wanted}
    if as_json:
        _print_json(wanted, levels)
    elif ids:
        _print_whole(wanted, levels)
    else:
        _print_table(wanted, levels)


def _print_json(wanted: "Sequence[Requirement | Between]", levels: Mapping[str, str]) -> None:
    import json

    fields = ("id", "title", "source", "reason")
    entries = [
        {name: getattr(one, name) for name in fields} | {"level": levels[one.id]} for one in wanted
    ]
    click.echo(json.dumps(entries, indent=1))


def _print_whole(wanted: "Sequence[Requirement | Between]", levels: Mapping[str, str]) -> None:
    """Tell of each what it asks, why, and where that stands."""
    for number, one in enumerate(wanted):
        if number:
            click.echo()
        click.echo(f"{one.id}  {levels[one.id]}\n{one.title}")
        click.echo(f"\nWhy     {one.reason}\nSource  {one.source}")


def _print_table(wanted: "Sequence[Requirement | Between]", levels: Mapping[str, str]) -> None:
    from rich.table import Table
    from rich.text import Text

    from wireproof.reporting.terminal.summary import make_console

    table = Table(box=None, pad_edge=False)
    for heading in ("ID", "Level", "Requirement", "Source"):
        table.add_column(heading, no_wrap=heading in {"ID", "Level"}, overflow="fold")
    for one in wanted:
        cells = (one.id, levels[one.id], one.title, one.source)
        table.add_row(*(Text(cell) for cell in cells))
    make_console().print(table)
