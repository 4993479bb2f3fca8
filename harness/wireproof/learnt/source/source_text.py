"""Bytes and regular expressions as Python source that people read, in lines of 88 columns.

A value is handed over as tokens: bits of source that must not be parted. Lines end behind each
line of the value itself, and where there is no more room.
"""

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from wireproof.learning.patterns.pattern import ALPHABETS, DATE, Element, Literal, Pattern, Span
from wireproof.learning.values.kinds import Counter, Length, Rising, Settled
from wireproof.words import printable

LINE_COLUMNS: Final = 88
_PIECE_COLUMNS: Final = 72
_INDENT: Final = "    "
_NAMED: Final = {ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t"}
_SPECIAL: Final = rb"\.^$*+?{}[]|()"
_DATE_PART = re.compile(rb"([0-9]+)|([A-Za-z]+)|( +)|.", re.DOTALL)
_SHOWN_BYTES: Final = 40


def of_bytes(data: bytes) -> list[str]:
    r"""Return the tokens of a literal of bytes.

    >>> of_bytes(b"a\n\xff")
    ['a', '\\n', '\\xff']
    """
    return [r"\\" if byte == ord("\\") else _shown(byte) for byte in data]


def of_pattern(pattern: Pattern) -> list[str]:
    """Return the tokens of a regular expression that matches what a pattern allows, whole.

    It looks at the form alone: whether a date is now, or a counter counts, is not in it.
    """
    return [token for element in pattern.elements for token in _of_element(element)]


def literal(data: bytes) -> str:
    """Return a literal of bytes on one line."""
    return _quoted("".join(of_bytes(data)))


def told_spans(pattern: Pattern) -> Iterator[str]:
    """Yield a line for each place at which replies of a pattern differ, to be read by people."""
    for row in pattern.table():
        seen = ", ".join(printable(example, _SHOWN_BYTES) for example in row.examples[:2])
        yield f"byte {row.offset_bytes}: {row.kind}, such as {seen}"


def ends_itself(pattern: Pattern) -> bool:
    """Say whether a match of its regular expression ends where the reply does."""
    spans = [one for one in pattern.elements if isinstance(one, Span)]
    if any(one.alphabet == "any bytes" and not one.is_fixed for one in spans):
        return False
    last = pattern.elements[-1] if pattern.elements else None
    return not isinstance(last, Span) or (last.is_fixed and last.alphabet != DATE)


def assigned(name: str, tokens: Sequence[str], *, is_regex: bool = False) -> str:
    r"""Return the statement that gives a value a name.

    >>> print(assigned("PING", of_bytes(b'"PING"\n')))
    PING = b'"PING"\n'
    """
    begin, end = ("re.compile(", ")") if is_regex else ("", "")
    joined = _literal(tokens, is_regex=is_regex)
    if len(flat := f"{name} = {begin}{joined}{end}") <= LINE_COLUMNS:
        return flat
    lines = [joined]
    if len(joined) > LINE_COLUMNS - len(_INDENT):
        lines = [_literal(piece, is_regex=is_regex) for piece in _pieces(tokens)]
    return "\n".join([f"{name} = {begin or '('}", *(_INDENT + line for line in lines), ")"])


def method(head: str, told: str, returned: str) -> list[str]:
    """Return the lines of a method of one statement."""
    return [f"def {head}:", f'    """{told}"""', f"    return {returned}"]


def docstring(paragraphs: Sequence[str]) -> list[str]:
    """Return the lines of a module's docstring, in which nothing needs an escape."""
    clean = [one.replace("\\", "/").replace('"""', "'''") for one in paragraphs]
    first, *others = [wrap(one, LINE_COLUMNS - 4) for one in clean]
    lines = ['"""' + first[0], *first[1:]]
    for other in others:
        lines += ["", *other]
    return [*lines, '"""']


def table(name: str, begin: str, items: Sequence[str], end: str) -> str:
    """Return the statement of a table, an item a line."""
    lines = (f"    {line}" for item in items for line in item.split("\n"))
    return "\n".join([f"{name} = {begin}", *lines, end])


def group(begin: str, items: Sequence[str], end: str, room: int) -> str:
    """Return a few names on one line, or a line each where there is no more room."""
    flat = f"{begin}{', '.join(items)}{end}"
    if len(flat) + room + 4 <= LINE_COLUMNS:
        return flat
    return "\n".join([begin, *(f"    {item}," for item in items), end])


def _shown(byte: int) -> str:
    if byte in _NAMED:
        return _NAMED[byte]
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def _of_element(element: Element) -> Iterator[str]:
    if isinstance(element, Literal):
        yield from _escaped(element.data)
    elif isinstance(element.kind, Settled):
        yield from ["(?:", *_escaped(element.kind.first), "|", *_escaped(element.kind.since), ")"]
    elif element.alphabet == DATE:
        yield from _date(element.examples[0])
    else:
        yield ALPHABETS[element.alphabet].decode("latin-1") + _times(element)


def _times(span: Span) -> str:
    if isinstance(span.kind, Counter | Rising | Length) and not span.is_fixed:
        return "+"
    if span.is_fixed:
        return f"{{{span.least_bytes}}}"
    return "+" if span.least_bytes else "*"


def _escaped(data: bytes) -> Iterator[str]:
    for byte in data:
        if byte in _SPECIAL:
            yield f"\\{chr(byte)}"
        else:
            yield r"\x27" if byte == ord("'") else _shown(byte)


def _date(example: bytes) -> Iterator[str]:
    """Yield a date's form: numbers, names and what stands between them."""
    for found in _DATE_PART.finditer(example):
        digits, letters, spaces = found.groups()
        if digits:
            yield "[0-9]{1,2}" if len(digits) <= 2 else f"[0-9]{{{len(digits)}}}"
        elif letters:
            yield "[A-Za-z]+"
        elif spaces:
            yield " +"
        else:
            yield from _escaped(found[0])


def _pieces(tokens: Sequence[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    for one, following in zip(tokens, [*tokens[1:], ""], strict=True):
        piece.append(one)
        if one == r"\n" or sum(map(len, [*piece, following])) > _PIECE_COLUMNS:
            yield piece
            piece = []
    if piece:
        yield piece


def _literal(tokens: Sequence[str], *, is_regex: bool) -> str:
    """Return a literal in the quotes that need fewer escapes."""
    text = "".join(tokens)
    if is_regex:  # no apostrophes are in it
        return f"rb'{text}'" if '"' in text else f'rb"{text}"'
    return _quoted(text)


def _quoted(text: str) -> str:
    if text.count('"') > text.count("'"):
        return "b'" + text.replace("'", r"\'") + "'"
    return 'b"' + text.replace('"', r"\"") + '"'
