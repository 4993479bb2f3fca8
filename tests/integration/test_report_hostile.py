"""A server that attacks whoever reads the report: from its first byte to every output."""

import io
import json
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyte
import pytest
from rich.console import Console

from tests.support.browser import chromium, needs_chromium, show
from wireproof.cli import invoke
from wireproof.reporting.markdown import markdown
from wireproof.reporting.terminal.summary import print_summary
from wireproof.results import load_results

ATTACKS = {
    "markup": b"</pre></script><script>window.owned = 1</script><img src=x onerror=owned=1>",
    "rich": b"[bold red on white]x[/] [link=file:///etc/passwd]y[/link] :skull:",
    "escapes": b"\x1b[2J\x1b[H\x1b]0;owned\x07\x1b[31m\x9b5n\x1bP$q\x1b\\\x08\x08\r",
    "invisible": "\u202egnp.exe\u2066\u200b\ufeff\u3164\U000e0041".encode(),
    "invalid-utf-8": b"\xff\xfe\xc3\x28\xed\xa0\x80\xf8\x88\x80\x80\x80",
    "megabyte": b"A" * 1_000_000,
}


class _HostileServer:
    """Answers whatever it is sent with the same bytes, on as many connections as come."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection):
            try:
                while connection.recv(65536):
                    connection.sendall(self._answer)
            except OSError:  # the client had seen enough
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(scope="module", params=ATTACKS)
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result file of a check of a hostile server."""
    folder = tmp_path_factory.mktemp(request.param)
    server = _HostileServer(ATTACKS[request.param])
    target = f"tcp://127.0.0.1:{server.port}"
    options = ["--protocol", "echo", "--only", "BASE-ANSWER", "--depth", "quick"]
    try:
        assert invoke(["check", target, *options, "--out", str(folder), "--json"]) == 1
    finally:
        server.close()
    return folder / "results.json"


def test_the_terminal_stays_in_order(outcome: Path) -> None:
    """In an emulator the screen is what plain text would be: nothing moved, named or cleared."""
    results = load_results(outcome)
    plain, coloured = io.StringIO(), io.StringIO()
    print_summary(results, outcome, Console(file=plain, width=100, highlight=False))
    console = Console(file=coloured, width=100, force_terminal=True, color_system="truecolor")
    print_summary(results, outcome, console)
    screen = pyte.Screen(400, 200)
    pyte.Stream(screen).feed(coloured.getvalue().replace("\n", "\r\n"))
    assert screen.title == ""
    shown = "\n".join(line.rstrip() for line in screen.display).rstrip()
    assert "BASE-ANSWER" in shown
    assert shown.splitlines()[-1].startswith(("Report", "Script", "Page"))
    assert len(shown.splitlines()) < 24
    assert "\x1b" not in plain.getvalue()
    assert plain.getvalue().isprintable() or set(plain.getvalue()) & {"\n"}
    printable = plain.getvalue().replace("\n", "").replace(" ", "")
    assert printable.isprintable()


def test_files_for_programs_stay_well_formed(outcome: Path) -> None:
    """JUnit parses, JSON parses, Markdown has no tag and no control character of the server's."""
    results = load_results(outcome)
    root = ET.parse(outcome.with_name("junit.xml")).getroot()  # noqa: S314 - our own
    assert root.get("failures") == "1"
    text = markdown(results)
    assert "<script" not in text
    assert "<img" not in text
    assert text.replace("\n", "").isprintable()
    assert json.loads(outcome.read_text())["check"]["requirements"][0]["verdict"] == "FAIL"
    assert all(file.stat().st_size < 5_000_000 for file in outcome.parent.glob("*.*"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser for all attacks."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@needs_chromium
def test_the_page_stays_in_order(browser: Any, outcome: Path) -> None:
    """No script of the server ran, no sign of its is invisible, the layout holds on a phone."""
    browser.get_log("browser")
    show(browser, outcome.with_name("index.html"), width=360)
    assert browser.execute_script("return window.owned") is None
    assert browser.get_log("browser") == []
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    visible = browser.execute_script("return document.body.innerText")
    assert visible.replace("\n", "").replace("\t", "").isprintable()
    assert browser.execute_script("return document.querySelectorAll('.lanes .wrong').length") == 1
    widths = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]
