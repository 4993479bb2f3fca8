"""Evidence files beside a result file, read with suspicion: they may come from anywhere."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from wireproof.files import is_inside, read_inside
from wireproof.wire.transcript import Event

_FILE_BYTES = 32 * 1024 * 1024
_SCRIPT_BYTES = 64 * 1024
REPLAY = "replay.json"


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file that belongs to a requirement.

    Attributes:
        folder: of the result file.
        name: as that file has it, relative to the folder; without a link on the way.

    """

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """Where it is; only to be shown, since a link may have taken its place by now."""
        return self.folder / self.name

    def content(self, limit_bytes: int) -> bytes:
        """Return what it holds; nothing if that is more, or the file is gone."""
        return read_inside(self.folder, self.name, limit_bytes) or b""


def evidence_files(folder: Path, names: list[str]) -> list[EvidenceFile]:
    """Return those of the named files that exist below `folder`; what a link leads to does not."""
    return [EvidenceFile(folder, name) for name in names if is_inside(folder, name)]


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
        if PurePosixPath(file.name).name == REPLAY:
            try:
                return msgspec.json.decode(file.content(_FILE_BYTES), type=Conversation)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                return None
    return None


def read_script(files: list[EvidenceFile]) -> tuple[str, str] | None:
    """Return name and text of the script that replays the failure."""
    for file in files:
        name = PurePosixPath(file.name).name
        if name.endswith(".py") and not name.startswith("test_"):
            text = file.content(_SCRIPT_BYTES)
            return (file.name, text.decode(errors="replace")) if text else None
    return None
