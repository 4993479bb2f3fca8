"""Evidence files beside a result file, read with suspicion: they may come from anywhere."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from wireproof.reporting.digest import evidence_path
from wireproof.wire.transcript import Event

_FILE_BYTES = 32 * 1024 * 1024
_SCRIPT_BYTES = 64 * 1024
REPLAY = "replay.json"


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


class _Failure(msgspec.Struct, frozen=True):
    connection: int
    kind: str = ""

    @property
    def is_absence(self) -> bool:
        """Whether the server failed by what it did not do."""
        return self.kind in {"silence", "not closed"}


class Conversation(msgspec.Struct, frozen=True):
    """What a replay file tells of the conversation that failed; its other keys are not for us.

    Attributes:
        events: in order, of all connections.
        failure: on which connection it was seen.
        explanation: when the server fails, in words.

    """

    events: list[Event]
    failure: _Failure
    explanation: str = ""


def read_conversation(files: list[EvidenceFile]) -> Conversation | None:
    """Return the conversation of the replay file among the files, if there is one."""
    for file in files:
        if file.path.name == REPLAY:
            try:
                return msgspec.json.decode(_content(file.path, _FILE_BYTES), type=Conversation)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                return None
    return None


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
