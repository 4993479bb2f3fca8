"""`wireproof init`: write a protocol file, a test and a CI step to start from."""

import keyword
import re
import sys
from pathlib import Path
from typing import Final

import click

from wireproof.cli.shared.starter import (
    DATAGRAMS,
    FRAMINGS,
    Starter,
    found_framing,
    right_reply,
    starter_files,
    tried,
)
from wireproof.errors import CannotRunError, UsageError
from wireproof.files import write_whole
from wireproof.learnt.source.framing_source import FramingSource
from wireproof.target import parse_target, resolve

_USUAL_TARGET: Final = "tcp://127.0.0.1:9000"
_USUAL_REQUEST: Final = r"hello\n"


@click.command(short_help="write a protocol file, a test and a CI step to start from")
@click.option("--target", metavar="TARGET", help=f"Where the server listens: {_USUAL_TARGET}.")
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="HOST",
    help="A host beyond this machine that you own.",
)
@click.option("--request", metavar="TEXT", help=r"A request that it answers; \n, \x00 as shown.")
@click.option(
    "--framing",
    type=click.Choice(list(FRAMINGS)),
    help="Where a reply ends.  [default: found by asking the target, if it is up]",
)
@click.option("--name", metavar="NAME", help="Name of the protocol, for its file and its class.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    metavar="DIR",
    help="Where the files go.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
def init(
    target: str | None,
    allow_hosts: tuple[str, ...],
    request: str | None,
    framing: str | None,
    name: str | None,
    into: Path,
    force: bool,
) -> int:
    """Write a protocol file, a test and a CI step for a server of your own.

    Asks for what no option says; without a terminal it takes the defaults.

    \b
    wireproof init
    wireproof init --target tcp://127.0.0.1:9000 --request 'hello\\n' --name shout
    """
    target = target or _asked("Where does the server listen", _USUAL_TARGET)
    where = resolve(parse_target(target), allow_hosts)[0]
    request = request or _asked("A request that it answers", _USUAL_REQUEST)
    asked = _bytes(request)
    seen = tried(where, asked)
    if seen.greeting:
        click.echo(f"it greets with {ascii(seen.greeting)[1:][:60]}", err=True)
    if seen.reply is None:
        click.echo(f"{target} does not answer now, so nothing could be tried on it", err=True)
    else:
        click.echo(f"it answers {ascii(seen.reply)[1:][:60]}", err=True)
    source = _framing(framing, found_framing(seen, asked)) if where.is_stream else DATAGRAMS
    if source.told:
        click.echo(f"where a reply ends: {source.told}", err=True)
    slug = _slug(name or _asked("A name for the protocol", "my_protocol"))
    starter = Starter(slug, target, asked, source, seen, right_reply(seen.reply, asked, source))
    files = starter_files(starter)
    there = [path for path in files if (into / path).exists()]
    if there and not force:
        raise UsageError(f"{into / there[0]} is there", "write --force to replace it, or --into")
    for path, text in files.items():
        try:
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(into / path, text.encode())
        except OSError as error:
            raise CannotRunError(f"cannot write {into / path}: {error.strerror}") from None
        click.echo(f"wrote {into / path}")
    protocol = into / f"{slug}.py"
    click.echo(f"next:  wireproof protocols {protocol}")
    click.echo(f"then:  wireproof check {target} --protocol {protocol} --depth quick")
    return 0


def _framing(word: str | None, found: dict[str, FramingSource]) -> FramingSource:
    """Return the framing under `word`, or under the one that is given when asked for."""
    known = {**FRAMINGS, **found}
    if word is None:
        word = _asked(f"Where does a reply end ({', '.join(known)})", next(iter(found)))
    if word not in known:
        raise UsageError(f"{word!r} is not a framing", f"write {', '.join(known)}")
    return known[word]


def _bytes(text: str) -> bytes:
    try:
        plain = text.encode("latin-1", "backslashreplace").decode("unicode_escape")
        return plain.encode("latin-1")
    except UnicodeError:
        raise UsageError(
            f"--request {text!r} has an invalid escape", r"write \n, \x00 or \\ as in Python"
        ) from None


def _asked(question: str, usual: str) -> str:
    """Return the answer on a terminal; the usual one where nobody can be asked."""
    if not sys.stdin.isatty():
        return usual
    answer: str = click.prompt(question, default=usual, err=True)
    return answer


def _slug(name: str) -> str:
    slug = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
    if not slug.isidentifier() or keyword.iskeyword(slug):
        raise UsageError(f"no file can be called {name!r}", "write --name my_protocol")
    return slug
