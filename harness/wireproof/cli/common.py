"""What all measuring commands share: target, protocol, output folder, exit code."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from wireproof.errors import CannotRunError, UsageError
from wireproof.reporting.environment import collect_environment
from wireproof.results import (
    FORMAT,
    BacklogResult,
    CheckResult,
    LoadResult,
    Results,
    Verdict,
    encode,
)
from wireproof.target import Target, parse_target, resolve
from wireproof.version import __version__
from wireproof.wire.connection import reachable

_WRONG_REPLY = "wrong reply"  # as in harness/wireproof/load/failures.py

Command = TypeVar("Command", bound=Callable[..., object])


def target_options(command: Command) -> Command:
    """Add TARGET and `--allow-host`."""
    command = click.option(
        "--allow-host",
        "allow_hosts",
        multiple=True,
        metavar="HOST",
        help="A host beyond this machine that you own.",
    )(command)
    return click.argument("target")(command)


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


def output_options(command: Command) -> Command:
    """Add `--out` and `--json`."""
    command = click.option(
        "--json", "as_json", is_flag=True, help="Print the result file's text, and nothing else."
    )(command)
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where the results go.  [default: reports/<UTC time>-<command>]",
    )(command)


def find_target(text: str, allow_hosts: tuple[str, ...] = ()) -> Target:
    """Return the target, resolved, allowed and reachable.

    Raises:
        UsageError: it is no target, or not one that load may go to.
        CannotRunError: it does not resolve, or nothing listens there.

    """
    return reachable(resolve(parse_target(text), allow_hosts))


class ResultsFolder:
    """The folder that receives a run's results.

    Attributes:
        folder: it exists and can be written to.
        path: of `results.json` in it.

    """

    def __init__(self, command: str, out: Path | None) -> None:
        """Make the folder, so that a run never ends with nowhere to go.

        Raises:
            CannotRunError: the folder cannot be made or written to.

        """
        self._command = command
        self._started_at = datetime.now(UTC)
        stamp = self._started_at.strftime("%Y%m%dT%H%M%SZ")
        self.folder = out or Path("reports") / f"{stamp}-{command}"
        self._link_latest = out is None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise CannotRunError(
                f"cannot write to {self.folder}: {error.strerror}", "name another folder with --out"
            ) from None
        self.path = self.folder / "results.json"
        self._environment = collect_environment(__version__)
        self._kept: dict[str, Any] = {}
        context = click.get_current_context(silent=True)
        if context is not None:  # a run that is refused late leaves no empty folder behind
            context.call_on_close(self._remove_if_empty)

    def keep(self, target: str, **parts: CheckResult | LoadResult | BacklogResult | None) -> None:
        """Write what there is so far as a partial result: a run that is killed loses no more.

        What cannot be written now is told when the run is over.
        """
        self._kept.update(parts)
        with contextlib.suppress(CannotRunError):
            self.write(target, partial=True, **self._kept)

    def write(
        self,
        target: str,
        *,
        partial: bool = False,
        check: CheckResult | None = None,
        load: LoadResult | None = None,
        backlog: BacklogResult | None = None,
    ) -> Results:
        """Write `results.json`, whole or not at all, and point `reports/latest` at it.

        Raises:
            CannotRunError: it cannot be written.

        """
        results = Results(
            format=FORMAT,
            command=self._command,
            started_at=self._started_at.isoformat(timespec="seconds"),
            environment=self._environment,
            target=target,
            partial=partial,
            check=check,
            load=load,
            backlog=backlog,
        )
        unfinished = self.path.with_suffix(".part")
        try:
            unfinished.write_bytes(encode(results))
            unfinished.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise CannotRunError(
                f"cannot write {self.path}: {error.strerror}", "name another folder with --out"
            ) from None
        if self._link_latest:
            self._point_latest()
        return results

    def _remove_if_empty(self) -> None:
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _point_latest(self) -> None:
        link = self.folder.parent / "latest"
        fresh = link.with_name(f".latest-{os.getpid()}")
        try:
            fresh.symlink_to(self.folder.name)
            fresh.replace(link)
        except OSError:  # a file system without links: the folder's name is printed anyway
            fresh.unlink(missing_ok=True)


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
    return exit_code(results)


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


def exit_code(results: Results) -> int:
    """Return 1 for a finding, 3 for what could not be settled, 0 when all holds.

    A wrong reply under load is a finding; a load of which nothing was answered settles nothing.
    """
    verdicts = [line.verdict for line in results.check.requirements] if results.check else []
    load = results.load
    wrong = load is not None and _WRONG_REPLY in load.failures
    missed = load is not None and any(not objective["met"] for objective in load.slo)
    if wrong or missed or any(verdict.is_finding for verdict in verdicts):
        return 1
    unanswered = load is not None and load.requests == 0
    if unanswered or results.partial or {Verdict.ERROR, Verdict.INCONCLUSIVE} & set(verdicts):
        return 3
    return 0


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
