"""What `load --master` and `worker` share: where they meet, and by which secret they know it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from wireproof.cli.shared.parameters import Duration
from wireproof.errors import UsageError
from wireproof.load.processes import Elsewhere
from wireproof.load.secret import read_or_make_secret
from wireproof.load.spec import LoadSpec
from wireproof.target import Target, is_loopback_host

DEFAULT_PORT = 5557
Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of workers on other machines.

    Attributes:
        host: to listen at.
        port: to listen at; 0 for one that is free.
        workers: how many processes come.
        secret_file: it is made if it is not there.
        wait_s: for how long they are waited for.

    """

    host: str
    port: int
    workers: int
    secret_file: Path
    wait_s: float


def elsewhere_options(command: Command) -> Command:
    """Add `--master` and what belongs to it; the command gets one `elsewhere`, or None."""

    @functools.wraps(command)
    def gathered(
        *,
        master: bool,
        bind: str | None,
        expect_workers: int | None,
        secret_file: Path | None,
        wait: float | None,
        **rest: Any,
    ) -> object:
        given = {
            "--bind": bind,
            "--expect-workers": expect_workers,
            "--secret-file": secret_file,
            "--wait": wait,
        }
        if not master:
            for option, value in given.items():
                if value is not None:
                    raise UsageError(f"{option} is for workers on other machines", "add --master")
            return command(elsewhere=None, **rest)
        if expect_workers is None or secret_file is None:
            missing = "--expect-workers N" if expect_workers is None else "--secret-file FILE"
            raise UsageError("a master has to know its workers", f"add {missing}")
        host, port = parse_place(bind or "127.0.0.1", least_port=0)
        asked = Asked(host, port, expect_workers, secret_file, 300.0 if wait is None else wait)
        return command(elsewhere=asked, **rest)

    whole: Any = gathered
    for option in (
        click.option(
            "--wait",
            type=Duration("1s"),
            help="With --master: how long to wait for its workers.  [default: 5m]",
        ),
        click.option(
            "--secret-file",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="With --master: the secret that its workers must have; created if missing.",
        ),
        click.option(
            "--expect-workers",
            type=click.IntRange(1, 10_000),
            metavar="N",
            help="With --master: how many worker processes to wait for.",
        ),
        click.option(
            "--bind",
            metavar="ADDR[:PORT]",
            help="With --master: the address at which workers join.  [default: 127.0.0.1:5557]",
        ),
        click.option("--master", is_flag=True, help="Lead wireproof worker on other machines."),
    ):
        whole = option(whole)
    return whole  # type: ignore[no-any-return]


def parse_place(text: str, *, least_port: int = 1) -> tuple[str, int]:
    """Return host and port of `ADDR`, `ADDR:PORT`, `::1` or `[::1]:PORT`.

    Raises:
        UsageError: it is none of them.

    """
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else -1
    if not host or (port and not least_port <= number <= 65535):
        raise UsageError(
            f"{text!r} is not an address to meet at", "write 192.0.2.7 or 192.0.2.7:5557"
        )
    return host, number if port else DEFAULT_PORT


def refuse_what_is_here(
    *, processes: int, knee: str | None, source_addresses: list[str], requests_file: str | None
) -> None:
    """Refuse options of a load whose workers are on this machine.

    Raises:
        UsageError: there is one, with what to write instead.

    """
    if processes != 1:
        raise UsageError("--processes is not for --master", "start wireproof worker here, too")
    if knee is not None:
        raise UsageError("--find-knee is not for --master", "its workers leave after one run")
    if source_addresses:
        raise UsageError("--source-addresses is not for --master", "write it at each worker")
    if requests_file:
        raise UsageError(
            "--requests and --feed are not for --master", "its workers have no such file"
        )


def meeting_place(asked: Asked, target: Target, spec: LoadSpec) -> Elsewhere:
    """Return where the workers come to; what happens there is said on standard error.

    Raises:
        UsageError: the secret cannot be used.
        CannotRunError: it cannot be made.

    """

    def say(text: str) -> None:
        click.echo(f"wireproof: {text}", err=True)

    def on_listening(port: int) -> None:
        shown = f"[{asked.host}]" if ":" in asked.host else asked.host
        words = [f"{target} --protocol {spec.protocol}"]
        words += [f"--set {name}=…" for name in spec.settings]
        words += [] if target.is_loopback else [f"--allow-host {target.host}"]
        say(
            f"waits at {shown}:{port} for {asked.workers} of:"
            f" wireproof worker {shown}:{port} {' '.join(words)} --secret-file"
            f" COPY-OF-{asked.secret_file.name}"
        )
        if not is_loopback_host(asked.host):
            say(
                f"other machines reach {shown}:{port}; only holders of the secret"
                f" in {asked.secret_file} can report to this run"
            )

    return Elsewhere(
        host=asked.host,
        port=asked.port,
        secret=read_or_make_secret(asked.secret_file),
        wait_s=asked.wait_s,
        on_listening=on_listening,
        on_word=say,
    )
