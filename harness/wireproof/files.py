"""Files that others wrote, and files that others may be reading.

What is read may lie in a stranger's folder: so many bytes at most, whatever the path leads to, and
below a folder only what is really there. What is written is there whole, or not at all.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from wireproof.errors import UsageError


def read_limited(path: Path, limit_bytes: int, kind: str) -> bytes:
    """Return what `path` holds; a device or a pipe may well hold more than it says.

    Raises:
        UsageError: it cannot be read, or no file of this `kind` is so large.

    """
    try:
        with path.open("rb") as file:
            text = file.read(limit_bytes + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # a null in the path
        raise UsageError(f"cannot read {str(path)!r}: {error}") from None
    if len(text) > limit_bytes:
        raise UsageError(f"{path} is larger than any {kind}")
    return text


def read_inside(folder: Path, name: str, limit_bytes: int) -> bytes | None:
    """Return what the file `name` below `folder` holds.

    `folder` is trusted, what lies below it is not: no link is followed there, and neither a device
    nor a pipe is opened for reading.

    Args:
        folder: may itself be reached by a link.
        name: relative to it, with `/` between its parts; as somebody else wrote it.
        limit_bytes: of the whole file.

    Returns:
        None where there is no such file, or a larger one.

    """
    try:
        with _opened_inside(folder, name) as descriptor:
            if os.fstat(descriptor).st_size > limit_bytes:
                return None
            with os.fdopen(os.dup(descriptor), "rb") as file:
                text = file.read(limit_bytes + 1)
    except (OSError, ValueError):
        return None
    return text if len(text) <= limit_bytes else None


def is_inside(folder: Path, name: str) -> bool:
    """Whether `read_inside` would find a file of this name, however large."""
    try:
        with _opened_inside(folder, name):
            return True
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def _opened_inside(folder: Path, name: str) -> Iterator[int]:
    """Walk down from `folder`, a part at a time, so that nothing can be put in between.

    Raises:
        OSError: there is no such file, or a link is on the way.
        ValueError: the name leads upwards, or is none.

    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise ValueError(name)
    with contextlib.ExitStack() as stack:

        def opened(part: str | Path, flags: int, within: int | None) -> int:
            descriptor = os.open(part, flags | os.O_CLOEXEC, dir_fd=within)
            stack.callback(os.close, descriptor)
            return descriptor

        at = opened(folder, os.O_PATH | os.O_DIRECTORY, None)
        for part in parts[:-1]:
            at = opened(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, at)
        entry = opened(parts[-1], os.O_PATH | os.O_NOFOLLOW, at)
        if not stat.S_ISREG(os.fstat(entry).st_mode):
            raise FileNotFoundError(name)
        # The entry that was looked at, and not what may have taken its place since.
        yield opened(f"/proc/self/fd/{entry}", os.O_RDONLY, None)


def write_whole(path: Path, text: bytes) -> None:
    """Write a file, whole or not at all; a link of that name is replaced, not followed.

    Raises:
        OSError: it cannot be written there; nothing is left behind.

    """
    unfinished = path.with_name(f".{path.name:.200}.{secrets.token_hex(4)}.part")
    try:
        with unfinished.open("xb") as file:
            file.write(text)
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
