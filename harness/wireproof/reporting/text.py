"""Text that came from a peer, made harmless before any output sees it.

A server decides the bytes of its replies, and through them parts of messages. What steers a
terminal, reorders a line or cannot be seen is written as an escape; markup is the business of each
format's own escaping.
"""

import unicodedata

LINE_CHARACTERS = 4_000
"""Longest text that any report shows of one message."""

# Controls (Cc: escape sequences), format characters (Cf: bidi, zero width), surrogates, private
# and unassigned code points, and the two separators that some programs take as line ends.
_HARMFUL_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Invisible though not Cf: fillers, combining joiners, variation selectors (Unicode's
# Default_Ignorable_Code_Point, DerivedCoreProperties.txt), and the blank Braille pattern.
_INVISIBLE = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)
_STACKED_MARKS = 2
"""Combining marks on one letter that any language needs; more climb over the lines above."""


def escaped(text: str, *, limit: int = LINE_CHARACTERS, keep_newlines: bool = False) -> str:
    r"""Return `text` with every harmful character written as `\xNN`, `\uNNNN` or `\UNNNNNNNN`.

    Longer texts keep their two ends and say how many characters were left out.
    """
    if len(text) > limit:
        head, tail = limit * 3 // 4, limit // 4
        left_out = len(text) - head - tail
        text = f"{text[:head]} … {left_out:,} characters left out … {text[-tail:]}"
    if text.isascii() and text.isprintable():
        return text
    pieces = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if character == "\n" and keep_newlines:
            pieces.append(character)
        elif marks > _STACKED_MARKS or _is_harmful(character):
            pieces.append(_escape(character))
        else:
            pieces.append(character)
    return "".join(pieces)


def one_line(text: str, *, limit: int = LINE_CHARACTERS) -> str:
    """Return `text` escaped, its lines joined by single spaces."""
    return escaped(" ".join(text[: limit * 2].split()) if "\n" in text else text, limit=limit)


def preview(data: bytes, limit: int = 48) -> str:
    r"""Return the first bytes as printable ASCII; all else as `\r`, `\n`, `\t` or `\xNN`."""
    shown = "".join(_BYTE[byte] for byte in data[:limit])
    return shown + "…" if len(data) > limit else shown


def _is_harmful(character: str) -> bool:
    return unicodedata.category(character) in _HARMFUL_CATEGORIES or ord(character) in _INVISIBLE


def _escape(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BYTE = [
    _SHORT.get(chr(byte)) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
    for byte in range(256)
]
