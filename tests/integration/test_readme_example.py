"""The README's example: the files as printed there, run as printed there."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIREPROOF = str(Path(sys.executable).with_name("wireproof"))
TIMEOUT_S = 100


def printed(name: str) -> str:
    """Return the Python block that follows the comment with this file's name."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {re.escape(name)}.*?-->\n```python\n(.*?)```", text, re.DOTALL)
    assert found, name
    return found[1]


def test_the_example_protocol_is_short():
    """A protocol of one's own takes at most fifteen lines."""
    assert len(printed("shout.py").strip().splitlines()) <= 15


def test_the_example_is_judged_as_the_readme_says(tmp_path: Path):
    """The class agrees with itself, the naive server fails SEG-SINGLE, and a script shows it."""
    (tmp_path / "shout.py").write_text(printed("shout.py"))
    (tmp_path / "naive_server.py").write_text(printed("naive_server.py").replace("9000", "0"))
    looked_at = subprocess.run(
        [WIREPROOF, "protocols", "shout.py:Shout"],
        cwd=tmp_path,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert b"agrees with itself" in looked_at.stdout
    with subprocess.Popen(
        [sys.executable, "naive_server.py"], cwd=tmp_path, stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().split()[-1])
            command = [WIREPROOF, "check", f"tcp://127.0.0.1:{port}"]
            command += ["--protocol", "shout.py:Shout", "--only", "SEG-SINGLE", "--out", "out"]
            checked = subprocess.run(
                [*command, "--depth", "quick"],
                cwd=tmp_path,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            assert checked.returncode == 1, checked.stderr.decode()
            results = json.loads((tmp_path / "out" / "results.json").read_text())
            assert results["check"]["requirements"][0]["verdict"] == "FAIL"
            script = tmp_path / "out" / "evidence" / "SEG-SINGLE" / "replay.py"
            replayed = subprocess.run(
                [sys.executable, str(script)], capture_output=True, timeout=TIMEOUT_S, check=False
            )
            assert replayed.returncode == 1, replayed.stdout.decode()
        finally:
            server.kill()
