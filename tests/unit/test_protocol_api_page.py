"""The page of the protocol API is true: its examples are run, and name what there is."""

import doctest
import re
from pathlib import Path

import wireproof

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "protocol-api.md"
TOLD = {
    "length_bytes", "header_bytes", "length_at", "length_adjust", "frame", "payload",
    "reply_length", "numbered", "eof_ends_reply", "parts", "pauses", "heard", "most_requests",
    "MalformedReplyError",
}  # fmt: skip


def test_every_example_does_what_it_shows() -> None:
    """One namespace from the top of the page to its end, as a reader goes."""
    text = re.sub(r"^```.*$", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert doctest.DocTestRunner().run(test).failed == 0
    assert len(test.examples) > 20


def test_what_the_page_is_for_stands_on_it() -> None:
    """Each name has an example, not only a mention."""
    examples = "\n".join(re.findall(r"^(?:>>>|\.\.\.) .*$", PAGE.read_text(), re.MULTILINE))
    assert not [name for name in TOLD if name not in examples]


def test_bases_have_the_attributes_of_the_table() -> None:
    """By the names of the code."""
    for base, attributes in {
        "Delimited": ["delimiter"],
        "FixedSize": ["reply_bytes"],
        "LengthPrefixed": ["length_bytes", "little_endian", "length_counts_itself"],
        "VarintLengthPrefixed": ["header_bytes", "most_length_bytes"],
        "HeaderWithLength": ["header_bytes", "length_at", "length_bytes", "length_adjust"],
    }.items():
        assert set(attributes) <= {*getattr(wireproof, base).__annotations__}, base
