"""Finding a protocol, and what is said where there is none."""

import sys
from pathlib import Path

import pytest

from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.protocols.loading import registry
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol, protocol_file
from wireproof.protocols.loading.settings import settings_of

SHOUT = '''
from hypothesis import strategies as st
from wireproof.protocols import Delimited

class Shout(Delimited):
    """One line in, capitals out."""
    name = "shout"
    loud: bool = True
    times: int = 1
    share: float = 0.5
    def requests(self):
        return st.just(b"a\\n")
    def expected(self, request):
        return request.upper() if self.loud else request
'''


def written(folder: Path, text: str, name: str = "dns.py") -> str:
    """Return the path of a file with `text`; its name is that of an installed package."""
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_users_file_with_settings(tmp_path: Path):
    """A class in a file is found, configured, and does not shadow a package of its file's name."""
    where = written(tmp_path, SHOUT)
    protocol = find_protocol(f"{where}:Shout", {"loud": "no", "times": "3"})
    assert protocol.name == "shout"
    assert settings_of(protocol)["times"] == 3
    assert settings_of(protocol)["loud"] is False
    import dns.message

    assert dns.message.__file__


def test_fixed_names_are_no_settings(tmp_path: Path):
    """What makes the protocol what it is cannot be set."""
    protocol = find_protocol(f"{written(tmp_path, SHOUT)}:Shout")
    assert not {"name", "source", "half_close", "summary", "exchange"} & set(settings_of(protocol))
    with pytest.raises(UsageError, match="no setting 'name'"):
        find_protocol(f"{written(tmp_path, SHOUT)}:Shout", {"name": "x"})


def test_a_setting_in_seconds_is_a_duration():
    """It is read as every option that takes a time; a bare number is in seconds."""
    for text, seconds in (("500ms", 0.5), ("2m", 120.0), ("3", 3.0)):
        protocol = find_protocol("timestamp-echo", {"skew_s": text})
        assert settings_of(protocol)["skew_s"] == seconds
    with pytest.raises(UsageError, match=r"^skew_s: invalid duration '3x': write 500ms, 5s or 2m$"):
        find_protocol("timestamp-echo", {"skew_s": "3x"})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"times": "many"}, "takes a whole number"),
        ({"loud": "perhaps"}, "takes true or false"),
        ({"share": "-1"}, "0 or more"),
        ({"share": "nan"}, "0 or more"),
        ({"share": "inf"}, "0 or more"),
    ],
)
def test_settings_of_the_wrong_type(tmp_path: Path, settings: dict[str, str], said: str):
    """A value that is not of the setting's type is refused with the type."""
    with pytest.raises(UsageError, match=said):
        find_protocol(f"{written(tmp_path, SHOUT)}:Shout", settings)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ecoh", "did you mean echo"),
        ("wireproof.protocols.built_in.echo:Ecko", "it has: Echo"),
        ("no_such_module:Class", "there is no module"),
        ("nowhere/file.py:Class", "there is no file"),
    ],
)
def test_what_is_not_there(name: str, said: str):
    """A protocol that is not found is told with what there is."""
    with pytest.raises(UsageError, match=said):
        find_protocol(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:\n", r"SyntaxError.*\n.*broken\.py:1"),
        ("\n\n1 / 0\n", r"ZeroDivisionError.*\n.*broken\.py:3"),
        ("import no_such_thing\n", r"no_such_thing.*\n.*broken\.py:1"),
        (SHOUT.replace("def expected", "def expect"), r"(?s)incomplete.*expected.*broken\.py:5"),
        (SHOUT.replace("    loud", "    def __init__(self): self.x\n    loud"), r"AttributeError"),
    ],
)
def test_a_file_that_is_at_fault(tmp_path: Path, text: str, said: str):
    """What is wrong with a user's file is told with file and line, as theirs."""
    where = written(tmp_path, text, "broken.py")
    with pytest.raises(ProtocolCodeError, match=said):
        find_protocol(f"{where}:Shout")


def test_a_missing_extra_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch):
    """A protocol whose library is missing says how to install it, and imports nothing of it."""
    monkeypatch.setattr(
        registry.importlib.util, "find_spec", lambda name: None if name == "h11" else object()
    )
    with pytest.raises(UsageError) as caught:
        find_protocol("http1")
    assert str(caught.value) == (
        "the protocol http1 needs h11; install it with python -m pip install 'wireproof[http1]'"
    )
    assert caught.value.exit_code == 2


def test_extras_are_named_after_protocols():
    """Each protocol that needs a library has an extra of its name."""
    import tomllib

    root = Path(__file__).parents[5]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    needing = {name for name in BUILT_IN if registry.protocol_class(name).modules}
    assert needing <= set(extras)
    assert "dns" in sys.modules or needing  # finding the class has imported no library it needs


def test_a_file_alone_names_its_one_class(tmp_path: Path):
    """Of several, the line to write is in the message; a file without one is told so."""
    where = written(tmp_path, SHOUT)
    assert find_protocol(where).name == find_protocol(f"{where}:Shout").name
    assert protocol_file(where) == Path(where)
    where = written(tmp_path, SHOUT + "\n\nclass Other(Shout):\n    pass\n", "two.py")
    with pytest.raises(UsageError, match=r"write .*two\.py:Shout or .*two\.py:Other"):
        find_protocol(where)
    with pytest.raises(UsageError, match="has no protocol class"):
        find_protocol(written(tmp_path, "a = 1\n", "empty.py"))
