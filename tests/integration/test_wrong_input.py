"""A walk through what people type wrong: each gets one or two lines and the right exit code."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import result_samples as samples
from wireproof.cli import invoke
from wireproof.results import encode

# `TARGET` stands for a server that listens, `DEAD` for a port on which nothing does.
WRONG: list[tuple[str, int, str]] = [
    # commands and options
    ("nosuch", 2, "no such command 'nosuch'\nknown: run, check, load"),
    ("--nosuch", 2, "no such option '--nosuch'\nsee wireproof --help"),
    ("check", 2, "missing argument 'TARGET'\nsee wireproof check --help"),
    ("check TARGET --depth deepest", 2, "'deepest' is not one of 'quick', 'default', 'deep'"),
    ("check TARGET --time-budget soon", 2, "--time-budget: invalid duration 'soon': write 500ms"),
    ("check TARGET --time-budget -1", 2, "--time-budget: invalid duration '-1': write 500ms, 5s"),
    ("check TARGET --time-budget 0s", 2, "--time-budget: 0s is too short: write 1ms or more"),
    ("check TARGET --prelude proxy-v3", 2, "there is no prelude 'proxy-v3'\nwrite proxy-v1"),
    ("check TARGET --behind nonsense", 2, "'nonsense' is not a target"),
    ("check TARGET --behind DEAD", 3, "connection refused\nstart the server first"),
    ("check exec:cat --protocol echo --prelude proxy-v1", 2, "means nothing over exec\nname a tcp"),
    ("check TARGET --seed x", 2, "'x' is not a valid integer"),
    ("check TARGET --only", 2, "'--only' requires an argument"),
    # targets
    ("check localhost:7", 2, "'localhost:7' is not a target\nwrite tcp://"),
    ("check tcp://", 2, "has no host\nwrite tcp://"),
    ("check tcp://127.0.0.1", 2, "has no port\nwrite tcp://"),
    ("check tcp://127.0.0.1:0", 2, "has no port\nwrite tcp://"),
    ("check tcp://127.0.0.1:99999", 2, "Port out of range 0-65535\nwrite tcp://"),
    ("check tcp://127.0.0.1:http", 2, "is not a target"),
    (
        "check http://127.0.0.1:80",
        2,
        "'http' is not a transport\nwrite tcp://127.0.0.1:80 --protocol http1",
    ),
    ("check tcp://[::1:7", 2, "is not a target: Invalid IPv6 URL"),
    ("check tcp://user@127.0.0.1:7", 2, "has more than a host and a port"),
    ("check tcp://127.0.0.1:7/path", 2, "has more than a host and a port"),
    ("check unix:", 2, "names no absolute path\nwrite unix:/"),
    ("check unix:/nonexistent/sock", 3, "No such file or directory\nstart the server first"),
    ("check tcp://192.0.2.1:7", 2, "not this machine"),
    ("check tcp://no-such-host.invalid:7", 3, "'no-such-host.invalid' does not resolve"),
    ("check DEAD", 3, "connection refused\nstart the server first"),
    ("talk DEAD", 3, "connection refused\nstart the server first"),
    ("talk nonsense", 2, "'nonsense' is not a target"),
    ("run nonsense", 2, "'nonsense' is not a target"),
    ("backlog nonsense", 2, "'nonsense' is not a target"),
    ("backlog udp://127.0.0.1:9", 2, "has no connections, so no accept queue"),
    # protocols and their settings
    ("check TARGET --protocol ecco", 2, "no protocol 'ecco' (did you mean echo?)\nknown: echo"),
    ("check TARGET --protocol nomodule:Class", 2, "there is no module 'nomodule'"),
    ("check TARGET --protocol missing.py:X", 2, "there is no file missing.py"),
    ("check TARGET --protocol syntax.py:X", 2, "does not import: SyntaxError"),
    ("check TARGET --protocol boom.py:X", 2, "does not import: RuntimeError: boom\nfix it at"),
    ("check TARGET --protocol plain.py:Y", 2, "has no protocol class 'Y'"),
    ("check TARGET --protocol plain.py:Plain", 2, "has no protocol class 'Plain'"),
    ("check TARGET --protocol echo --set x", 2, "--set 'x' has no value\nwrite --set name=value"),
    ("check TARGET --protocol echo --set x=1", 2, "echo has no setting 'x'\nit has:"),
    ("check TARGET --set buffer=many", 2, "buffer takes a whole number, not 'many'"),
    ("check TARGET --protocol own.py --set x=1", 2, "Own has no setting 'x'\nit has: "),
    ("check udp://127.0.0.1:9 --protocol own.py", 2, "Own is not spoken over udp\nit is spoken"),
    ("check TARGET --set connections=0", 2, "connections takes a number of 1 or more, not 0"),
    ("protocols nope", 2, "there is no protocol 'nope'\nknown: echo"),
    ("rules --protocol nope", 2, "there is no protocol 'nope'\nknown: echo"),
    # requirements and baselines
    ("check TARGET --only NOPE-1", 2, "no requirement 'NOPE-1'\nwireproof rules lists them"),
    ("check TARGET --skip NOPE-1", 2, "no requirement 'NOPE-1'\nwireproof rules lists them"),
    ("check TARGET --baseline missing.toml", 2, "cannot read missing.toml"),
    ("check TARGET --baseline list.json", 2, "list.json is not a baseline"),
    # folders
    ("check TARGET --out file", 2, "'file' is a file"),
    (
        "check TARGET --out file/below",
        3,
        "cannot write to file/below: Not a directory\nname another",
    ),
    # result files
    ("report", 2, "missing argument 'RESULTS.json'"),
    ("report missing.json", 2, "cannot read missing.json: No such file or directory"),
    ("report .", 2, ". is a folder\nwrite results.json"),
    ("report empty.json", 2, "is not a result file"),
    ("report cut.json", 2, "is not a result file: Input data was truncated"),
    ("report other.json", 2, "a result file of format 99, and this version reads format 2"),
    ("report object.json", 2, "cannot read object.json: it is not a result file"),
    ("report list.json", 2, "is not a result file: Expected `object`, got `array`"),
    ("report bytes.json", 2, "is not a result file: JSON is malformed"),
    ("report wrong.json", 2, "is not a result file: Expected `str`, got `int`"),
    ("report deep.json", 2, "is not a result file"),
    ("report good.json --pdf x", 2, "no such option '--pdf'"),
    ("report good.json --html nodir/x.html", 3, "cannot write nodir/x.html"),
    ("report good.json --latency wire", 2, "--latency says nothing without --hgrm\nadd --hgrm"),
    ("report good.json --latency wirre --hgrm -", 2, "'wirre' is not one of 'service'"),
    ("report check.json --csv -", 2, "holds no load\nthis format needs one of"),
    ("report check.json --hgrm -", 2, "holds no load\nthis format needs one of"),
    ("compare good.json", 2, "missing argument 'NEW.json'"),
    ("compare good.json missing.json", 2, "cannot read missing.json"),
    ("compare cut.json good.json", 2, "cannot read cut.json"),
    ("compare good.json good.json --tolerance lots", 2, "'lots' is not a valid float range"),
    ("compare good.json good.json --tolerance -3", 2, "-3.0 is not in the range 0<=x<=100"),
    ("compare good.json good.json --html file/x", 3, "cannot write file/x: Not a directory"),
    # replay files
    ("replay missing.json", 2, "cannot read missing.json"),
    ("replay good.json", 2, "good.json is not a replay file"),
    ("replay cut.json", 2, "cut.json is not a replay file"),
    ("replay good.json --runs 0", 2, "0 is not in the range 1<=x<=1000"),
    # the accept queue, the whole job
    (
        "backlog TARGET --connections many",
        2,
        "is not a list of numbers of 1 or more\nwrite --connections 1,10",
    ),
    (
        "backlog TARGET --connections 0",
        2,
        "is not a list of numbers of 1 or more\nwrite --connections 1,10",
    ),
    ("backlog TARGET --pause-pid 999999999", 2, "process 999999999 does not listen on"),
    ("backlog TARGET --for -1", 2, "--for: invalid duration '-1': write 500ms, 5s or 2m"),
    # load
    ("load nonsense", 2, "'nonsense' is not a target"),
    ("load DEAD", 3, "connection refused\nstart the server first"),
    ("load TARGET --users 0", 2, "needs one connection at least\nwrite --users 50"),
    ("load TARGET --users many", 2, "'many' is not a valid integer"),
    ("load TARGET --slo p99<", 2, "'p99<' is not an objective\nwrite p99<5ms"),
    ("load TARGET --slo speed>3", 2, "'speed' is not measured\nknown: p50"),
    ("load TARGET --rate -1", 2, "--rate takes a number above 0"),
    ("load TARGET --for soon", 2, "--for: invalid duration 'soon': write 500ms, 5s or 2m"),
    ("load TARGET --payload huge", 2, "'huge' is not a payload size\nwrite --payload 64"),
    ("load TARGET --stages 1,x", 2, "'1,x' is not a list of numbers of 1 or more\nwrite --stages"),
    ("load TARGET --segment slices", 2, "not a way to cut a request\nwrite --segment"),
    ("load TARGET --segment-share 200%", 2, "'200%' is not a share\nwrite 5%"),
    ("load TARGET --source-addresses x", 2, "does not appear to be an IPv4 or IPv6 address"),
    ("load TARGET --timeout 3x", 2, "--timeout: invalid duration '3x': write 500ms, 5s or 2m"),
    ("run --for 0", 2, "--for: 0 is too short: write 500ms or more"),
]

_OWN = b"""
from hypothesis import strategies as st
from wireproof import Delimited

