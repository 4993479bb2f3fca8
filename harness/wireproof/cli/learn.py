"""`wireproof learn`: what traffic shows of a protocol, written as a protocol file."""

import keyword
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
from msgspec import structs

from wireproof.cli.shared.common import find_target, target_options
from wireproof.cli.shared.from_traffic import learn_from, read_traffic, traffic_options
from wireproof.errors import CannotRunError, UsageError
from wireproof.files import write_whole
from wireproof.learnt.scripts import Scripts
from wireproof.learnt.source.protocol_file import ProtocolFile, protocol_file
from wireproof.rehearsal.lessons import Lessons, told_left_out
from wireproof.rehearsal.recital import recite
from wireproof.target import Target
from wireproof.words import counted

_TWICE: Final = 2
_WITHOUT_RESET: Final = (
    "played again without anything that resets it, the server answers differently"
)


@click.command(short_help="write a protocol file from recorded traffic")
@target_options
@traffic_options
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The protocol file, such as my_protocol.py.",
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def learn(
    target: str,
    allow_hosts: tuple[str, ...],
    sources: tuple[str, ...],
    conversation: int | None,
    server_port: int | None,
    vary: str,
    reset_command: str,
    reference: str,
    save: Path,
    force: bool,
) -> int:
    """Play what is in FILE to the server at TARGET, and write a protocol class to build on.

    \b
    wireproof learn tcp://127.0.0.1:6379 --from traffic.pcap --save my_protocol.py
    wireproof protocols my_protocol.py
    wireproof check tcp://127.0.0.1:6379 --protocol my_protocol.py
    """
    class_name = _class_name(save)
    if save.exists() and not force:
        raise UsageError(f"{save} is there", "write --force to replace it, or another name")
    traffic = read_traffic(
        target, sources, conversation, server_port, vary, reset_command, reference, allow_hosts
    )
    if traffic is None:
        raise UsageError("nothing to learn from", "add --from FILE")
    server = find_target(target, allow_hosts)
    if not server.is_stream:
        raise UsageError(
            "no protocol file is written for datagrams", "check --from judges them without one"
        )
    lessons = learn_from(traffic, server, quiet=False)
    if lessons.scripts.behind_end:
        raise UsageError(
            "no protocol file is written where the client's end of stream is part of a request",
            "check --from judges such a server without one",
        )
    replies = [reply for _, play in lessons.performed for reply in play.replies]
    learnt_of = f"{target} from {', '.join(Path(one).name for one in sources)}"

    def written(scripts: Scripts) -> ProtocolFile:
        return protocol_file(scripts, replies, class_name, learnt_of)

    scripts, untrue = _true_ones(lessons.scripts, server, written, save.name)
    found = written(scripts)
    try:
        write_whole(save, found.text.encode())
    except OSError as error:
        raise CannotRunError(f"cannot write {save}: {error.strerror}") from None
    lessons = replace(lessons, left_out=(*lessons.left_out, *untrue, *found.left_out))
    click.echo("\n".join(_summary(found, lessons, traffic.left_out, save, target)))
    return 0


def _true_ones(
    scripts: Scripts, server: Target, written: Callable[[Scripts], ProtocolFile], name: str
) -> tuple[Scripts, list[tuple[str, str]]]:
    """Return the scripts that hold by the file itself, again and again, and why others don't.

    Raises:
        CannotRunError: none does.

    """
    from wireproof.protocols.loading.registry import find_protocol
    from wireproof.protocols.loading.self_check import check_code

    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(written(scripts).text.encode())
        protocol = find_protocol(str(path))
        check_code(protocol)
        kept = tuple(
            one
            for one in scripts.scripts
            if all(recite(server, protocol, one.requests[scripts.opening :]) for _ in range(_TWICE))
        )
    left_out = [(one.name, _WITHOUT_RESET) for one in scripts.scripts if one not in kept]
    if not kept:
        raise CannotRunError(f"no protocol file can be written: {_WITHOUT_RESET}")
    said = {request for one in kept for request in one.requests}
    independent = tuple(one for one in scripts.independent if one in said)
    return structs.replace(scripts, scripts=kept, independent=independent), left_out


def _summary(
    found: ProtocolFile, lessons: Lessons, unread: tuple[str, ...], path: Path, target: str
) -> list[str]:
    return [
        f"{path}: {counted(found.requests, 'request')}; where a reply ends: {found.framing}",
        f"{lessons.scripts.shares}; whether the replies are right is not shown",
        *(f"not in it: {line}" for line in [*unread, *told_left_out(lessons)]),
        f"next: wireproof check {target} --protocol {path}",
    ]


def _class_name(path: Path) -> str:
    """Return the name of the class in a file: `MyProtocol` in `my_protocol.py`."""
    if path.suffix != ".py":
        raise UsageError(
            f"--save {path} is not a Python file", "write a name such as my_protocol.py"
        )
    words = re.findall(r"[A-Za-z0-9]+", path.stem)
    name = "".join(word[:1].upper() + word[1:] for word in words)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"no class can be called as {path.name} is", "write my_protocol.py")
    return name
