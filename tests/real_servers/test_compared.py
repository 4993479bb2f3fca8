"""The gallery by requests alone: what is written for a server, and what the table says of it."""

from pathlib import Path

import msgspec
import pytest

from tests.real_servers import compared, traffic
from tests.real_servers.compared import Compared, Run, as_rows, compare, read_both
from tests.real_servers.gallery import Server, catalogue
from wireproof.results import Level, RequirementResult, Verdict

ECHO = next(one for one in catalogue() if one.name == "Python socketserver")
BY_PROTOCOL = {
    Path(one.protocol_name).name: one for one in catalogue() if traffic.can_be_judged(one)
}
WRONG = msgspec.structs.replace(ECHO, name="wrong", must=("SEG-SINGLE",))


def _line(identifier: str, verdict: Verdict) -> RequirementResult:
    return RequirementResult(id=identifier, title="", level=Level.MUST, verdict=verdict)


PASSED = Run((_line("SEG-SINGLE", Verdict.PASS),))
FAILED = Run((_line("SEG-SINGLE", Verdict.FAIL), _line("COAL-MANY", Verdict.FAIL)))
NOTED = Run((_line("CLOSE-HALF", Verdict.NON_STRICT),))
UNJUDGED = Run((), "cannot judge it")


@pytest.mark.parametrize("server", BY_PROTOCOL.values(), ids=BY_PROTOCOL)
def test_a_few_requests_are_written_for_each_protocol(server: Server, tmp_path: Path) -> None:
    """Each in a file, none of them empty, and nothing of the protocol but the general settings."""
    words = traffic.options(server, 1, tmp_path)
    files = [Path(value) for option, value in zip(words[::2], words[1::2], strict=True)
             if option == "--from"]  # fmt: skip
    assert 1 <= len(files) <= 48
    assert all(path.stat().st_size for path in files)
    assert set(words[::2]) <= {"--from", "--set"}


@pytest.mark.parametrize(
    ("server", "runs", "problem"),
    [
        (ECHO, (PASSED, PASSED), ""),
        (ECHO, (PASSED, UNJUDGED), ""),
        (ECHO, (PASSED, FAILED), "false alarm: COAL-MANY, SEG-SINGLE"),
        (WRONG, (FAILED, FAILED), ""),
        (WRONG, (FAILED, UNJUDGED), "caught in 1 of 2 runs"),
        (WRONG, (NOTED, FAILED), "caught in 1 of 2 runs"),
    ],
)
def test_what_is_not_right(server: Server, runs: tuple[Run, ...], problem: str) -> None:
    """A finding of a sound server, and a fault that shows with the protocol alone."""
    assert Compared(server, FAILED, runs).problem == problem


def test_a_recommendation_counts_where_it_is_the_fault() -> None:
    """CLOSE-HALF is a SHOULD, and what the catalogue says that some servers do wrong."""
    server = msgspec.structs.replace(ECHO, must=("CLOSE-HALF",))
    assert Compared(server, NOTED, (NOTED,)).caught == 1
    assert Compared(WRONG, NOTED, (NOTED,)).caught == 0


def test_the_table_says_both_and_what_they_come_to() -> None:
    """What the catalogue names comes first; a server of which nothing could be judged is told."""
    text = "\n".join(
        as_rows(
            [Compared(ECHO, PASSED, (PASSED, UNJUDGED)), Compared(WRONG, FAILED, (FAILED, NOTED))]
        )
    )
    assert "1 servers misbehave: 1 were caught with their protocol, 0 without it" in text
    assert "(1 of 2 runs, 50%)" in text
    assert "0 of 2 runs without a protocol had a FAIL, and in 1 nothing could be judged" in text
    assert "| FAIL SEG-SINGLE, COAL-MANY | FAIL SEG-SINGLE, COAL-MANY (1 of 2 runs) |" in text
    assert "| sound | sound |" in text
    assert "| not judged: cannot judge it |" in "\n".join(
        as_rows([Compared(ECHO, PASSED, (UNJUDGED,))])
    )


def test_what_was_judged_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is judged both ways, and not once more where its results lie."""
    assert read_both(ECHO, tmp_path) is None
    judge = compared.judge
    asked: list[bool] = []

    def few(server: Server, depth: str, out: Path, *, seed: int, from_traffic: bool) -> object:
        asked.append(from_traffic)
        return judge(server, depth, out, seed=seed, from_traffic=from_traffic, only=("SEG-SINGLE",))

    monkeypatch.setattr(compared, "judge", few)
    first = compare(ECHO, "quick", tmp_path, [1])
    assert asked == [False, True]
    assert [line.verdict for line in first.by_requests[0].lines] == [Verdict.PASS]
    assert compare(ECHO, "quick", tmp_path, [1]) == first
    assert asked == [False, True]
