"""What commands share that are given traffic, not a protocol: `--from` and what goes with it."""

import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from wireproof.cli.shared.common import find_target
from wireproof.conversation import Conversation
from wireproof.errors import CannotRunError, UsageError
from wireproof.files import write_whole
from wireproof.learnt.judges import protocol_of
from wireproof.learnt.protocol import LearntProtocol, variant
from wireproof.learnt.scripts import FILE_NAME, written
from wireproof.protocols.loading.settings import configure
from wireproof.rehearsal.growing import with_longer
from wireproof.rehearsal.lessons import Lessons, take_lessons
from wireproof.rehearsal.namesakes import find_namesakes
from wireproof.target import Target, parse_target
from wireproof.words import counted, printable

Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the user gave in place of a protocol.

    Attributes:
        conversations: to be played.
        vary: what of requests differs from connection to connection, as a regular expression.
        reset_command: has the server forget; run before each conversation.
        reference: the server to learn from, where it is another.
        left_out: what of the sources can't be used.

    """

    conversations: tuple[Conversation, ...]
    vary: str = ""
    reset_command: tuple[str, ...] = ()
    reference: Target | None = None
    left_out: tuple[str, ...] = ()


def traffic_options(command: Command) -> Command:
    """Add `--from` and the options that only mean something beside it."""
    for option in reversed(
        (
            click.option(
                "--from",
                "sources",
                multiple=True,
                metavar="FILE",
                help=(
                    "Without a protocol, learn from a capture, a recording, or files with a"
                    " request each;"
                    " - is standard input."
                ),
            ),
            click.option(
                "--conversation",
                type=click.IntRange(1),
                metavar="N",
                help=(
                    "With --from: use this conversation of several.  [default: the shortest dozen]"
                ),
            ),
            click.option(
                "--server-port",
                type=click.IntRange(1, 65535),
                metavar="PORT",
                help="With --from: where the server listened, if a capture doesn't tell.",
            ),
            click.option(
                "--vary",
                metavar="REGEX",
                default="",
                help="With --from: matches names in requests that must differ on each connection.",
            ),
            click.option(
                "--reset",
                "reset_command",
                metavar="COMMAND",
                default="",
                help="With --from: resets the server before each conversation.",
            ),
            click.option(
                "--reference",
                metavar="TARGET",
                default="",
                help="With --from: learn from this server, and judge TARGET by it.",
            ),
        )
    ):
        command = option(command)
    return command


def read_traffic(
    target: str,
    sources: tuple[str, ...],
    conversation: int | None,
    server_port: int | None,
    vary: str,
    reset_command: str,
    reference: str,
    allow_hosts: tuple[str, ...],
) -> Traffic | None:
    """Return what `--from` and its options say about a target; None where there is no `--from`.

    Raises:
        UsageError: an option is wrong, or stands without `--from`; a file can't be used.
        CannotRunError: the reference isn't there.

    """
    if not sources:
        given = {
            "--conversation": conversation,
            "--server-port": server_port,
            "--vary": vary,
            "--reset": reset_command,
            "--reference": reference,
        }
        for name, value in given.items():
            if value:
                raise UsageError(f"{name} means nothing without --from", "add --from FILE")
        return None
    from wireproof.traffic.sources import choose, read_sources

    _check_pattern(vary)
    found = read_sources(
        sources, server_port, datagrams=not parse_target(target, any_port=True).is_stream
    )
    left_out = tuple(str(one) for one in found.left_out)
    if not found.conversations:
        told = f": {left_out[0]}" if left_out else ""
        raise UsageError(f"there is no conversation in {', '.join(sources)}{told}")
    chosen = choose(found.conversations, conversation)
    if vary:
        _check_names(vary, [request for one in chosen for request in one.requests])
    return Traffic(
        chosen,
        vary,
        _words(reset_command),
        find_target(reference, allow_hosts) if reference else None,
        left_out,
    )


def learn_from(traffic: Traffic, target: Target, *, quiet: bool, longer: bool = False) -> Lessons:
    """Play the conversations to the server, or to the reference, and learn.

    With `longer` also which requests may be longer than they were seen.

    Raises:
        UsageError: they can't be played.
        CannotRunError: nothing can be judged, or there is no connection.

    """
    from wireproof.conformance.execution.controlled import run_reset

    def tell(number: int, total: int) -> None:
        if not quiet:
            click.echo(f"learning from conversation {number + 1} of {total}", err=True)

    def before_each() -> None:
        if traffic.reset_command:
            run_reset(traffic.reset_command)

    lessons = take_lessons(
        traffic.reference or target,
        traffic.conversations,
        vary=traffic.vary,
        before_each=before_each,
        as_recorded=traffic.reference is None,
        tell=tell,
    )
    _refuse_reads_by_design(lessons, traffic.reference or target)
    scripts = lessons.scripts
    if longer:
        scripts = with_longer(scripts, traffic.reference or target, before_each)
    reference = str(traffic.reference) if traffic.reference else ""
    scripts = msgspec.structs.replace(scripts, reference=reference)
    return replace(lessons, scripts=scripts)


def refuse_beside_traffic(*, protocol: bool, elsewhere: bool = False) -> None:
    """Refuse what `--from` stands in the place of, and what has no files of this machine.

    Raises:
        UsageError: one of them was given.

    """
    if protocol:
        raise UsageError("--protocol and --from are two ways to say what is right", "give one")
    if elsewhere:
        raise UsageError(
            "what is learnt here is not known on other machines",
            "run check --from first, and give each the learnt.json of its result: --protocol",
        )


def learnt_file(
    traffic: Traffic, target: Target, folder: Path, connections: int, *, quiet: bool
) -> str:
    """Learn, write that into a folder, and return what `--protocol` takes for it.

    Raises:
        UsageError: so many connections of one name end each other.
        CannotRunError: nothing can be judged.

    """
    lessons = learn_from(traffic, target, quiet=quiet)
    if connections > 1 and (found := find_namesakes(lessons.scripts, target)) is not None:
        vary = found.vary or r"REGEX (a user or client name, such as user-\d+)"
        raise UsageError(
            f"{target} ends a connection when another one says the same; a load has"
            f" {counted(connections, 'connection')} that do",
            f"give each a name of its own: --vary '{vary}'"
            if found.vary
            else f"give each a name of its own: --vary {vary}; or --users 1",
        )
    if lessons.scripts.behind_end:
        raise UsageError(
            "these requests are answered only after the client's end of stream: no load",
            "check --from judges them",
        )
    path = folder.resolve() / FILE_NAME
    try:
        write_whole(path, written(lessons.scripts))
    except OSError as error:
        raise CannotRunError(f"cannot write {path}: {error.strerror}") from None
    return str(path)


def learnt_protocol(lessons: Lessons, settings: dict[str, str]) -> LearntProtocol:
    """Return what judges by the lessons, with the user's settings.

    Raises:
        UsageError: there is no such setting.

    """
    protocol = protocol_of(lessons.scripts, time.time)
    configure(protocol, settings)
    return protocol


def _refuse_reads_by_design(lessons: Lessons, target: Target) -> None:
    """Say of a server that answers each read, as the timestamp server does, that it does so."""
    from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
    from wireproof.protocols.oracle import WrongReplyError

    for conversation, play in lessons.performed:
        oracle = TimestampEcho().oracle()
        try:
            for request, reply in zip(conversation.requests, play.replies, strict=True):
                oracle.announce(request)
                oracle.sent(len(request))
                oracle.receive_data(reply)
            if oracle.owed:
                return
        except WrongReplyError:
            return
    raise CannotRunError(
        f"cannot judge {target} from traffic: it puts the time before each read that it answers, so"
        " its replies depend on the reads by design",
        "that design has a judge of its own: --protocol timestamp-echo",
    )


def _check_pattern(vary: str) -> None:
    try:
        pattern = re.compile(vary.encode())
    except re.error as error:
        raise UsageError(f"--vary {vary!r} is not a regular expression: {error}") from None
    if vary and pattern.search(b""):
        raise UsageError(f"--vary {vary!r} matches nothing at all, everywhere", "write user-\\d+")


def _check_names(vary: str, requests: Sequence[bytes]) -> None:
    """Refuse an expression that matches no name, or not the other names that are made of one."""
    names = {found[0] for one in requests for found in re.finditer(vary.encode(), one)}
    if not names:
        raise UsageError(f"--vary {vary!r} matches nothing in any request")
    for name in sorted(names):
        other = variant(name, 1)
        if re.fullmatch(vary.encode(), other) is None:
            raise UsageError(
                f"--vary {vary!r} matches {printable(name)}, but not {printable(other)}, which is"
                " to stand there on another connection",
                r"write what all names have in common, such as 'user-\d+' or 'client[a-z]*'",
            )


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"--reset {command!r} can't be read: {error}") from None
    if command and not words:
        raise UsageError("--reset is empty", "write the command that has the server forget")
    return words
