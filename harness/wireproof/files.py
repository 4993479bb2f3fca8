"""Reading files that others wrote: at most so many bytes, whatever the path leads to."""

from pathlib import Path

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
