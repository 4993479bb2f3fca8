import contextlib
import os
import socket
import threading
from pathlib import Path

import pytest

from wireproof.cli import invoke
from wireproof.results import load_results


def _accept(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            server.accept()[0].close()


def test_the_queue_of_our_own_listener(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The result file holds the queue, and the screen how to allow what was not allowed.

    No burst overflows it, however rarely our own thread accepts.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=2000) as server:
        thread = threading.Thread(target=_accept, args=[server])
        thread.start()
        target = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        code = invoke(["backlog", target, "--queue-only", "--out", str(tmp_path)])
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert code == 0
    results = load_results(tmp_path / "results.json")
    assert results.backlog is not None
    assert (results.command, results.target, results.partial) == ("backlog", target, False)
    assert (results.backlog.queue.limit, results.backlog.queue.source) == (2000, "unknown")
    assert results.backlog.ladder == []
    shown = capsys.readouterr().out
    assert "backlog 2,000" in shown
    assert f"--pause-pid {os.getpid()}" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["udp://127.0.0.1:9"], "has no connections, so no accept queue"),
        (["tcp://127.0.0.1:9", "--connections", "1,x"], "write --connections 1,10,50"),
        (["tcp://127.0.0.1:9", "--connections", "0"], "write --connections 1,10,50"),
        (["tcp://127.0.0.1:9", "--for", "0"], "--for: 0 is too short: write 10ms or more"),
        (["tcp://127.0.0.1:9", "--protocol", "nope"], "there is no protocol 'nope'"),
        (["tcp://127.0.0.1:9", "--pause-pid", "0"], "--pause-pid"),
    ],
)
def test_wrong_words_are_told_at_once(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake is told in a line or two, with exit code 2, before anything is touched."""
    assert invoke(["backlog", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
