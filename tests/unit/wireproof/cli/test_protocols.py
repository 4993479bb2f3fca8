"""`wireproof protocols` and protocols named on the command line."""

from pathlib import Path

import pytest

from wireproof.cli import invoke
from wireproof.protocols.loading import registry
from wireproof.protocols.loading.registry import BUILT_IN, protocol_class

SHOUT = """\
from hypothesis import strategies as st

from wireproof.protocols import Delimited


class Shout(Delimited):
    def requests(self):
        return st.just(b"a\\n")

    def expected(self, request):
        return request.no_such_method()
"""


def test_every_protocol_is_listed_whole(capsys: pytest.CaptureFixture[str]):
    """Each built-in has its transports, its source and the extra that it needs in the list."""
    assert invoke(["protocols"]) == 0
    said = capsys.readouterr().out
    for name in BUILT_IN:
        kind = protocol_class(name)
        lines = f"\n{said}".partition(f"\n{name} ")[2].splitlines()
        transports, _, source = lines[1].strip().partition("; ")
        assert set(transports.split()) == set(kind.transports), name
        assert source == kind.source, name
        assert (f"needs the extra wireproof[{name}]" in lines[2]) == bool(kind.modules), name


def test_a_missing_library_is_named_in_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The list works without the libraries, and says which are missing."""
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    assert invoke(["protocols"]) == 0
    assert "needs the extra wireproof[http1], which is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ["protocols", "http1"],
        ["check", "tcp://127.0.0.1:9", "--protocol", "http1"],
        ["load", "tcp://127.0.0.1:9", "--protocol", "http1"],
    ],
    ids=lambda command: command[0],
)
def test_a_missing_extra_is_one_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Without its library a protocol ends in one line, the install command, and exit code 2."""
    monkeypatch.setattr(
        registry.importlib.util, "find_spec", lambda name: None if name == "h11" else object()
    )
    assert invoke(command) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "python -m pip install 'wireproof[http1]'" in said[0]


def test_an_error_in_a_users_class_is_theirs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """An expected() that raises is told with file and line, and is no verdict on a server."""
    path = tmp_path / "shout.py"
    path.write_text(SHOUT)
    assert invoke(["protocols", f"{path}:Shout"]) == 2
    said = capsys.readouterr().err
    assert "Shout.expected raised AttributeError" in said
    assert "shout.py:11" in said
    assert "Traceback" not in said


def test_what_is_usual_and_what_is_rare_is_shown(capsys: pytest.CaptureFixture[str]):
    """A protocol is shown with its plain request, its kinds of requests and its usual mix."""
    assert invoke(["protocols", "mqtt"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert r"  plain       b'\xc0\x00'" in said
    kinds = next(line for line in said if line.startswith("  kinds       "))
    assert kinds.startswith("  kinds       ping publish-qos0 publish-qos1 subscribe ")
    assert "  usual mix   publish-qos0 50, publish-qos1 45, ping 5" in said


def test_what_is_not_tried_for_lack_of_a_method_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A class of the user's own is shown with what it could say; once it says it, no more."""
    path = tmp_path / "shout.py"
    sound = SHOUT.replace("request.no_such_method()", "request")
    path.write_text(sound)
    assert invoke(["protocols", f"{path}:Shout"]) == 0
    said = capsys.readouterr().out
    assert "SIZE-POWERS OCTET-ALL   it has no sized_request()" in said
    path.write_text(sound + "\n    def malformed(self):\n        return st.just(b'?')\n")
    assert "it has no malformed()" in said
    assert invoke(["protocols", f"{path}:Shout"]) == 0
    said = capsys.readouterr().out
    assert "  not tried" in said
    assert "malformed()" not in said
    assert invoke(["protocols", "timestamp-echo"]) == 0
    assert "not tried" not in capsys.readouterr().out
