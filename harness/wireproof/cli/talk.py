"""`wireproof talk`: the article's client, a prompt to a server."""

import codecs
import socket
import sys
from collections.abc import Iterator

import click

from wireproof.cli.shared.common import certificate_options, find_target
from wireproof.cli.shared.configuration import configured
from wireproof.deadline import Deadline
from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.observations import Data, EndOfStream, Reset

_REPLY_S = 5.0
_MORE_S = 0.1
_LARGEST_DATAGRAM_BYTES = 65535


@click.command(short_help="talk to a server from a prompt")
@click.argument("target", default="tcp://localhost:28812", is_eager=True, callback=configured)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="HOST",
    help="A host beyond this machine that you own.",
)
@certificate_options
@click.option("--crlf", is_flag=True, help="End each line with CR LF, as most text protocols do.")
@click.option("--lf", is_flag=True, help="End each line with LF.")
def talk(target: str, allow_hosts: tuple[str, ...], crlf: bool, lf: bool) -> int:
    """Send what is typed at the `> ` prompt to TARGET, and print what comes back.

    An empty line ends it, and so does the end of the input; it works in a pipe too.

    \b
    wireproof talk
    echo hello | wireproof talk tcp://127.0.0.1:28812
    """
    found = find_target(target, allow_hosts)
    ending = b"\r\n" if crlf else b"\n" if lf else b""
    lines = (line.encode() + ending for line in _lines("> " if sys.stdin.isatty() else ""))
    return _over_stream(found, lines) if found.is_stream else _over_datagrams(found, lines)


def _lines(prompt: str) -> Iterator[str]:
    while True:
        try:
            line = input(prompt)
        except (EOFError, KeyboardInterrupt):
            return
        if not line:
            return
        yield line


def _over_stream(target: Target, lines: Iterator[bytes]) -> int:
    try:
        connection = connect(target)
    except ConnectError as error:
        click.echo(f"wireproof: no connection to {target}: {error.reason}", err=True)
        return 3
    with connection:
        for line in lines:
            if not _send(connection, line):
                click.echo("the server closed the connection", err=True)
                return 0
            timeout = Deadline(_REPLY_S)
            # Where a reply ends only a protocol knows; here it ends when nothing more comes.
            shown = _Shown()
            while isinstance(seen := connection.next_observation(timeout), Data):
                shown.add(seen.data)
                timeout = Deadline(_MORE_S)
            shown.add(b"", final=True)
            if isinstance(seen, EndOfStream | Reset):
                click.echo(str(seen), err=True)
                return 0
    return 0


def _send(connection: Connection, line: bytes) -> bool:
    timeout = Deadline(_REPLY_S)
    while line:
        taken = connection.send(line)
        if taken is None or (not taken and timeout.expired):
            return False
        line = line[taken:]
        if line:
            connection.wait(timeout, readable=False, writable=True)
    return True


def _over_datagrams(target: Target, lines: Iterator[bytes]) -> int:
    with socket.socket(target.family, socket.SOCK_DGRAM) as peer:
        peer.connect(target.address)
        peer.settimeout(_REPLY_S)
        for line in lines:
            try:
                peer.send(line)
                _Shown().add(peer.recv(_LARGEST_DATAGRAM_BYTES), final=True)
            except TimeoutError:
                click.echo("no reply", err=True)
            except OSError as error:
                click.echo(f"wireproof: {target}: {error.strerror}", err=True)
                return 3
    return 0


class _Shown:
    """Prints a server's bytes: text as text, anything that could steer a terminal escaped."""

    def __init__(self) -> None:
        # Incremental: TCP may cut a character, too.
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def add(self, data: bytes, *, final: bool = False) -> None:
        text = self._decoder.decode(data, final)
        click.echo(
            "".join(
                character
                if character.isprintable() or character == "\n"
                else character.encode("unicode_escape").decode()
                for character in text
            ),
            nl=final,
        )
