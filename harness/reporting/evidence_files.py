"""Evidence files beside a result file, read with suspicion: they may come from anywhere."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.reporting.digest import evidence_path
from harness.wire.transcript import Event

_FILE_BYTES = 32 * 1024 * 1024
_SCRIPT_BYTES = 64 * 1024
_TRANSCRIPTS = ("transcript.json", "case.json")


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file that belongs to a requirement.

    Attributes:
        name: as the result file has it, relative to its folder.
        path: where it is; it exists.

    """

    name: str
    path: Path


def evidence_files(folder: Path, names: list[str]) -> list[EvidenceFile]:
    """Return those of the named files that exist below `folder`."""
    found = []
    for name in names:
        path = evidence_path(folder, name)
        try:
            if path is not None and path.is_file():
                found.append(EvidenceFile(name, path))
        except (OSError, ValueError):  # too long for the file system, or with a null in it
            continue
    return found


def read_events(files: list[EvidenceFile]) -> list[Event]:
    """Return the events of the first transcript among the files; none when there is none.

    Data is base64 under `data`, or hexadecimal under `data_hex`.
    """
    for name in _TRANSCRIPTS:
        for file in files:
            if file.path.name != name:
                continue
            events = _events(_content(file.path, _FILE_BYTES))
            if events:
                return events
    return []


def read_script(files: list[EvidenceFile]) -> tuple[str, str] | None:
    """Return name and text of the script that replays the failure."""
    for file in files:
        if file.path.suffix == ".py" and not file.path.name.startswith("test_"):
            text = _content(file.path, _SCRIPT_BYTES)
            return (file.name, text.decode(errors="replace")) if text else None
    return None


def _content(path: Path, limit_bytes: int) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= limit_bytes else b""
    except OSError:
        return b""


def _events(text: bytes) -> list[Event]:
    try:
        raw: Any = msgspec.json.decode(text, type=dict[str, Any]).get("events", [])
        return [
            Event(
                at_ns=int(entry["at_ns"]),
                connection=int(entry["connection"]),
                kind=entry["kind"],
                data=_data(entry),
                note=str(entry.get("note", "")),
            )
            for entry in raw
        ]
    except (
        msgspec.MsgspecError,
        RecursionError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        binascii.Error,
    ):
        return []


def _data(entry: dict[str, Any]) -> bytes:
    if "data_hex" in entry:
        return bytes.fromhex(entry["data_hex"])
    return base64.b64decode(entry.get("data", ""), validate=True)
