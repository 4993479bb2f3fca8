"""The result file: its text, written and read."""

from pathlib import Path
from typing import Any

import msgspec

from wireproof.errors import UsageError
from wireproof.files import read_limited
from wireproof.results.records import FORMAT, Results

MAX_FILE_BYTES = 256 * 1024 * 1024


def encode(results: Results) -> bytes:
    """Return the text of `results.json`."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def decode(text: bytes) -> Results:
    """Read the text of a result file.

    Raises:
        UsageError: it is not one, or it is of a format that this version does not know.

    """
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
        number = found.get("format")
        if number == 1:
            _upgrade(found)
            return msgspec.convert(found, type=Results)
        if number is None:
            raise UsageError("it is not a result file")
        if number != FORMAT:
            raise UsageError(
                f"it is a result file of format {number}, and this version reads format {FORMAT}"
            )
        return msgspec.json.decode(text, type=Results)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"it is not a result file: {error}") from None


def _upgrade(found: dict[str, Any]) -> None:
    """Turn format 1 into today's, where its load counts right requests instead of sent ones."""
    load = found.get("load")
    if isinstance(load, dict):
        stages = load.get("stages", [])
        for stage in [load, *(stages if isinstance(stages, list) else [])]:
            try:
                stage["requests"] += sum(stage["failures"].values())
            except (LookupError, TypeError, AttributeError):
                continue  # its record is refused for that
    found["format"] = FORMAT


def load_results(path: Path) -> Results:
    """Read a result file.

    Raises:
        UsageError: there is none, it cannot be read, or it is not a result file.

    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder", f"write {path / 'results.json'}")
    text = read_limited(path, MAX_FILE_BYTES, "result file")
    try:
        return decode(text)
    except UsageError as error:
        raise UsageError(f"cannot read {path}: {error.problem}") from None
