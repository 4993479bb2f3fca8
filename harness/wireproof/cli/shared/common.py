"""What all measuring commands share: target, protocol, output folder, exit code."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import click
from click.core import ParameterSource

from wireproof.cli.shared.configuration import configured
from wireproof.cli.shared.results_folder import ResultsFolder
from wireproof.errors import UsageError
from wireproof.results import Results, encode, outcome
from wireproof.target import Target, parse_target, resolve
from wireproof.wire.client_tls import CERTIFICATE, KEY
from wireproof.wire.connecting import reachable
from wireproof.wire.started_server import StartedServer

Command = TypeVar("Command", bound=Callable[..., object])


def certificate_options(command: Command) -> Command:
    """Add `--tls-cert` and `--tls-key`; the command finds in the environment what they name."""
    for option, variable, words in (
        ("--tls-key", KEY, "Its key, in PEM.  [default: in the same file]"),
        ("--tls-cert", CERTIFICATE, "The certificate to show to a tls:// server, in PEM."),
    ):
        command = click.option(
            option,
            metavar="FILE",
            envvar=variable,
            expose_value=False,
            callback=_shown_to_servers,
            help=words,
        )(command)
    return command


def _shown_to_servers(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Tell this process, and those that it starts, which certificate is shown.

    Raises:
        UsageError: the target speaks no TLS.

    """
    target = ctx.params.get("target")
    if value is None or ctx.resilient_parsing:
        return
    is_typed = ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    if is_typed and isinstance(target, str) and target and not target.startswith("tls:"):
        raise UsageError(f"{target} speaks no TLS, so {parameter.opts[0]} means nothing to it")
    name = str(parameter.envvar)
    before = os.environ.get(name)
    os.environ[name] = str(Path(value).absolute())

    def restore() -> None:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before

    ctx.call_on_close(restore)


def target_options(command: Command) -> Command:
    """Add TARGET, `--allow-host`, `--tls-cert` and `--tls-key`."""
    command = certificate_options(command)
    command = click.option(
        "--allow-host",
        "allow_hosts",
        multiple=True,
        metavar="HOST",
        help="A host beyond this machine that you own.",
    )(command)
    return click.argument("target", is_eager=True, callback=configured)(command)


def protocol_options(command: Command) -> Command:
    """Add `--protocol` and `--set`."""
    command = click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_parse_settings,
        help="A setting of the protocol, such as buffer=2048.",
    )(command)
    return click.option(
        "--protocol",
        "protocol_name",
        default="timestamp-echo",
        show_default=True,
        metavar="NAME",
        help="A built-in protocol, module:Class or file.py:Class.",
    )(command)


def start_option(command: Command) -> Command:
    """Add `--start`."""
    return click.option(
        "--start",
        "start_command",
        metavar="COMMAND",
        help=(
            "Command that starts the server, and starts it again if it dies; {port}, {host},"
            " {path}"
            " and {url} in it say where to listen. TARGET may then have port 0, for a free one."
        ),
    )(command)


def output_options(command: Command) -> Command:
    """Add `--out`, `--force` and `--json`."""
    command = click.option(
        "--json", "as_json", is_flag=True, help="Print the result file's text, and nothing else."
    )(command)
    command = click.option(
        "--force", is_flag=True, help="Replace the result in the folder of --out."
    )(command)
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where the results go.  [default: reports/<UTC time>-<command>]",
    )(command)


def was_given(parameter: str) -> bool:
    """Say whether the user gave an option of the command that runs, or left it to its default."""
    source = click.get_current_context().get_parameter_source(parameter)
    return source is not ParameterSource.DEFAULT


def say_default_protocol() -> None:
    """Tell on standard error by what a server is judged where no protocol was named."""
    click.echo(
        "wireproof: no --protocol: judging as timestamp-echo, which only our own server speaks\n"
        "for yours write --protocol NAME (wireproof protocols lists them), or --from FILE",
        err=True,
    )


def find_target(text: str, allow_hosts: tuple[str, ...] = ()) -> Target:
    """Return the target, resolved, allowed and reachable.

    Raises:
        UsageError: it is no target, or not one that load may go to.
        CannotRunError: it does not resolve, or nothing listens there.

    """
    return reachable(resolve(parse_target(text), allow_hosts))


@contextlib.contextmanager
def serving_target(
    text: str, allow_hosts: tuple[str, ...], command: str | None
) -> Iterator[tuple[Target, StartedServer | None]]:
    """Yield the target, and the server behind it where `command` is to start it.

    Raises:
        UsageError: it is no target, not one that load may go to, or the command is wrong.
        CannotRunError: it does not resolve, or nothing comes to listen there.

    """
    if command is None:
        yield find_target(text, allow_hosts), None
        return
    target = resolve(parse_target(text, any_port=True), allow_hosts)[0]
    if target.scheme == "exec":
        raise UsageError(f"{target} is started for each connection", "leave --start out")
    with StartedServer(command, target) as server:
        yield server.target, server


def finish(results: Results, folder: ResultsFolder, *, as_json: bool) -> int:
    """Write the reports beside the result file, and print the summary or the file's text alone.

    Returns:
        The exit code.

    Raises:
        CannotRunError: a report cannot be written.

    """
    from wireproof.reporting.render import write_reports
    from wireproof.reporting.terminal.summary import print_summary

    write_reports(results, folder.folder)
    if as_json:
        sys.stdout.write(encode(results).decode())
    else:
        print_summary(results, folder.path)
    return outcome(results).exit_code


@contextlib.contextmanager
def shown(*paths: Path) -> Iterator[None]:
    """Show result files that others wrote: what of them cannot be shown is their fault.

    Their records are checked as they are read; that their free fields fit together is not.

    Raises:
        UsageError: they do not.

    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        names = " or ".join(map(str, paths))
        reason = ascii(f"{type(error).__name__}: {error}")[1:-1]
        raise UsageError(f"{names} is damaged: {reason:.200}") from error


def _parse_settings(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    del ctx, parameter
    settings = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text!r} has no value", "write --set name=value")
        settings[name.strip()] = value.strip()
    return settings
