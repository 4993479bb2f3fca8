"""README and docs: what is printed there is run as printed there, or says why not.

A comment before a block says what becomes of it: `file: NAME` is written into the page's own
folder, `run` is run there, with `run: 1` as what has to be its exit code, and `not run: WHY` isn't.
`run when extended` is run with WIREPROOF_EXTENDED=1.
A port in a page stands for the free one that its server says it has.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.printed import understood

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
BIN = Path(sys.executable).parent
TIMEOUT_S = 100
EXTENDED = "WIREPROOF_EXTENDED" in os.environ
CODE = {"python", "console", "toml", "yaml"}
"""Languages whose blocks need a word; `text` and `json` are what something has printed."""


@dataclass(frozen=True)
class Block:
    """One block of a page, and the comment before it."""

    mark: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page."""
    found = re.finditer(
        r"(?:<!-- ([^\n]*?) -->\n)?^```(\w*)[^\n]*\n(.*?)^```$",
        page.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    return [Block(one[1] or "", one[2], one[3]) for one in found]


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a block with the lines that it is said to print."""
    command, printed = "", []
    for line in block.text.replace("\\\n", " ").splitlines():
        if (start := re.match(r"\w*\$ ", line)) is None:
            printed.append(line)
            continue
        if command:
            yield command, printed
        command, printed = re.sub(r"\s+# .*", "", line[start.end() :]), []
    if command:
        yield command, printed


def form(line: str) -> str:
    """Return a line without its figures and its bottleneck, which differ from run to run."""
    line = re.sub(r"generator-bound|server-bound|bound by a shared core|undetermined", "#", line)
    return " ".join(re.sub(r"[\d.,]+( [mµn]?s\b)?", "#", line).split())


@pytest.mark.parametrize("name", NAMES)
def test_every_block_is_run_or_says_why_not(name: str):
    """No code is left to hope; what is no command of ours is never printed as one."""
    for block in blocks(ROOT / name):
        word = block.mark.partition(":")[0]
        if block.language in CODE and not block.text.startswith(">>> "):
            assert word in {"file", "run", "run when extended", "not run"}, block
        if word == "not run":
            assert block.mark.partition(":")[2].strip(), block
        if block.language == "console":
            for command, _ in commands(block):
                assert understood(command), command
        if block.language == "toml":
            tomllib.loads(block.text)


def test_dialogues_with_python_are_true():
    """What a page shows after `>>>` is what Python answers."""
    for page in PAGES:
        if ">>> " in page.read_text(encoding="utf-8"):
            failed, _ = doctest.testfile(str(page), module_relative=False)
            assert failed == 0, page


@pytest.mark.parametrize(
    "name", [n for n, p in zip(NAMES, PAGES, strict=True) if "<!-- run" in p.read_text("utf-8")]
)
def test_a_page_runs_as_printed(name: str, tmp_path: Path):
    """Files are written, commands run, and what they print has the form that the page shows."""
    ports: dict[str, str] = {}
    servers: list[subprocess.Popen[bytes]] = []
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "examples").symlink_to(ROOT / "docs" / "examples")
    try:
        for block in blocks(ROOT / name):
            word, _, rest = block.mark.partition(": ")
            if word == "file":
                (tmp_path / rest).write_text(with_ports(block.text, ports))
            elif word == "run" or (EXTENDED and word == "run when extended"):
                for command, printed in commands(block):
                    if command.endswith("&"):
                        servers.append(started(command, tmp_path, ports))
                    elif EXTENDED or " backlog " not in command:  # bursts wait for seconds
                        ended = run(with_ports(command, ports), tmp_path)
                        compare(command, ended, printed, rest)
    finally:
        for server in servers:
            server.terminate()  # ours ends its workers itself
            server.communicate()


def started(command: str, folder: Path, ports: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start a server on a free port, and learn which the page's port stands for."""
    words = shlex.split(command.replace("2>/dev/null", "").rstrip(" &"))
    ours = words[0] == "wireproof"
    file = folder / words[1]
    port = re.search(r"\b9\d{3}\b", command if ours else file.read_text())
    assert port is not None, command
    if ours:
        words = [str(BIN / words[0]), *(word.replace(port[0], "0") for word in words[1:])]
    else:
        on_any_port = folder / f"on_any_port_{file.name}"
        on_any_port.write_text(file.read_text().replace(port[0], "0"))
        words = [sys.executable, str(on_any_port)]
    server = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert server.stdout is not None
    ports[port[0]] = re.findall(r"\d+", server.stdout.readline().decode())[-1]
    return server


def with_ports(text: str, ports: dict[str, str]) -> str:
    """Return a text that names the ports which there are."""
    for port, real in ports.items():
        text = text.replace(port, real)
    return text


def run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command as in a shell of a narrow terminal's width, ours before others of its name."""
    if "--depth quick" in command and "--only" not in command and not EXTENDED:
        command += " --only BASE-ANSWER --only SEG-SINGLE"  # the whole takes half a minute
    if not EXTENDED:
        command = command.replace("--for 3s", "--for 1s")
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "COLUMNS": "110",
        "PYTHONPATH": "",
    }
    return subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def compare(
    command: str, ended: "subprocess.CompletedProcess[str]", printed: list[str], code: str
) -> None:
    """See that a command ended as it should, and printed what the page shows, in that order."""
    wanted = {int(code)} if code else {0, 1} if " check " in command else {0}
    assert ended.returncode in wanted, f"{command}\n{ended.stdout}\n{ended.stderr}"
    lines = iter([form(line) for line in ended.stdout.splitlines()])
    for line in printed:
        if line.strip() and line != "…":
            assert form(line) in lines, f"{command}\n{line}\n{ended.stdout}"


def test_the_readme_is_short():
    """A page that one reads: 150 lines at most; a protocol of one's own takes fifteen."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    (shout,) = (block for block in blocks(ROOT / "README.md") if block.mark == "file: shout.py")
    assert len(shout.text.strip().splitlines()) <= 15


def test_the_site_builds_without_a_warning(tmp_path: Path):
    """Strictly: no dead link, no page that no list names; a page for each requirement."""
    built = subprocess.run(
        [BIN / "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    page = (tmp_path / "reference" / "catalogue" / "SEG-SINGLE" / "index.html").read_text()
    assert "A reply does not depend on any single cut" in page
    assert "What it sends" in page


def test_links_of_the_readme_lead_somewhere():
    """The site's are checked by its builder."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert link.startswith("http") or (ROOT / link).exists(), link
