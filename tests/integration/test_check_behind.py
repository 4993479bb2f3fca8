"""`wireproof check --behind` from traffic: what stands between, and how it is told."""

from pathlib import Path

import pytest

from tests.support.servers import Serving, shouting
from tests.zoo.middleboxes import standing_before
from wireproof.cli import invoke
from wireproof.results import Verdict, load_results

HELLO = b"hello world\n"


def test_from_traffic_the_server_behind_is_what_is_learnt_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A relay that ends both directions is found by requests alone; a sound one holds."""
    (tmp_path / "asked").write_bytes(HELLO)
    out = tmp_path / "out"
    options = ["--from", str(tmp_path / "asked"), "--depth", "quick", "--seed", "1", "--force"]
    options += ["--only", "MID-BYTES", "--only", "MID-HALF", "--out", str(out)]
    verdicts = []
    with Serving(shouting) as server:
        for name in ("relay", "ends-both"):
            with standing_before(server.target.port, name) as port:
                named = f"tcp://127.0.0.1:{port}"
                code = invoke(["check", named, "--behind", str(server.target), *options])
            results = load_results(out / "results.json")
            assert results.check is not None
            verdicts.append((code, [line.verdict for line in results.check.requirements]))
            assert f"{named} before {server.target}" in capsys.readouterr().out
            page = (out / "index.html").read_text(encoding="utf-8")
            assert f"{named} before {server.target}</h1>" in page
    assert verdicts == [
        (0, [Verdict.PASS, Verdict.PASS]),
        (0, [Verdict.PASS, Verdict.NON_STRICT]),
    ]
