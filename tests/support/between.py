"""`wireproof between` from a test: what it found, and clients that are programs of a few lines."""

import json
import sys
from pathlib import Path
from typing import Any

from wireproof.cli import invoke

ARTICLE = Path(__file__).parent / "article_client.py"
HEAD = """
import os, socket, sys
def connected():
    return socket.create_connection(
        (os.environ["WIREPROOF_HOST"], int(os.environ["WIREPROOF_PORT"])), 20)
def line(s):
    got = b""
    while not got.endswith(b"\\n"):
        data = s.recv(4096)
        if not data:
            sys.exit("closed")
        got += data
    return got
"""
SOUND = f"""{HEAD}
with connected() as s:
    for word in (b"hi", b"you"):
        s.sendall(word + b"\\n")
        if line(s) != word.upper() + b"\\n":
            sys.exit("wrong reply")
"""


def judged(
    target: object, *words: str, options: tuple[str, ...] = ()
) -> tuple[int, dict[str, Any]]:
    """The exit code and the results of a run in the current folder."""
    out = "out"
    code = invoke(
        [
            "between",
            str(target),
            "--depth",
            "quick",
            "--out",
            out,
            "--force",
            *options,
            "--",
            *words,
        ]
    )
    return code, json.loads((Path(out) / "results.json").read_text())


def verdicts(results: dict[str, Any]) -> dict[str, str]:
    """By requirement."""
    return {one["id"]: one["verdict"] for one in results["check"]["requirements"]}


def python(code: str) -> tuple[str, ...]:
    """A command that runs a program."""
    return sys.executable, "-S", "-c", code
