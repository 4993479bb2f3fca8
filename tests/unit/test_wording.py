"""The words of what people read: README, docs, help and messages, by the ear of a native speaker.

Spelling is `make check`'s business (codespell); here are the turns that are right and that nobody
says, each with what to write instead.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BANNED = {
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bsends? on and on\b": "keeps sending",
    r"\blast words\b": "last log line",
    r"(?<!there )\bis no (duration|number|target|file|folder)\b": "invalid …",
    r"\bcomes of it\b": "writes",
    r"\bprov(e|es|ed|ing)\b": "check, show",
    r"\b(hence|thus|thereof|whereby|wherein|therein|hereby|forthwith|whilst|amongst)\b": "so",
    r"\bshall\b": "must, is to",
    r"\bin order to\b": "to",
    r"\bmake use of\b|\butili[sz]e": "use",
    r"\bfor ever\b": "forever",
    r"\banew\b": "again",
    r"\b(is|are|be) answered alike\b": "gets the same answer",
    r"\banswers? (it )?otherwise\b": "answers differently",
    r"\bends? well\b": "succeeds",
    r"\blea?v(e|es|ing) [\w-]+ away\b|\bleft away\b": "leave out",
    r"\bwould allow to\b": "lets you",
    r"\bas (it|they) likes?\b": "in any way",
    r"\bno business here\b": "may not",
    r"\bgiven? back, however\b": "released",
    r"\ball else\b": "everything else",
    r"\bbehind (byte|packet|request|the (request|handshake|next|header|end|reply|body))\b": "after",
    r"\bplease note\b|\bit should be noted\b": "(leave it out)",
}
PAGES = ["README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
SOURCES = sorted((ROOT / "harness" / "wireproof").rglob("*.py"))


def found(text: str) -> list[str]:
    """Return the banned turns of a text, with what to write instead."""
    return [
        f"{one[0]!r}: write {instead!r}"
        for pattern, instead in BANNED.items()
        for one in re.finditer(pattern, text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_plain(page: str):
    """No archaic turn in README and docs."""
    assert found((ROOT / page).read_text(encoding="utf-8")) == []


def said(tree: ast.Module) -> Iterator[str]:
    """Yield a file's string constants that are no docstrings, and the docstrings of commands."""
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            "command" in ast.dump(one) for one in node.decorator_list
        ):
            silent.discard(id(getattr(node.body[0], "value", None)))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in silent
        ):
            yield node.value


def test_help_and_messages_are_plain():
    """No archaic turn in what a command says, its help included."""
    wrong = {
        path.name: turns
        for path in SOURCES
        for text in said(ast.parse(path.read_text(encoding="utf-8")))
        if (turns := found(text))
    }
    assert wrong == {}
