"""`check --from --behind`: what stands between is judged by what the server behind said."""

import socket
from pathlib import Path

import pytest

from tests.support.relaying import Relaying
from tests.support.servers import Serving, shouting
from wireproof.cli import invoke
from wireproof.results import Verdict, load_results


def _first_of_each_read(server: tuple[str, int], peer: socket.socket) -> None:
    """A proxy that passes on the first line of what it reads."""
    with socket.create_connection(server) as onward, onward.makefile("rb") as replies:
        while data := peer.recv(65536):
            line, end, _ = data.partition(b"\n")
            onward.sendall(line + end)
            if end:
                peer.sendall(replies.readline())


@pytest.mark.parametrize("sound", [True, False])
def test_a_proxy_is_judged_by_the_server_behind_it(sound: bool, tmp_path: Path) -> None:
    """No protocol is needed: requests are learnt there, and sent through what stands between."""
    words = []
    for name, text in (("first", b"hello world\n"), ("second", b"quick fox\n")):
        (tmp_path / name).write_bytes(text)
        words += ["--from", str(tmp_path / name)]
    for one in ("MID-BYTES", "MID-PIPELINE", "MID-END"):
        words += ["--only", one]
    words += ["--depth", "quick", "--seed", "1", "--out", str(tmp_path / "out")]
    with Serving(shouting) as server, Relaying(server.target) as relay:
        behind = ("127.0.0.1", server.target.port)
        with Serving(lambda peer: _first_of_each_read(behind, peer)) as losing:
            front = f"tcp://127.0.0.1:{relay.address[1] if sound else losing.target.port}"
            code = invoke(["check", front, "--behind", str(server.target), *words])
    found = load_results(tmp_path / "out" / "results.json").check
    assert found is not None
    verdicts = {line.id: line.verdict for line in found.requirements}
    assert code == (0 if sound else 1)
    assert verdicts["MID-PIPELINE"] is (Verdict.PASS if sound else Verdict.FAIL)
    assert not sound or set(verdicts.values()) <= {Verdict.PASS, Verdict.UNSUPPORTED}
