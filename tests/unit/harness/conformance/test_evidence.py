from pathlib import Path
from typing import Any

import msgspec

from harness.conformance.case import Case
from harness.conformance.evidence import transcript_text
from tests.findings import evidence
from tests.servers import Serving, Shout


def test_the_transcript_is_harmless(tmp_path: Path) -> None:
    """What the peer sent stands there escaped: it goes to terminals."""

    def steering(peer: Any) -> None:
        peer.recv(10)
        peer.sendall(b"\x1b[2J\xff")

    with Serving(steering) as server:
        folder = evidence(tmp_path, server.target, Shout())
    text = (folder / "transcript.txt").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "b'\\x1b[2J\\xff'" in text
    assert text.startswith(f"SEG-SINGLE on {server.target}: ")
    case = msgspec.json.decode((folder / "replay.json").read_bytes(), type=Case)
    assert transcript_text(case) == text
