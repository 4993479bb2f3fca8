from pathlib import Path

import pytest

from tests.support import result_samples as samples
from wireproof.reporting.html.evidence_files import evidence_files, read_conversation, read_script

_NAMES = ["evidence/SEG-09/replay.json", "evidence/SEG-09/replay.py"]


def test_the_conversation_and_the_script_are_read(tmp_path: Path) -> None:
    """A replay file gives its events and the failed connection; the script its text."""
    samples.write_evidence(tmp_path)
    files = evidence_files(tmp_path, _NAMES)
    conversation = read_conversation(files)
    script = read_script(files)
    assert conversation is not None
    assert [event.kind for event in conversation.events[:2]] == ["open", "send"]
    assert conversation.events[1].data == b"h"
    assert script is not None
    assert script[0] == _NAMES[1]


def test_only_files_below_the_folder_are_found(tmp_path: Path) -> None:
    """Forged, missing and impossible names give nothing and raise nothing."""
    samples.write_evidence(tmp_path)
    inside = tmp_path / "inside"
    inside.mkdir()
    forged = ["../evidence/SEG-09/replay.py", "/etc/passwd", "a" * 5000, "nul\x00", "missing.json"]
    assert evidence_files(inside, forged) == []


def test_a_link_is_no_evidence(tmp_path: Path) -> None:
    """What a link in a stranger's folder leads to is neither read nor shown."""
    samples.write_evidence(tmp_path)
    replay, script = (tmp_path / name for name in _NAMES)
    for path in (replay, script):
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    assert evidence_files(tmp_path, _NAMES) == []
    script.unlink()
    (tmp_path / script.name).rename(script)
    found = evidence_files(tmp_path, _NAMES)
    script.unlink()
    script.symlink_to(tmp_path / "replay.json")  # between the look and the read
    assert read_script(found) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"events": 1}',
        "[" * 100_000,
        '{"failure": {"connection": 0}, "events": [{"at_ns": 1, "connection": 0, "kind": "x"}]}',
        "\udcff",
    ],
)
def test_a_broken_replay_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    """What is no replay file is left out of the report."""
    (tmp_path / "replay.json").write_text(text, errors="surrogateescape")
    assert read_conversation(evidence_files(tmp_path, ["replay.json"])) is None
