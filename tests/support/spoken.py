"""Servers' replies made up from parts that vary in known ways, play after play."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import strategies as st

from wireproof.learning.plays import Moment, Play

NOW_S = 1767441601.25  # Sat, 03 Jan 2026 12:00:01 GMT
Part = Callable[[int, float], bytes]
"""What a part of a reply says in the nth play, which is made at so many seconds of the epoch."""


@dataclass(frozen=True)
class Saying:
    """A part of a reply.

    Attributes:
        name: what it was made for, shown by Hypothesis.
        say: what it says.

    """

    name: str
    say: Part

    def __repr__(self) -> str:
        return self.name


def words(text: bytes) -> Saying:
    """The same every time."""
    return Saying(repr(text), lambda play, at_s: text)


def counter(first: int, step: int) -> Saying:
    """Counts plays, in decimal."""
    return Saying(f"counter({first}, {step})", lambda play, at_s: b"%d" % (first + step * play))


def binary_counter(first: int, width: int) -> Saying:
    """Counts plays in a field."""
    return Saying(
        f"binary_counter({first}, {width})",
        lambda play, at_s: ((first + play) % 256**width).to_bytes(width),
    )


def date(form: str) -> Saying:
    """Now, as `strftime` writes it."""

    def say(play: int, at_s: float) -> bytes:
        return datetime.fromtimestamp(int(at_s), UTC).strftime(form).encode()

    return Saying(f"date({form!r})", say)


def token(seed: int, size_bytes: int = 12) -> Saying:
    """Another one every time, in hexadecimal."""
    return Saying(
        f"token({seed})", lambda play, at_s: _chance(seed, play, size_bytes).hex().encode()
    )


def base64_token(seed: int) -> Saying:
    """Another one every time, with marks in it."""
    return Saying(
        f"base64_token({seed})",
        lambda play, at_s: base64.b64encode(_chance(seed, play, 18)),
    )


def raw_token(seed: int) -> Saying:
    """Another one every time, of single bytes."""
    return Saying(f"raw_token({seed})", lambda play, at_s: _chance(seed, play, 8))


def body(seed: int) -> Saying:
    """Behind its length, another one every time."""

    def say(play: int, at_s: float) -> bytes:
        text = b"z" * (3 + _chance(seed, play, 1)[0] % 40)
        return b"$%d\r\n%s\r\n" % (len(text), text)

    return Saying(f"body({seed})", say)


def _chance(seed: int, play: int, size_bytes: int) -> bytes:
    return hashlib.shake_128(f"{seed} {play}".encode()).digest(size_bytes)


FORMS = (
    "%a, %d %b %Y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S +0000",
    "%Y%m%d%H%M%S",
    "%s",
)

_SEEDS = st.integers(0, 10**6)
_PLAIN = st.sampled_from([b"OK", b"value of x", b"HTTP/1.1 200 OK", b"{", b"id", b"a, b; c"])
_TEXTS = st.one_of(
    _PLAIN.map(words),
    st.builds(counter, st.integers(0, 2000), st.integers(1, 3)),
    st.sampled_from(FORMS).map(date),
    _SEEDS.map(token),
    _SEEDS.map(base64_token),
    _SEEDS.map(body),
)
# Which byte a carry goes to is seen only when there is one, unless that byte is zero before.
_COUNTS = st.integers(0, 300) | st.integers(1, 20).map(lambda high: 256 * high + 100)
_FIELDS = st.one_of(
    st.binary(min_size=1, max_size=6).map(words),
    st.builds(binary_counter, _COUNTS, st.sampled_from([2, 4])),
    _SEEDS.map(raw_token),
)


def _text_reply(parts: Sequence[Saying]) -> list[Saying]:
    separator, end = words(b" | "), words(b"\r\n")
    return [*[one for part in parts for one in (part, separator)][:-1], end]


def _binary_reply(parts: Sequence[Saying]) -> list[Saying]:
    separator = words(b"\x00\xfe\x01\x00")
    return [*[one for part in parts for one in (separator, part)], separator]


reply_templates = st.one_of(
    st.lists(_TEXTS, min_size=1, max_size=6).map(_text_reply),
    st.lists(_FIELDS, min_size=1, max_size=5).map(_binary_reply),
)
"""One reply of a server, in its parts."""

conversations = st.lists(reply_templates, min_size=1, max_size=4)
"""The replies of one conversation."""


def moment_s(play: int) -> float:
    """When a play is made: the first slowly, the others half a second apart."""
    return NOW_S + (1.4 + 0.7 * play if play else 0)


def plays_of(replies: Sequence[Sequence[Saying]], count: int, first: int = 0) -> list[Play]:
    """Play a conversation, from play number `first` on."""
    plays = []
    for number in range(first, first + count):
        at_s = moment_s(number)
        said = tuple(b"".join(one.say(number, at_s) for one in reply) for reply in replies)
        plays.append(Play(said, (Moment(at_s - 0.01, at_s + 0.01),) * len(said)))
    return plays
