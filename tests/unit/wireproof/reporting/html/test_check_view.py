from pathlib import Path

import msgspec
import pytest

from tests.support import result_samples as samples
from wireproof.reporting.html.check_view import (
    anchor_of,
    boundary_views,
    finding_views,
    matrix,
    ranges,
)
from wireproof.results import Boundary, BoundaryMap, Verdict


@pytest.mark.parametrize(
    ("offsets", "words"),
    [([], ""), ([4], "4"), ([1, 7, 8, 9], "1, 7\N{EN DASH}9"), ([2, 1], "1\N{EN DASH}2")],
)
def test_offsets_are_told_as_spans(offsets: list[int], words: str) -> None:
    """Neighbours are joined."""
    assert ranges(offsets) == words


def test_rows_that_need_attention_lead_to_a_finding() -> None:
    """Each verdict but PASS and UNSUPPORTED has an anchor, and a finding of that name."""
    check = samples.check()
    anchors = [row.anchor for row in matrix(check) if row.anchor]
    findings = finding_views(check, Path("nowhere"), lambda name: name, with_conversations=True)
    assert sorted(anchors) == sorted(finding.anchor for finding in findings)
    assert findings[0].row.verdict == "FAIL"
    assert anchor_of("a b/<c>") == "r-a-b--c-"


def test_evidence_becomes_timeline_script_and_links(tmp_path: Path) -> None:
    """What lies beside the result file is shown; what does not exist is not linked."""
    samples.write_evidence(tmp_path)
    finding = finding_views(samples.check(), tmp_path, lambda name: name, with_conversations=True)[
        0
    ]
    assert [line.connection for line in finding.timelines] == [0]
    assert "alert(1)" in finding.script
    assert finding.replay == f"wireproof replay {tmp_path}/evidence/SEG-09/replay.json"
    assert [file.name for file in finding.files] == [
        "evidence/SEG-09/replay.json",
        "evidence/SEG-09/replay.py",
    ]


def test_the_boundary_map_shows_each_byte_and_its_cut() -> None:
    """Of a short conversation every byte is there, with the fate of the cut before it."""
    (view,) = boundary_views(samples.check())
    assert (view.tried, view.failed, view.failed_ranges) == (11, 1, "1")
    assert [byte.shown for byte in view.bytes][:6] == ["h", "e", "l", "l", "o", "\\r"]
    assert [byte.cut for byte in view.bytes][:3] == ["start", "failed", "passed"]


def test_long_and_broken_conversations_have_offsets_alone() -> None:
    """Thousands of bytes, or no hexadecimal at all, still give the spans that failed."""
    check = samples.check(samples.requirement("A-1", Verdict.FAIL))
    cuts = [Boundary(offset_bytes=1500, tried=1, failed=1)]
    maps = [
        BoundaryMap(requirement="A-1", conversation=text, length_bytes=2000, boundaries=cuts)
        for text in ("61" * 2000, "<script>")
    ]
    views = boundary_views(msgspec.structs.replace(check, boundary_maps=maps))
    assert [(view.bytes, view.failed_ranges) for view in views] == [([], "1500")] * 2


def test_a_cause_is_one_finding(tmp_path: Path) -> None:
    """Under the requirement that fits it; the others are named, and can be jumped to."""
    check = samples.check_with_causes()
    views = finding_views(check, tmp_path, lambda _: None, with_conversations=True)
    assert [view.row.id for view in views] == ["SEG-SINGLE", "SLOW-LOSS", "CON-03"]
    assert [view.cause for view in views] == ["C1, confirmed 5/5", "C2, confirmed 3/5", ""]
    assert [row.id for row in views[0].also] == ["CLOSE-X", "SEG-PAIRS"]
    assert all(row.anchor for row in views[0].also)