class Own(Delimited):
    def requests(self): return st.just(b"x\\n")
    def expected(self, request): return request
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of every wrong kind."""
    place = tmp_path_factory.mktemp("wrong")
    good = encode(samples.results())
    files: dict[str, bytes] = {
        "good.json": good,
        "cut.json": good[:500],
        "other.json": good.replace(b'"format": 2', b'"format": 99'),
        "check.json": encode(samples.results("check", check=samples.check())),
        "wrong.json": json.dumps({"format": 1, "command": 3}).encode(),
        "empty.json": b"",
        "object.json": b"{}",
        "list.json": b"[]",
        "bytes.json": b"\xff\xfe\x00",
        "deep.json": b"[" * 100_000,
        "syntax.py": b"class X(:",
        "boom.py": b"raise RuntimeError('boom')\n",
        "plain.py": b"class Plain:\n    pass\n",
        "own.py": _OWN,
        "file": b"",
    }
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place


@pytest.fixture(scope="module")
def targets() -> Iterator[dict[str, str]]:
    """A listener that never accepts, and a port that was free a moment ago and stays bound."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield {
            "TARGET": f"tcp://127.0.0.1:{listener.getsockname()[1]}",
            "DEAD": f"tcp://127.0.0.1:{silent.getsockname()[1]}",
        }


@pytest.mark.parametrize("case", WRONG, ids=[words for words, *_ in WRONG])
def test_what_is_wrong_is_told_in_two_lines(
    case: tuple[str, int, str],
    folder: Path,
    targets: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 for wrong words and 3 for a world that does not play along, never a traceback."""
    words, code, told = case
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HYPOTHESIS_NO_PLUGINS", "1")  # as check sets it
    assert invoke([targets.get(word, word) for word in words.split()]) == code
    output, errors = capfd.readouterr()
    assert errors.startswith("wireproof: ")
    assert told in errors
    assert len(errors.splitlines()) <= 2
    assert "Traceback" not in errors
    assert output == ""
