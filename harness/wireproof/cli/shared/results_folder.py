"""The folder that receives a run's results: of one run, whole, and never another's.

Invariant: two runs never write into one folder. A name of our own is made by `mkdir`, which only
one can win; a folder that the user names is locked by its descriptor, and the kernel lets go of
the lock however the process ends.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from wireproof.errors import CannotRunError, UsageError
from wireproof.files import write_whole
from wireproof.reporting.environment import collect_environment
from wireproof.reporting.render import JUNIT, PAGE
from wireproof.results import (
    FORMAT,
    BacklogResult,
    BetweenResult,
    CheckResult,
    LoadResult,
    Results,
    encode,
)
from wireproof.version import __version__

RESULTS = "results.json"
_EVIDENCE = "evidence"
_ELSEWHERE = "name another folder with --out"
_MOST_NAMES = 1000


class ResultsFolder:
    """A folder for the results of one run.

    Attributes:
        folder: it exists and can be written to.
        path: of `results.json` in it.

    """

    def __init__(self, command: str, out: Path | None, *, force: bool = False) -> None:
        """Make the folder, so that a run never ends with nowhere to go.

        Args:
            command: that measures.
            out: the folder that the user named; None for one below `reports/`.
            force: replace the result that is there.

        Raises:
            UsageError: there is a result in it already, or another run is writing one.
            CannotRunError: the folder cannot be made or written to.

        """
        self._command = command
        self._started_at = datetime.now(UTC)
        self._link_latest = out is None
        self.folder = out or Path("reports")
        try:
            if out is None:
                self.folder = _new_folder(f"{self._started_at:%Y%m%dT%H%M%SZ}-{command}")
            else:
                out.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as on_failure:
                self._lock = _lock(self.folder)
                on_failure.callback(os.close, self._lock)
                if out is not None:
                    _make_room(out, force=force)
                probe = self.folder / f".writable-{secrets.token_hex(4)}"
                probe.touch(exist_ok=False)
                probe.unlink()
                on_failure.pop_all()
        except OSError as error:
            raise CannotRunError(
                f"cannot write to {self.folder}: {error.strerror}", _ELSEWHERE
            ) from None
        self.path = self.folder / RESULTS
        self._environment = collect_environment(__version__)
        self._kept: dict[str, Any] = {}
        context = click.get_current_context(silent=True)
        if context is not None:
            context.call_on_close(self.close)

    def close(self) -> None:
        """Let go of the folder; a run that is refused late leaves no empty one behind."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        os.close(self._lock)

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
        between: BetweenResult | None = None,
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
            between=between,
        )
        try:
            write_whole(self.path, encode(results))
        except OSError as error:
            raise CannotRunError(
                f"cannot write {self.path}: {error.strerror}", _ELSEWHERE
            ) from None
        if self._link_latest:
            self._point_latest()
        return results

    def _point_latest(self) -> None:
        link = self.folder.parent / "latest"
        fresh = link.with_name(f".latest-{os.getpid()}")
        try:
            fresh.symlink_to(self.folder.name)
            fresh.replace(link)
        except OSError:  # a file system without links: the folder's name is printed anyway
            fresh.unlink(missing_ok=True)


def _new_folder(name: str) -> Path:
    """Make a folder below `reports/` that nobody else has: two runs may begin in one second.

    Raises:
        OSError: it cannot be made.

    """
    Path("reports").mkdir(exist_ok=True)
    for number in range(1, _MOST_NAMES):
        folder = Path("reports") / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _lock(folder: Path) -> int:
    """Lock a folder until the process ends or the descriptor that is returned is closed.

    Raises:
        UsageError: another run has it.
        OSError: it cannot be opened.

    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UsageError(f"another run is writing its result to {folder}", _ELSEWHERE) from None
    except OSError:  # a file system without locks
        pass
    return descriptor


def _make_room(folder: Path, *, force: bool) -> None:
    """See that nothing of another run is in a folder.

    Raises:
        UsageError: there is, and it may not be replaced.
        OSError: it cannot be removed.

    """
    held = [
        one for name in (RESULTS, PAGE, JUNIT, _EVIDENCE) if os.path.lexists(one := folder / name)
    ]
    if not held:
        return
    if not force:
        raise UsageError(
            f"{held[0]} already exists", f"{_ELSEWHERE}, or write --force to have it replaced"
        )
    if held[0].name != RESULTS and held[-1].name == _EVIDENCE:
        raise UsageError(
            f"{held[-1]} does not belong to a result, so not even --force replaces it", _ELSEWHERE
        )
    for one in held:
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()
