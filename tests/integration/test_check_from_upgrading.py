"""TLS that begins inside a connection, from files with what the client says."""

from pathlib import Path

import pytest

from tests.support.servers import Serving
from tests.zoo.upgrading import ASKS, AnswersInside, Peer, handler
from wireproof.cli import invoke
from wireproof.results import Verdict, load_results

ONLY = ("BASE-ANSWER", "SEG-SINGLE", "SEG-UPGRADE", "COAL-UPGRADE")


class Deaf(Peer):
    """Says that TLS may begin, and does no handshake: it is a word like others."""

    def begin(self) -> None:
        """Go on in the clear."""


class RefusesInside(Peer):
    """Says inside TLS that it saw what came in the clear, and goes; PostgreSQL does so."""

    had = False

    def may_begin(self) -> bool:
        """Look, and throw it away."""
        self.had = bool(self.buffer)
        return super().may_begin()

    def begun(self) -> None:
        """Refuse."""
        if self.had:
            self.socket.sendall(b"fatal: received unencrypted data\n")
            raise ConnectionError


@pytest.mark.parametrize(
    ("peer", "verdict"),
    [
        (Peer, Verdict.PASS),
        (RefusesInside, Verdict.PASS),
        (AnswersInside, Verdict.FAIL),
        (Deaf, Verdict.UNSUPPORTED),
    ],
)
def test_what_is_stuffed_behind_the_request_is_looked_for(
    peer: type[Peer], verdict: Verdict, tmp_path: Path
) -> None:
    """The handshake is tried; where there is one, what follows is said and judged inside TLS."""
    words = ["--depth", "quick", "--seed", "1", "--out", str(tmp_path / "out")]
    for number, line in enumerate((b"hello\n", ASKS, b"hello\n", b"abc\n")):
        (tmp_path / str(number)).write_bytes(line)
        words += ["--from", str(tmp_path / str(number))]
    words += [part for one in ONLY for part in ("--only", one)]
    with Serving(handler(peer)) as server:
        code = invoke(["check", str(server.target), *words])
    found = load_results(tmp_path / "out" / "results.json").check
    assert found is not None
    verdicts = {line.id: line.verdict for line in found.requirements}
    assert verdicts["COAL-UPGRADE"] is verdict
    assert verdicts["SEG-SINGLE"] is Verdict.PASS
    assert code == (verdict is Verdict.FAIL)
