"""What the site has beyond the files in this folder: pages made from the code, and their order.

mkdocs calls the functions named `on_…`. Commands and catalogue are read from the code itself, so
that neither can say anything else than the program does.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))  # where the zoo is
from docs.failing_servers import entries, failing_server  # noqa: E402
from docs.result_file import result_file_page  # noqa: E402

PARTS = {
    "Tutorial": "tutorial",
    "How-to": "how-to",
    "Reference": "reference",
    "Explanation": "explanation",
}
COMMANDS, CATALOGUE = "reference/commands.md", "reference/catalogue"
RESULT_FILE = "reference/result-file.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the navigation of what is there: a page is in the part whose folder it lies in."""
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    nav: list[Any] = [{"Home": "index.md"}]
    for title, part in PARTS.items():
        pages: list[Any] = sorted(p for p in written if p.startswith((f"{part}.", f"{part}/")))
        if part == "how-to":
            pages += sorted(p for p in written if "/" not in p and p[:-3] not in _HOME)
        if part == "reference":
            catalogue: list[Any] = [f"{CATALOGUE}/index.md", *sorted(_requirement_pages())]
            pages += [
                {"Commands": COMMANDS},
                {"Result file": RESULT_FILE},
                {"Catalogue": catalogue},
            ]
        nav.append({title: pages})
    config.nav = nav
    return config


_HOME = {"index", *PARTS.values()}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code."""
    made = {COMMANDS: commands_page(), RESULT_FILE: result_file_page()}
    made[f"{CATALOGUE}/index.md"] = catalogue_page()
    for path, text in (made | _requirement_pages()).items():
        files.append(File.generated(config, path, content=text))
    return files


def commands_page() -> str:
    """Return the page of all commands: the help that each prints, word for word."""
    from wireproof.cli import cli

    context = click.Context(cli, info_name="wireproof")
    lines = ["# Commands", "", "Each command's own `--help`.", ""]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        lines += [f"## {name}", "", "```text"]
        if name == "serve":  # it hands its options on to the server
            parser = importlib.import_module("reference_server.options")
            lines += [parser.parser().format_help().rstrip(), "```", ""]
            continue
        own = click.Context(command, info_name=name, parent=context, max_content_width=100)
        lines += [command.get_help(own).rstrip(), "```", ""]
    return "\n".join(lines)


def catalogue_page() -> str:
    """Return the table of all requirements."""
    lines = ["# Catalogue", "", "| ID | level | requirement |", "|---|---|---|"]
    lines += [f"| [{one.id}]({one.id}.md) | {one.level} | {one.title} |" for one in requirements()]
    return "\n".join(lines) + "\n"


def requirements() -> list[Any]:
    """Return all that there are: generic ones, those between two, and each protocol's own."""
    from wireproof.between.trying.requirements import BETWEEN
    from wireproof.conformance.catalogue import GENERIC, catalogue_for
    from wireproof.conformance.properties.middlebox import MIDDLEBOX
    from wireproof.conformance.properties.streams.opening import cut_prelude
    from wireproof.protocols.loading.registry import BUILT_IN, find_protocol

    judged: dict[str, Any] = {one.id: one for one in (*GENERIC, cut_prelude, *MIDDLEBOX, *BETWEEN)}
    for protocol in (*map(find_protocol, BUILT_IN), find_protocol("postgres", {"copy": "yes"})):
        judged |= {one.id: one for one in catalogue_for(protocol)}
    return [*judged.values()]


def _requirement_pages() -> dict[str, str]:
    return {f"{CATALOGUE}/{one.id}.md": _requirement_page(one) for one in requirements()}


def _requirement_page(one: Any) -> str:
    lines = [f"# {one.id}", "", f"**{one.level}** — {one.title}", ""]
    lines += ["## Why", "", one.reason, "", "## Source", "", one.source, ""]
    if sent := _sent(one):
        lines += ["## What it sends", "", *sent, ""]
    if entry := entries().get(one.id):
        lines += failing_server(entry)
    lines += ["## Try it", "", "<!-- not run: TARGET is yours -->", "```console"]
    if one.id.startswith("CLI-"):
        lines.append(f"$ wireproof between TARGET --only {one.id} -- COMMAND")
    elif one.id.startswith("MID-"):
        lines.append(f"$ wireproof check TARGET --behind URL --protocol NAME --only {one.id}")
    elif one.id == "SEG-PRELUDE":
        lines.append(f"$ wireproof check TARGET --prelude proxy-v1 --protocol NAME --only {one.id}")
    else:
        lines.append(f"$ wireproof check TARGET --protocol NAME --only {one.id}")
    return "\n".join([*lines, "```", ""])


def _sent(one: Any) -> list[str]:
    """Return the smallest plan of a requirement for the server of the tutorial, a step a line."""
    from itertools import islice

    if not hasattr(one, "plans"):
        return []
    subject = _subject(udp=one.transport == "datagram")
    if one.unsupported_reason(subject):
        return []
    plans = list(islice(one.plans(subject), 2))
    if not plans or len(plans[0].actions) > _MOST_STEPS:
        return []
    plan = plans[0]
    words = [f"Its smallest plan for a server of lines, of {len(plans)} or more:", "", "```text"]
    words[0] = "The first plan for a server that answers lines; more follow, and random ones."
    for number, requests in enumerate(plan.requests):
        name = f"connection {number}" if len(plan.requests) > 1 else "the requests"
        words.append(f"{name}: {' '.join(map(ascii, requests))}"[:_WIDEST])
    words += [_step(action, many=len(plan.requests) > 1) for action in plan.actions]
    return [*words, "```"]


_MOST_STEPS, _WIDEST = 24, 160


def _step(action: Any, *, many: bool) -> str:
    import msgspec

    fields = msgspec.to_builtins(action, builtin_types=(bytes,))
    verb, connection = fields.pop("do"), fields.pop("connection")
    said = ", ".join(
        f"{key.replace('_', ' ')} {value}"
        for key, value in fields.items()
        if value or (key == "until")
    )
    where = f" on connection {connection}" if many else ""
    return f"- {verb.replace('-', ' ')}{where}{': ' if said else ''}{said}"[:_WIDEST]


def _subject(*, udp: bool) -> Any:
    from wireproof.conformance.subject import DEPTHS, Subject
    from wireproof.protocols.loading.registry import find_protocol
    from wireproof.target import parse_target, resolve

    line = b"hello\n"
    return Subject(
        protocol=find_protocol("line-echo") if not udp else find_protocol("echo"),
        target=resolve(parse_target(f"{'udp' if udp else 'tcp'}://127.0.0.1:9"))[0],
        depth=DEPTHS["quick"],
        half_close=True,
        concurrent=True,
        smallest=b"a\n",
        plain_request=line,
        requests=(b"a\n", line, b"hello again\n"),
        sees_server=True,
        rests=True,
        echoes=True,
    )
