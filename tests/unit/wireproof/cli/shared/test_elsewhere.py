from pathlib import Path

import pytest

from wireproof.cli import invoke
from wireproof.cli.shared.elsewhere import parse_place
from wireproof.errors import UsageError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.0.2.7", ("192.0.2.7", 5557)),
        ("192.0.2.7:1", ("192.0.2.7", 1)),
        ("bench", ("bench", 5557)),
        ("bench:65535", ("bench", 65535)),
        ("::1", ("::1", 5557)),
        ("[::1]", ("::1", 5557)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
    ],
)
def test_where_to_meet(text: str, place: tuple[str, int]) -> None:
    """An address or a name, with a port or Locust's."""
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", ":1", "a:0", "a:65536", "a:x", "a:-1", "[::1]:x"])
def test_what_is_no_place(text: str) -> None:
    """A port is a number above 0; the master alone may leave it to the system."""
    with pytest.raises(UsageError, match="not an address to meet at"):
        parse_place(text)
    assert parse_place("a:0", least_port=0) == ("a", 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--bind", "127.0.0.1"], "add --master"),
        (["--expect-workers", "2"], "add --master"),
        (["--secret-file", "s"], "add --master"),
        (["--wait", "5s"], "add --master"),
        (["--master"], "add --expect-workers N"),
        (["--master", "--expect-workers", "2"], "add --secret-file FILE"),
        (["--master", "--expect-workers", "0", "--secret-file", "s"], "0 is not in the range"),
        (["--master", "--expect-workers=2", "--secret-file=s", "--bind=:"], "write 192.0.2.7"),
        (
            ["--master", "--expect-workers=2", "--secret-file=s", "--processes=2"],
            "start wireproof worker here, too",
        ),
        (
            ["--master", "--expect-workers=2", "--secret-file=s", "--find-knee=p99<1ms"],
            "its workers leave after one run",
        ),
        (
            ["--master", "--expect-workers=2", "--secret-file=s", "--source-addresses=127.0.0.2"],
            "write it at each worker",
        ),
    ],
)
def test_what_does_not_go_together(
    options: list[str],
    told: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is refused in two lines, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    assert invoke(["load", "tcp://127.0.0.1:9", *options]) == 2
    said = capfd.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_worker_without_a_secret_is_refused(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It has to be there, and nobody else's to read."""
    assert invoke(["worker", "127.0.0.1", "tcp://127.0.0.1:9"]) == 2
    assert "--secret-file" in capfd.readouterr().err
    file = tmp_path / "secret"
    for mode, told in ((None, "cannot read"), (0o644, "chmod 600")):
        if mode is not None:
            file.write_text("s" * 64)
            file.chmod(mode)
        assert invoke(["worker", "127.0.0.1", "--secret-file", str(file)]) == 2
        assert told in capfd.readouterr().err
