from pathlib import Path
from typing import Any

from tests.support.findings import evidence
from tests.support.servers import Serving, Shout
from wireproof.conformance.evidence.case import read_case
from wireproof.conformance.evidence.files import transcript_text


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
    case = read_case(folder / "replay.json")
    assert transcript_text(case) == text
