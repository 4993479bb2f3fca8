"""The command line: `wireproof`.

Each command lives in a file of its own and is imported only when it is called, so that `--help`
is quick and `check` never loads Locust.
"""

import errno
import importlib
import sys
from typing import Any

import click

from wireproof.errors import WireproofError
from wireproof.loop_form import loop_form
from wireproof.version import __version__

_COMMANDS = {
    "run": "check, load ladder and backlog in one",
    "check": "check that a server's replies do not depend on how TCP cuts the bytes",
    "load": "measure throughput and latency, every reply verified",
    "worker": "join a load that another machine leads",
    "backlog": "show what the accept queue really does",
    "init": "write a protocol file, a test and a CI step to start from",
    "serve": "the reference server",
    "talk": "talk to a server from a prompt",
    "between": "test any client or server through a relay that cuts their streams",
    "learn": "write a protocol file from recorded traffic",
    "record": "record what a client and a server say to each other",
    "replay": "run a recorded failure again",
    "report": "render a result file again",
    "compare": "compare two result files",
    "rules": "the catalogue of requirements",
    "protocols": "the built-in protocols",
    "config": "show the targets in wireproof.toml or pyproject.toml",
}

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}

_WELCOME = """\
Wireproof: does your socket server hold up on the wire?

Three things to do first:

  wireproof run                                        the whole job, against our own server
  wireproof check tcp://127.0.0.1:7 --protocol echo    check that your server frames correctly
  wireproof protocols                                  see which protocols it speaks

wireproof --help lists every command.
"""


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(
            importlib.import_module(f"wireproof.cli.{cmd_name}"), cmd_name
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            known = ", ".join(_COMMANDS)
            raise click.UsageError(f"{error.message.rstrip('.')}\nknown: {known}") from None


def _tell_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    del parameter
    if wanted and not ctx.resilient_parsing:
        click.echo(f"wireproof, version {__version__}\nloop: {loop_form()}")
        ctx.exit()


@click.group(cls=_LazyGroup, invoke_without_command=True, no_args_is_help=False)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version, and the form of the load's loop; then exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Test a socket server that speaks its own protocol: TCP, TLS, UDP or Unix sockets.

    Exit codes: 0 all holds, 1 a finding, 2 wrong usage, 3 could not run or inconclusive.
    """
    if ctx.invoked_subcommand is None:
        click.echo(_WELCOME)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(invoke(arguments))


def invoke(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; a stop is told in one or two lines."""
    try:
        outcome: Any = cli.main(arguments, prog_name="wireproof", standalone_mode=False)
    except click.exceptions.Abort:  # Ctrl-C where nothing had been measured yet
        click.echo("wireproof: interrupted", err=True)
        return 3
    except click.ClickException as error:
        click.echo(f"wireproof: {_words(error)}", err=True)
        return error.exit_code
    except WireproofError as error:
        click.echo(f"wireproof: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:  # `wireproof rules | head`
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        click.echo(f"wireproof: cannot write: {error.strerror}", err=True)
        return 3
    return outcome if isinstance(outcome, int) else 0


def _words(error: click.ClickException) -> str:
    """Return click's own message as ours are: what was wrong, then what to write instead."""
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None or "\n" in message:
        return message
    return f"{message}\nsee {context.command_path} --help"
